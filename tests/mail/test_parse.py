"""Parsing whole mails: nothing hides, nothing raises, bounds hold."""

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.mail.edit import PruneRecipients, apply, exposed
from dlp_gateway.mail.message import Defect, Message, Part
from dlp_gateway.mail.parse import Limits, decode_field, parse
from tests import strategies

EML = Path(__file__).parent.parent / "eml"
HIDING = sorted(path for path in EML.glob("*.eml") if b"Subject: A test" in path.read_bytes())
# A folder of real mails, wherever there is one; nothing of it is copied here.
COLLECTION = os.environ.get("MAIL_COLLECTION", "")
REAL = sorted(path for path in Path(COLLECTION).rglob("*") if path.is_file()) if COLLECTION else []
MARKER = b"MARKER-4711"


def read(name: str) -> Message:
    """Parse one of our mails."""
    return parse((EML / name).read_bytes())


def parsed(text: str) -> Message:
    """Parse a mail written with bare line ends."""
    return parse(text.replace("\n", "\r\n").encode())


def shape(message: Message) -> list[tuple[str, str]]:
    """Return path and media type of each part that shows something."""
    return [(part.path, part.media_type) for part in message.parts if part.content or not part.defects]


@pytest.mark.parametrize("path", HIDING, ids=lambda path: path.stem)
def test_finds_what_is_hidden(path: Path) -> None:
    """Each mail that hides the marker yields a part in which it stands decoded."""
    assert [part for part in parse(path.read_bytes()).parts if MARKER in part.content]


@pytest.mark.parametrize(
    ("name", "defect"),
    [
        ("two-content-types", Defect.AMBIGUOUS_TYPE),
        ("two-transfer-encodings", Defect.AMBIGUOUS_TYPE),
        ("two-boundaries", Defect.AMBIGUOUS_TYPE),
        ("no-boundary", Defect.NO_BOUNDARY),
        ("wrong-boundary", Defect.NO_BOUNDARY),
        ("unclosed-multipart", Defect.UNCLOSED_MULTIPART),
        ("base64-with-junk", Defect.BAD_ENCODING),
        ("base64-padded-in-the-middle", Defect.BAD_ENCODING),
        ("base64-cut", Defect.BAD_ENCODING),
        ("unknown-encoding", Defect.UNKNOWN_ENCODING),
        ("quoted-printable-oddities", Defect.BAD_ENCODING),
        ("stray-line-in-header", Defect.BAD_FIELD),
    ],
)
def test_records(name: str, defect: Defect) -> None:
    """What is odd is recorded."""
    assert defect in read(f"{name}.eml").defects


def test_padding_that_is_left_out_is_no_defect() -> None:
    """Every client adds it."""
    assert read("base64-without-padding.eml").defects == ()


def test_reads_both_types() -> None:
    """Two Content-Type fields: the body is a text part and an HTML part."""
    assert shape(read("two-content-types.eml")) == [("1", "text/plain"), ("1", "text/html")]


def test_reads_html_that_is_called_just_that() -> None:
    """A type that is none is plain text, and HTML to who goes by its name."""
    assert shape(parsed("Content-Type: html\n\n<p>x")) == [("1", "text/plain"), ("1", "text/html")]


def test_reads_parts_between_empty_boundaries() -> None:
    """An empty boundary divides at lines of two hyphens."""
    message = parsed('Content-Type: multipart/mixed; boundary=""\n\n--\n\nx\n--\nContent-Type: text/html\n\ny\n----\n')
    assert shape(message) == [("1", "text/plain"), ("2", "text/html")]


def test_an_orderly_mail_has_no_defects() -> None:
    """A plain mail is one part, its fields in place."""
    message = parsed("From: a@corp.example\nTo: b@example.org\nSubject: x\n y\n\nbody\n")
    assert message.defects == ()
    assert shape(message) == [("1", "text/plain")]
    assert message.parts[0].content == b"body\r\n"
    assert message.raw[message.body_start :] == b"body\r\n"
    assert message.named("SUBJECT")[0].body == b"x y"
    assert b"".join(message.raw[field.start : field.end] for field in message.fields) + b"\r\nbody\r\n" == message.raw


def test_numbers_parts_as_imap_does() -> None:
    """Paths of nested multiparts and embedded messages."""
    message = parsed(
        "Content-Type: multipart/mixed; boundary=a\n\n--a\n"
        "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nx\n"
        "--b\nContent-Type: text/html\n\ny\n--b--\n--a\nContent-Type: message/rfc822\n\nSubject: z\n\nz\n--a\n"
        "Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nw\n--c--\n--a--\n"
    )
    assert shape(message) == [
        ("1.1", "text/plain"),
        ("1.2", "text/html"),
        ("2", "message/rfc822"),
        ("2.1", "text/plain"),
        ("3", "message/rfc822"),
        ("3.1", "text/plain"),
    ]
    assert message.defects == ()
    assert message.parts[2].content == b"Subject: z\r\n\r\n"


@pytest.mark.parametrize(
    "preamble",
    ["This is a multi-part message in MIME format.", "This is a MIME-encapsulated message.", "", "  \n", "\n\n"],
)
def test_the_usual_preamble_is_no_part(preamble: str) -> None:
    """The sentence for readers without MIME is not text of the mail."""
    message = parsed(f"Content-Type: multipart/mixed; boundary=a\n\n{preamble}\n--a\n\nx\n--a--\n\n\n")
    assert shape(message) == [("1", "text/plain")]


def test_reads_visible_recipients() -> None:
    """Fourteen mailboxes in every way of writing, in eight recipient fields; Bcc is not visible."""
    assert [(one.field, one.address) for one in read("visible-in-every-way.eml").visible] == [
        ("To", "bob@example.org"),
        ("To", "carol@example.net"),
        ("To", "dave@client.example"),
        ("To", "u@d.example"),
        ("To", "erin@client.example"),
        ("To", "juergen@kunde.example"),
        ("To", "frank@kunde.example"),
        ("Cc", "grace@kunde.example"),
        ("Cc", "heidi@kunde.example"),
        ("Cc", "ivan@kunde.example"),
        ("Resent-To", '"judy smith"@kunde.example'),
        ("Resent-Cc", "ken@kunde.example"),
        ("Resent-Cc", "leo@[192.0.2.7]"),
        ("Resent-Cc", "mia@bücher.example"),
    ]


@pytest.mark.parametrize(
    "line", [b"T\x00o: a@b.example", b"\xef\xbb\xbfTo: a@b.example", b" To: a@b.example", b"\x7fc\x01C : a@b.example"]
)
def test_reads_disguised_recipient_fields(line: bytes) -> None:
    """A recipient field only to clients that drop what does not print counts, and is found again when it must hide."""
    raw = line + b"\r\nSubject: x\r\n\r\nbody"
    assert [one.address for one in parse(raw).visible] == ["a@b.example"]
    assert exposed(apply(raw, (PruneRecipients(hidden=("a@b.example",), to=""),)), ("a@b.example",)) == ("other",)


def test_reads_disguised_recipient_fields_to_their_end() -> None:
    """Folded lines of a disguised field belong to it, whatever stands in them."""
    raw = b"T\0o: a@b.example,\r\n group: c@b.example;\r\n To: d@b.example\r\nX: y\r\n\r\nbody"
    assert [one.address for one in parse(raw).visible] == ["a@b.example", "c@b.example", "d@b.example"]


def test_all_traces_of_a_recipient_go() -> None:
    """A mail full of traces shows none after pruning, but for the signature that quotes the old header."""
    raw = (EML / "traces-of-recipients.eml").read_bytes()
    edited = apply(raw, (PruneRecipients(hidden=("bob@example.org",), to=""),))
    assert exposed(edited, ("bob@example.org",)) == ("DKIM-Signature",)


def test_authors_fields_betray_recipients() -> None:
    """Fields that the author wrote are found, in whatever form they name a recipient."""
    raw = (EML / "author-names-a-recipient.eml").read_bytes()
    hidden = ("bob@example.org", "carol@example.net")
    edited = apply(raw, (PruneRecipients(hidden=hidden, to=""),))
    assert exposed(edited, hidden) == ("Reply-To", "Subject", "List-Unsubscribe", "X-Verp")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ("Content-Disposition: attachment; filename=plain.txt", "plain.txt"),
        ("Content-Disposition: attachment; filename=my plain.txt", "my plain.txt"),
        ('Content-Disposition: attachment; filename="a;b \\"c\\".txt"', 'a;b "c".txt'),
        ("Content-Disposition: attachment; filename*=utf-8'de'%C3%BCber.txt", "über.txt"),
        (
            "Content-Disposition: attachment; filename*0*=iso-8859-1''%FCb;\n filename*1=\"er.\"; filename*2*=t%78t",
            "über.txt",
        ),
        ('Content-Disposition: attachment; filename="=?utf-8?q?=C3=BCber=2Etxt?="', "über.txt"),
        ('Content-Type: text/plain; name="=?utf-8?b?w7xiZXIudHh0?="', "über.txt"),
        ("Content-Disposition: attachment; FILENAME = x.txt ; other=y", "x.txt"),
    ],
)
def test_reads_file_names(fields: str, name: str) -> None:
    """File names in plain, quoted, RFC 2231 and RFC 2047 form."""
    assert name == parsed(f"{fields}\n\nbody").parts[0].filename


@pytest.mark.parametrize(
    ("fields", "labels"),
    [
        ("Content-Type: text/plain; name=a.txt\nContent-Disposition: attachment; filename=b.txt", "b.txt\na.txt"),
        ("Content-Type: text/plain; name=a.txt; name=b.txt", "a.txt\nb.txt"),
        ("Content-Disposition: inline; filename=a.txt\nContent-Disposition: attachment; name=b.txt", "a.txt\nb.txt"),
        ("Content-Type: text/plain; name=a.txt\nContent-Disposition: inline; filename=a.txt", "a.txt"),
        ("Content-Disposition: inline; filename=a(1).txt", "a(1).txt\na .txt"),
        ("Content-Description: =?utf-8?q?f=C3=BCr?= b", "für b"),
        ("Content-Type: multipart/mixed; boundary=i; name=a.txt\nContent-Description: b", "a.txt\nb"),
        ("Content-Type: message/rfc822; name=a.eml\nContent-Description: b", "a.eml\nb"),
    ],
)
def test_reads_all_labels_of_a_part(fields: str, labels: str) -> None:
    """Every name and description that a client may show is kept, also that of a part that has parts."""
    message = parsed(f"Content-Type: multipart/mixed; boundary=o\n\n--o\n{fields}\n\n--i\n\nx\n--i--\n--o--\n")
    assert [labels] == [part.filename for part in message.parts if part.filename]


def test_reads_text_in_each_charset() -> None:
    """Two charset parameters: the text is read by both; a comment makes none."""
    message = parsed("Content-Type: text/plain; charset=us-ascii; charset=UTF-7\n\n+AGE-")
    assert [part.charset for part in message.parts] == ["us-ascii", "utf-7"]
    assert message.defects == (Defect.AMBIGUOUS, Defect.AMBIGUOUS_TYPE)
    message = parsed("Content-Type: text/plain; charset=us-ascii (Plain text)\n\nx")
    assert [part.charset for part in message.parts] == ["us-ascii"]
    assert message.defects == ()


@pytest.mark.parametrize(
    "fields",
    [
        "".join(f"Content-Transfer-Encoding: {name}\n" for name in ("7bit", "8bit", "binary", "x", "base64")),
        "".join(f"Content-Type: text/x{number}\n" for number in range(5)),
        "Content-Type: text/plain" + "".join(f"; charset=x{number}" for number in range(5)) + "\n",
        "Content-Type: multipart/mixed" + "".join(f"; boundary=x{number}" for number in range(5)) + "\n",
    ],
)
def test_says_when_it_follows_not_all_readings(fields: str) -> None:
    """Five ways to read a part are more than are followed."""
    assert Defect.TOO_MANY_PARTS in parsed(f"{fields}\nbody").defects


def test_guesses_a_boundary_where_the_declared_one_begins_no_line() -> None:
    """A boundary within a line is none."""
    message = parsed(
        "Content-Type: multipart/mixed; boundary=b\n\nno --b\n\n--o\nContent-Transfer-Encoding: base64\n\neA==\n--o--\n"
    )
    assert Defect.NO_BOUNDARY in message.defects
    assert b"x" in [part.content for part in message.parts]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?J=C3=BCrgen?=", "Jürgen"),
        (b"=?iso-8859-1*de?Q?J=FCrgen?= x", "Jürgen x"),
        (b"=?utf-8?b?SsO8?= \t=?utf-8?b?cmdlbg?=", "Jürgen"),
        (b"=?utf-8?q?J=C3?= =?utf-8?q?=BCrgen?=", "Jürgen"),
        (b"J\xc3\xbcrgen", "Jürgen"),
        (b"J\xfcrgen", "Jürgen"),
        (b"J\xfcrgen \xc3\xbc", "Jürgen ü"),
        (b"=?nonsense?q?a=FC?=", "aü"),
        (b"=?punycode?q?a-b?=", "a-b"),
        (b"=?utf-7?q?+AGE-?=", "a"),
        (b"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
        (b"=?utf-8?q?unclosed", "=?utf-8?q?unclosed"),
        (b"x=?utf-8?q?y?=z", "xyz"),
        (b"=?ks_c_5601-1987?b?x9Gx2w==?=", "한글"),
    ],
)
def test_decodes_free_text(body: bytes, expected: str) -> None:
    """Free text as people see it."""
    assert expected == decode_field(body)


def test_bounds_fields() -> None:
    """Behind the bound fields are not read, and that is said."""
    message = parse(b"X: y\r\n" * 20 + b"\r\nbody", Limits(fields=10))
    assert len(message.fields) == 10
    assert Defect.TOO_MANY_FIELDS in message.defects
    assert message.parts[0].content == b"body"


def test_bounds_header_octets() -> None:
    """A header section longer than the bound is cut, and that is said."""
    message = parse(b"X: " + b"y" * 100 + b"\r\nTo: a@b.example\r\n\r\nbody", Limits(header_octets=50))
    assert Defect.TOO_MANY_FIELDS in message.defects
    assert message.parts[-1].content == b"body"


def test_bounds_recipients_over_all_fields() -> None:
    """The bound counts the recipients of all fields together."""
    message = parse(b"To: a@b.example, c@b.example\r\nCc: d@b.example, e@b.example\r\n\r\n", Limits(recipients=3))
    assert len(message.visible) == 3
    assert Defect.TOO_MANY_RECIPIENTS in message.defects


def test_bounds_parts() -> None:
    """A thousand parts and no more, and that is said."""
    raw = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n\r\nx\r\n" * 5000 + b"--a--\r\n"
    message = parse(raw)
    assert len(message.parts) == 999  # the multipart itself counts
    assert Defect.TOO_MANY_PARTS in message.defects


@pytest.mark.parametrize(
    "level",
    [
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n",
        b"Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n--a\r\n--b\r\n",
        b"Content-Type: message/rfc822\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n",
    ],
)
def test_bounds_depth(level: bytes) -> None:
    """Three thousand levels need no recursion and end at a bound."""
    defects = parse(level * 3000 + b"\r\nx").defects
    assert Defect.TOO_DEEP in defects or Defect.TOO_MANY_PARTS in defects


def test_bounds_depth_under_base64() -> None:
    """Messages under base64 in messages under base64 end at the bound of depth."""
    raw = b"Subject: x\r\n\r\nx"
    for _ in range(60):
        raw = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(raw)
        raw = raw if len(raw) < 1_000_000 else raw[:1_000_000]
    assert parse(raw).defects


def check(message: Message) -> None:
    """The promises of `Message`, whatever came in."""
    assert 0 <= message.body_start <= len(message.raw)
    ends = [field.end for field in message.fields]
    assert ends == sorted(ends)
    assert all(field.start < field.end <= message.body_start for field in message.fields)
    assert all(isinstance(part, Part) and part.path for part in message.parts)
    assert len(message.defects) == len(set(message.defects))
    assert all("@" in one.address for one in message.visible)


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_arbitrary_octets_never_raise(raw: bytes) -> None:
    """Any octets are a message."""
    check(parse(raw))


@given(strategies.mime_soup)
@settings(max_examples=200, deadline=None)
def test_mime_soup_never_raises(raw: bytes) -> None:
    """Octets that look like MIME are a message."""
    check(parse(raw))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_mails_never_raise(data: st.DataObject) -> None:
    """Our own mails, damaged at random."""
    path = data.draw(st.sampled_from(sorted(EML.glob("*.eml"))))
    check(parse(data.draw(strategies.mutations_of(path.read_bytes()))))


@pytest.mark.skipif(not REAL, reason="MAIL_COLLECTION names no folder of real mails")
def test_real_mails_never_raise() -> None:
    """Every mail of the collection, as it is and with its line ends made CRLF."""
    for path in REAL:
        raw = path.read_bytes()
        check(parse(raw))
        check(parse(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")))


@pytest.mark.skipif(not REAL, reason="MAIL_COLLECTION names no folder of real mails")
@given(st.data())
@settings(max_examples=200, deadline=None)
def test_damaged_real_mails_never_raise(data: st.DataObject) -> None:
    """Mails of the collection, damaged at random."""
    raw = data.draw(st.sampled_from(REAL)).read_bytes()[:20_000]
    check(parse(data.draw(strategies.mutations_of(raw))))
