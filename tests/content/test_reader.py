"""Whole messages: every text that is read, and a plain word on what is not."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.content import plain, reader
from dlp_gateway.content.reader import read
from dlp_gateway.content.text import UnreadableReason
from dlp_gateway.mail.parse import parse
from tests.work import LINEAR, growth


def texts(raw: str | bytes) -> dict[str, str]:
    """Return what is read of a message, by place."""
    found, _ = read(parse(_wire(raw)))
    return {text.where: text.text for text in found}


def unread(raw: str | bytes) -> list[tuple[str, str, str]]:
    """Return what is not read, as (part, type, reason)."""
    _, found = read(parse(_wire(raw)))
    return [(part.part, part.type, part.reason.value) for part in found]


def part(media_type: str, content: bytes, *, more: str = "") -> bytes:
    """Return a message of one part."""
    head = f"Content-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\n{more}\r\n"
    return head.encode() + base64.encodebytes(content).replace(b"\n", b"\r\n")


def _wire(raw: str | bytes) -> bytes:
    return raw if isinstance(raw, bytes) else raw.replace("\n", "\r\n").encode()


def test_plain_text_with_bare_line_ends() -> None:
    """Line ends are one character each, so that offsets count as people do."""
    assert texts("Subject: x\n\none\ntwo\n")["part:1"] == "one\ntwo\n"


@pytest.mark.parametrize(
    ("header", "where", "expected"),
    [
        ("Subject: =?utf-8?q?F=C3=BChrerschein?= 4111", "header:Subject", "Führerschein 4111"),
        ("SUBJECT: 4111", "header:SUBJECT", "4111"),
        ("Comments: 4111", "header:Comments", "4111"),
        ("Keywords: a, 4111", "header:Keywords", "a, 4111"),
        ("Thread-Topic: 4111", "header:Thread-Topic", "4111"),
        ("X-Anything: 4111", "header:X-Anything", "4111"),
        ('To: "4111" <a@a.example>, b@b.example', "header:To", "4111"),
        ("To: Team 4111: a@a.example, b@b.example;", "header:To", "Team 4111"),
        ("Cc: a@a.example (licence 4111)", "header:Cc", "licence 4111"),
        ("Cc: =?utf-8?b?NDExMQ==?= <a@a.example>", "header:Cc", "4111"),
        ('From: "4111" <a@a.example>', "header:From", '"4111"'),
        ("Reply-To: 4111 <a@a.example>", "header:Reply-To", "4111"),
        ("Subject: one\n 4111", "header:Subject", "one 4111"),
    ],
)
def test_free_text_of_the_header(header: str, where: str, expected: str) -> None:
    """Subjects, comments, display names and unknown fields are read, decoded."""
    assert texts(f"{header}\n\nbody\n")[where] == expected


@pytest.mark.parametrize(
    "header",
    [
        "Message-ID: <4111@a.example>",
        "Date: Sat, 21 Nov 2026 22:00:00 +0000",
        "Received: from a by b; Sat, 21 Nov 2026 22:00:00 +0000",
        "To: 4111@a.example",
        "From: 4111@a.example",
        "DKIM-Signature: v=1; b=4111",
        "X-MS-Exchange-Anything: 4111",
    ],
)
def test_fields_for_machines_are_no_text(header: str) -> None:
    """Tokens, stamps and bare addresses are not read as text."""
    assert list(texts(f"{header}\n\nbody\n")) == ["part:1"]


def test_alternatives_are_all_read() -> None:
    """A receiver may look at any alternative."""
    raw = """\
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain

plain 1
--b
Content-Type: text/html

<p>rich <b>2</b></p>
--b--
"""
    assert texts(raw) == {"part:1": "plain 1", "part:2": "rich 2"}


def test_forwarded_message_is_read() -> None:
    """The header of an embedded message is text, and its parts are read like any others."""
    raw = """\
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/rfc822

Subject: =?utf-8?q?inner_4111?=
To: "Licence 5222" <a@a.example>
Message-ID: <1@a.example>

inner body
--b--
"""
    found = texts(raw)
    assert 'Subject: inner 4111\nTo: "Licence 5222"' in found.values()
    assert "inner body" in found.values()


@pytest.mark.parametrize(
    ("media_type", "content", "expected"),
    [
        ("text/csv", b"a;b\r\n1;2\r\n", "a\tb\n1\t2"),
        ("text/calendar", b"SUMMARY:41\r\n 11 1111\r\n", "SUMMARY:4111 1111\n"),
        ("text/vcard", b"NOTE:41\r\n\t11\r\n", "NOTE:4111\n"),
        ("text/enriched", b"41<bold></bold>11", "4111"),
        ("text/unknown", b"4111", "4111"),
        ("application/json", b'{"someName": [4111, "\\u0034"]}', "some Name: 4111\nsome Name: 4"),
        ("application/octet-stream; name=a.txt", b"4111", "4111"),
        ("application/octet-stream; name=A.TXT", "Führer 4111".encode("utf-16"), "Führer 4111"),
        ("application/octet-stream; name=a.csv", b"a;4111", "a\t4111"),
        ("application/octet-stream; name=a.html", b"<p>41<b>11</b></p>", "4111"),
        ("application/octet-stream; name=a.ics", b"SUMMARY:41\r\n 11\r\n", "SUMMARY:4111\n"),
        ("application/octet-stream", b" <!DOCTYPE html><p>41<b>11</b></p>", "4111"),
        ("application/vnd.example+xml", b"<a>4111</a>", "a: 4111"),
        ("application/x-anything", b"4111", "4111"),
        ("application/octet-stream", b"4111", "4111"),
        ("application/octet-stream", b"{\\rtf1 4111}", "4111"),
        ("text/rtf", b"{\\rtf1 4111}", "4111"),
        ("image/svg+xml", b"<svg><text>41<tspan>11</tspan></text></svg>", "4111"),
        ("application/xhtml+xml", b"<p>41<b>11</b></p>", "4111"),
        ("message/delivery-status", b"Action: failed\r\n", "Action: failed\n"),
        ("text/html", "<meta charset=koi8-r>права 4111".encode("koi8-r"), "права 4111"),
        ("text/plain; charset=utf-16", "4111".encode("utf-16"), "4111"),
    ],
)  # fmt: skip
def test_kinds_of_text(media_type: str, content: bytes, expected: str) -> None:
    """All that is text by type or by nature is read, each kind in its own way."""
    assert texts(part(media_type, content))["part:1"] == expected
    assert not unread(part(media_type, content))


@pytest.mark.parametrize(
    ("media_type", "content", "reason"),
    [
        ("application/pdf", b"%PDF-1.7\r\nstream\r\n", "broken"),
        ("application/x-anything", b"\x00\x01\x02", "attachment"),
        ("audio/mpeg", b"ID3\x03\0\0\0\0\0\0", "media"),
        ("application/x-arj", b"\x60\xea\x01\0", "archive"),
        ("image/png", b"\x89PNG\r\n\x1a\n", "picture"),
        ("application/octet-stream", b"PK\x03\x04\x00\x00", "broken"),
        ("application/octet-stream", b"%PDF-1.7\r\nstream\r\n", "broken"),
        ("application/pgp-encrypted", b"Version: 1\r\n", "encrypted.pgp"),
        (
            "application/pkcs7-mime; smime-type=enveloped-data",
            bytes.fromhex("308006092a864886f70d010703"),
            "encrypted.smime",
        ),
        ("application/x-pkcs7-mime", bytes.fromhex("3080060b2a864886f70d0109100117"), "encrypted.smime"),
        ("application/pkcs7-mime; smime-type=enveloped-data", b"0\x82\x01\xff", "encrypted.smime"),
        ("application/octet-stream; name=smime.p7m", b"0\x82\x01\xff", "encrypted.smime"),
        ("application/octet-stream; name=a.xlsx.gpg", b"\x85\x01\x0c\x03", "encrypted.pgp"),
        ("application/pkcs7-mime; smime-type=signed-data", bytes.fromhex("308006092a864886f70d010702"), "broken"),
        ("text/plain", b"Hello\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM\r\n", "encrypted.pgp"),
        ("text/plain", b"> -----BEGIN PGP MESSAGE-----\r\n> \r\n> hQEM\r\n", "encrypted.pgp"),
        ("text/html", b"<p " + b"a='1' " * 1_001 + b">4111", "too-large"),
        ("text/plain; charset=no-such-charset", b"\x00\x01\x02\x03\x81\x8d" * 80, "charset"),
    ],
)
def test_what_is_not_read_is_said(media_type: str, content: bytes, reason: str) -> None:
    """A part without a reader, or whose octets make no sense, is named with its path, type and reason."""
    assert unread(part(media_type, content)) == [("1", media_type.partition(";")[0], reason)]


@pytest.mark.parametrize("media_type", ["text/rtf", "application/x-anything", "image/png"])
def test_what_is_plain_in_any_part_is_read_as_well(media_type: str) -> None:
    """Parts of other kinds are read as far as they are text."""
    assert "4111" in texts(part(media_type, b"\\b 4111"))["part:1"]


def test_file_names_are_text() -> None:
    """The name of an attachment is read although the attachment is not."""
    raw = part("application/pdf", b"\0PDF", more='Content-Disposition: attachment; filename="licence 4111.pdf"\r\n')
    assert texts(raw) == {"part:1.filename": "licence 4111.pdf"}


def test_empty_parts_say_nothing() -> None:
    """There is nothing to read in a part without content."""
    assert not unread(part("application/pdf", b""))


def test_several_readings_are_one_text() -> None:
    """Where octets can be read in several ways, all of them are searched, the likeliest at the front."""
    found = texts(part("text/plain", "Führer".encode("cp1252")))["part:1"]
    assert found.split("\n\n")[0] == "Führer"
    assert len(found.split("\n\n")) > 1


def test_too_large_a_part_is_read_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies within the bound is read, and that there is more is said."""
    monkeypatch.setattr(plain, "PART_OCTETS", 8)
    raw = part("text/plain", b"4111 1111 1111")
    assert texts(raw) == {"part:1": "4111 111"}
    assert unread(raw) == [("1", "text/plain", "too-large")]


def test_too_much_text_in_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound on all text, parts are named instead of read."""
    monkeypatch.setattr(reader, "TOTAL_CHARACTERS", 8)
    raw = part("text/plain", b"4111 1111 1111")
    assert not texts(raw)
    assert unread(raw) == [("1", "text/plain", UnreadableReason.TOO_LARGE.value)]


@settings(max_examples=200)
@given(
    st.sampled_from(["text/plain", "text/html", "text/calendar", "message/rfc822", "application/octet-stream", "x"]),
    st.sampled_from(["", "utf-8", "utf-7", "utf-16", "x"]),
    st.binary(max_size=300),
)
def test_no_content_fails(media_type: str, charset: str, content: bytes) -> None:
    """Whatever the octets, reading ends with texts or reasons, and every part is accounted for."""
    raw = part(f'{media_type}; charset="{charset}"', content)
    message = parse(raw)
    found = reader.read_all(message)
    assert {leaf.path for leaf in message.parts} <= {one.path for one in found.parts}
    assert all(one.characters or one.reasons or one.kind for one in found.parts if one.octets)


@pytest.mark.parametrize(
    ("before", "unit", "count"),
    [(b"", b"A: b\r\n", 100_000), (b"", b"\r\n ", 300_000), (b"", b":", 1_000_000), (b"A:", b"=?utf-8?q?", 100_000)],
)
def test_embedded_headers_in_linear_time(before: bytes, unit: bytes, count: int) -> None:
    """The header of an embedded message is as bounded in time as any."""

    def embedding(units: int) -> bytes:
        return part("text/rfc822-headers", before + unit * units)

    assert growth(lambda raw: read(parse(raw)), embedding, count) < LINEAR


def test_what_stands_beside_the_control_part_is_encrypted() -> None:
    """The payload of multipart/encrypted counts as encrypted whatever it looks like, and nothing else does."""
    raw = """\
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: multipart/encrypted; boundary=b; protocol="application/pgp-encrypted"

--b
Content-Type: application/pgp-encrypted

Version: 1
--b
Content-Type: application/octet-stream

anything
--b--
--a
Content-Type: application/octet-stream

anything
--a--
"""
    expected = [
        ("1.1", "application/pgp-encrypted", "encrypted.pgp"),
        ("1.2", "application/octet-stream", "encrypted.pgp"),
    ]
    assert expected == unread(raw)


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        ("Content-Type: application/pdf\nContent-Transfer-Encoding: base64", "JVBE!!!Ri0x", ["broken"]),
        ("Content-Type: application/pdf\nContent-Transfer-Encoding: x-yenc", "%PDF", ["disguised", "broken"]),
        ("Content-Type: text/csv\nContent-Disposition: attachment\nContent-Transfer-Encoding: x", "a", ["broken"]),
        ("Content-Transfer-Encoding: x-base85", "Q2FyZCBudW1iZXI6IDQ1MzkgMTQ4OCAwMzQzIDY0Njc=", ["broken"]),
        ("Content-Transfer-Encoding: utf-8", "Dear Ann, this is a letter.", []),
        ("Content-Transfer-Encoding: quoted-printable", "1 = 2, dear Ann", []),
        ("Content-Type: multipart/mixed", "Dear Ann, this is a letter.", []),
    ],
)
def test_damage_that_hides_something_is_said(head: str, body: str, expected: list[str]) -> None:
    """An attachment, or a code instead of prose, that could not be decoded is broken; a letter that is read is not."""
    assert expected == [reason for _, _, reason in unread(f"{head}\n\n{body}\n")]
