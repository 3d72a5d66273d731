"""Invitations: every way of naming an attendee counts, and what is pruned can still be answered."""

import base64
import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.mail import calendar
from dlp_gateway.mail.address import canonical
from dlp_gateway.mail.edit import PruneAttendees, apply, edited, from_json, to_json
from dlp_gateway.mail.message import Defect, Part
from dlp_gateway.mail.parse import parse
from tests import strategies
from tests.resident import growing

INSIDE = ("corp.example",)
REQUEST = b"""\
BEGIN:VCALENDAR\r
METHOD:REQUEST\r
BEGIN:VEVENT\r
ORGANIZER;CN=Ann:mailto:ann@corp.example\r
ATTENDEE;CN=Bob;RSVP=TRUE:mailto:bob@corp.example\r
ATTENDEE;CN="One, Mr":MAILTO:One@shop.example\r
ATTENDEE;DELEGATED-FROM="mailto:one@shop.example";ROLE=REQ-PARTICIPANT:mailto:\r
 two@clinic.example\r
SUMMARY:Meeting\r
END:VEVENT\r
END:VCALENDAR\r
"""


def part(content: bytes, media_type: str = "text/calendar", filename: str = "", charset: str = "") -> Part:
    """Return a calendar part."""
    return Part(path="2", media_type=media_type, charset=charset, filename=filename, disposition="", content=content)


def invitation(content: bytes = REQUEST, *, encoding: str = "", media_type: str = "text/calendar") -> bytes:
    """Return a mail with an invitation in it."""
    written = {
        "base64": base64.encodebytes(content).replace(b"\n", b"\r\n"),
        "quoted-printable": quopri.encodestring(content),
    }
    return b"""\
From: ann@corp.example\r
To: one@shop.example\r
Content-Type: multipart/mixed; boundary=cut\r
\r
--cut\r
\r
text\r
--cut\r
Content-Type: %s\r
Content-Transfer-Encoding: %s\r
X-Kept: to the octet\r
\r
%s\r
--cut--\r
""" % (media_type.encode(), encoding.encode() or b"7bit", written.get(encoding, content))


@pytest.mark.parametrize(
    ("line", "addresses"),
    [
        ("ATTENDEE:mailto:a@b.example", ["a@b.example"]),
        ("attendee;rsvp=true:MAILTO:a@b.example", ["a@b.example"]),
        ("ATT\r\n ENDEE;CN=A:mail\r\n\tto:a@b.ex\r\n ample", ["a@b.example"]),
        ("ATTENDEE:mailto:a%40b.example", ["a@b.example"]),
        ("ATTENDEE:mailto:a@b.example?subject=x", ["a@b.example"]),
        ("ATTENDEE:a@b.example", ["a@b.example"]),
        ('ATTENDEE;CN="a@b.example; or: c@d.example":invalid:nomail', ["a@b.example", "c@d.example"]),
        ("ATTENDEE;EMAIL=a@b.example;CUTYPE=ROOM:urn:uuid:1", ["a@b.example"]),
        ('ATTENDEE;SENT-BY="mailto:a@b.example":mailto:c@d.example', ["a@b.example", "c@d.example"]),
        ('ATTENDEE;CN="unclosed:mailto:a@b.example', ["a@b.example"]),
        ("item1.ATTENDEE:mailto:a@b.example", ["a@b.example"]),
        ("ATTENDEE:mailto:a+tag@b.example", ["a+tag@b.example"]),
        ("X-ATTENDEES:mailto:a@b.example", []),
        ("DESCRIPTION:write to a@b.example", []),
        ("ATTENDEE:invalid:nomail", []),
        ("ATTENDEE:mailto:@b.example", []),
    ],
)
def test_names_who_is_invited(line: str, addresses: list[str]) -> None:
    """Folding, case, parameters, quotes and percent encoding hide nobody."""
    found = calendar.invited(part(f"BEGIN:VCALENDAR\r\n{line}\r\nEND:VCALENDAR\r\n".encode()))
    assert addresses == [one.address for one in found]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (part(b"x", "text/calendar"), True),
        (part(b"x", "application/ics"), True),
        (part(b"x", "application/octet-stream", "invite.ICS\nother"), True),
        (part(b"\xef\xbb\xbfbegin:vcalendar\r\n", "text/plain"), True),
        (part(b"x", "text/plain", "notes.txt"), False),
        (part(b"we say BEGIN:VCALENDAR\r\n", "text/plain"), False),
    ],
)
def test_knows_invitations(made: Part, expected: bool) -> None:  # noqa: FBT001  a table
    """By type, by name, or by how they begin."""
    assert calendar.is_calendar(made) is expected


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "iso-8859-1", "utf-8"])
def test_reads_every_charset(charset: str) -> None:
    """An invitation in another alphabet's octets shows as many people."""
    made = part(REQUEST.decode().encode(charset), charset=charset)
    assert [one.field for one in calendar.invited(made)] == [
        "Organizer",
        "Attendee",
        "Attendee",
        "Attendee",
        "Attendee",
    ]


@pytest.mark.parametrize("encoding", ["", "8bit", "base64", "quoted-printable"])
def test_attendees_are_visible_recipients(encoding: str) -> None:
    """Every receiver's calendar lists them, whatever the part is encoded in."""
    shown = [(one.field, one.address) for one in parse(invitation(encoding=encoding)).visible]
    assert shown == [
        ("To", "one@shop.example"),
        ("Organizer", "ann@corp.example"),
        ("Attendee", "bob@corp.example"),
        ("Attendee", "One@shop.example"),
        ("Attendee", "one@shop.example"),
        ("Attendee", "two@clinic.example"),
    ]


def test_what_is_too_long_is_said_to_be_unread() -> None:
    """A part beyond the bound, or too many attendees, is a defect that holds the mail."""
    long = invitation(b"BEGIN:VCALENDAR\r\n" + b"X:y\r\n" * 220_000)
    many = invitation(b"BEGIN:VCALENDAR\r\n" + b"".join(b"ATTENDEE:a%d@b.example\r\n" % n for n in range(20_100)))
    assert Defect.TOO_MANY_RECIPIENTS in parse(long).defects
    assert Defect.TOO_MANY_RECIPIENTS in parse(many).defects
    assert len(parse(many).visible) == 20_000


@pytest.mark.parametrize("encoding", ["", "8bit", "base64", "quoted-printable"])
def test_prunes_all_but_insiders_and_one(encoding: str) -> None:
    """The one who gets the copy stays, with insiders and the organizer; whom he stands in for goes from his line."""
    raw = invitation(encoding=encoding)
    edit = PruneAttendees(inside=INSIDE, kept=("two@clinic.example",))
    edited = apply(raw, (edit,))
    shown = [(one.field, one.address) for one in parse(edited).visible[1:]]
    assert shown == [
        ("Organizer", "ann@corp.example"),
        ("Attendee", "bob@corp.example"),
        ("Attendee", "two@clinic.example"),
    ]
    content = parse(edited).parts[1].content
    assert b"ATTENDEE;ROLE=REQ-PARTICIPANT:mailto:two@clinic.example\r\n" in content
    assert b"SUMMARY:Meeting\r\n" in content
    start = raw.index(b"X-Kept")
    assert edited[:start] == raw[:start]
    assert edited.endswith(b"\r\n--cut--\r\n")
    assert apply(edited, (edit,)) == edited
    assert from_json(to_json((edit,))) == (edit,)


def test_what_needs_no_pruning_stays_to_the_octet() -> None:
    """An encoding is not written anew for nothing, however odd its lines are."""
    raw = invitation(encoding="base64").replace(b"\r\n--cut--", b"\r\n\r\n--cut--")
    assert apply(raw, (PruneAttendees(inside=("corp.example", "shop.example", "clinic.example"), kept=()),)) == raw


@pytest.mark.parametrize(
    "content",
    [
        REQUEST.replace(b"ATTENDEE;CN=Bob;RSVP=TRUE:mailto:bob@corp.example\r\n", b""),
        REQUEST.replace(
            b"END:VEVENT",
            b"BEGIN:VALARM\r\nACTION:EMAIL\r\nATTENDEE:mailto:one@shop.example\r\nEND:VALARM\r\nEND:VEVENT",
        ),
        REQUEST.decode().encode("utf-16"),
    ],
    ids=["nobody would be left", "an alarm by mail would go to nobody", "not UTF-8"],
)
def test_what_could_not_be_answered_stays(content: bytes) -> None:
    """RFC 5546 3.2.2: a request has one attendee or more; the check of the copy finds what is left."""
    raw = invitation(content)
    assert apply(raw, (PruneAttendees(inside=INSIDE, kept=()),)) == raw


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Content-Type: text/calendar", b"Content-Type: text/plain\r\nContent-Type: text/calendar"),
        (b"--cut\r\nContent-Type", b"--cut\r\nContent-Transfer-Encoding: base64\r\nContent-Type"),
        (b"Content-Transfer-Encoding: 7bit", b"Content-Transfer-Encoding: uuencode"),
    ],
)
def test_what_can_be_read_in_two_ways_is_left_alone(before: bytes, after: bytes) -> None:
    """Which of its readings a client shows is unknown, so no edit pretends to know it."""
    raw = invitation().replace(before, after)
    assert apply(raw, (PruneAttendees(inside=INSIDE, kept=()),)) == raw


def test_long_lines_are_folded_between_characters() -> None:
    """RFC 5545 3.1: 75 octets a line, and no character of UTF-8 in two pieces."""
    name = "ü" * 100
    content = REQUEST.replace(b"CN=Bob", b'SENT-BY="mailto:x@out.example";CN=' + name.encode())
    pruned = calendar.pruned(part(content), (*INSIDE, "shop.example", "clinic.example"), ())
    assert pruned is not None
    lines = pruned.split(b"\r\n")
    assert max(len(line) for line in lines if "ü".encode() in line) <= 75
    assert all(line.decode() or not line for line in lines)
    assert name.encode() in pruned.replace(b"\r\n ", b"")


@given(people=st.lists(strategies.addresses, max_size=6), kept=strategies.addresses, folds=st.integers(3, 40))
@settings(max_examples=60, deadline=None)
def test_nobody_outside_is_left_but_the_one(people: list[str], kept: str, folds: int) -> None:
    """Whatever the attendees and wherever their lines are folded: only insiders and the one remain, or all do."""
    lines = [f"ATTENDEE;CN=x:mailto:{person}" for person in ["bob@corp.example", *people]]
    folded = "".join(
        "\r\n ".join(line[at : at + folds] for at in range(0, len(line), folds)) + "\r\n" for line in lines
    )
    raw = invitation(b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + folded.encode() + b"END:VEVENT\r\nEND:VCALENDAR\r\n")
    edited = apply(raw, (PruneAttendees(inside=INSIDE, kept=(canonical(kept),)),))
    left = {canonical(one.address) for one in parse(edited).visible if one.field == "Attendee"}
    stay = {canonical(one) for one in people if one.endswith("@corp.example") or canonical(one) == canonical(kept)}
    assert left == {"bob@corp.example", *stay}


def test_an_invitation_beside_a_large_file_is_pruned_in_little_memory() -> None:
    """The file is neither decoded nor copied more than once at a time."""
    calendar = b"".join((b"BEGIN:VCALENDAR\r\nATTENDEE:mailto:ann@corp.example\r\n", b"END:VCALENDAR\r\n"))
    head = b"Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\nContent-Type: text/calendar\r\n\r\n"
    file = b"--A\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    invited = calendar.replace(b"END:", b"ATTENDEE:mailto:two@clinic.example\r\nEND:")
    raw = b"".join((head, invited, file, (b"QUJD" * 19 + b"\r\n") * 400_000, b"--A--\r\n"))
    with growing() as growth:
        leaving = edited(raw, (PruneAttendees(inside=INSIDE, kept=()),))
    assert bytes(leaving) == raw.replace(invited, calendar)
    assert growth.peak < 1.5 * len(raw)
