"""Every number of visible outsiders up to a thousand, in every way of writing them, and the sizes of real leaks."""

from dataclasses import replace
from email.utils import getaddresses
from functools import cache
from itertools import cycle, islice
from typing import Final

import pytest

from dlp_gateway.detect.base import NO_FACTS, Material
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.processes import policies
from tests import strategies
from tests.mail.test_blind import ENVELOPE
from tests.rules.test_bulk_visible import DETECTOR, POLICY

#: Ways that the standard library reads as we do, for a reading that is not ours.
PLAIN: Final = (strategies.bare, strategies.angled, strategies.quoted, strategies.encoded)
HOME: Final = "häuser"
SIZES: Final = (13, 15, 17, 37, 42, 55, 56, 70, 77, 90, 100, 105, 241, 245, 251, 270, 298, 349, 700, 781, 845, 869, 900)


def counted(raw: bytes) -> int:
    """Return how many outsiders the detector counts."""
    found = DETECTOR.detect(Material(envelope=ENVELOPE, message=parse(raw), texts=()))
    return next((finding.count for finding in found if finding.kind == "recipients.outsiders"), 0)


def mail(number: int, ways: tuple[object, ...] = strategies.WAYS) -> bytes:
    """Return a mail to `number` outsiders over several fields, in all `ways`, among colleagues and said twice.

    Every seventh lives at a domain of letters beyond ASCII, and is named once more by its other spelling.
    """
    people = [f"guest{index}@{HOME if index % 7 == 6 else 'home'}{index}.example" for index in range(number)]
    written = [
        way(f"Guest{index}", person)  # type: ignore[operator]
        for index, (person, way) in enumerate(zip(people, islice(cycle(ways), number % 7, None), strict=False))
    ]
    again = [f"GUEST{index}+news@Home{index}.Example." for index in range(0, number, 3) if index % 7 != 6]
    again += [f"guest{index}@{spelt(f'{HOME}{index}.example')}" for index in range(6, number, 7)]
    again += [f'"guest{index}"@home{index}.example' for index in range(0, number, 5) if index % 7 != 6]
    fields = {
        "To": [*written[:40:4], "dora@corp.example"],
        "Cc": ["pat@partner.example", *written[1::4]],
        "Resent-To": written[2::4],
        "Resent-Cc": [f"Friends: {', '.join(written[3::4])};"] if written[3::4] else [],
        "To ": again,
    }
    lines = [f"{name}: " + ",\r\n ".join(elements) + "\r\n" for name, elements in fields.items() if elements]
    more = written[40::4]
    lines += [f"TO: {', '.join(more[start : start + 5])}\r\n" for start in range(0, len(more), 5)]
    return f"From: ann@corp.example\r\n{''.join(lines)}\r\nbody\r\n".encode()


@cache
def spelt(domain: str) -> str:
    """Return a domain as DNS has it."""
    return domain.encode("idna").decode()


def invitation(number: int) -> bytes:
    """Return an invitation of `number` outsiders and two colleagues."""
    guests = [f"guest{index}@home{index}.example" for index in range(number)]
    people = [*guests, *(guest.upper() for guest in guests[::5]), "dora@corp.example", "bob@corp.example"]
    lines = "".join(f"ATTENDEE;CN=Guest;RSVP=TRUE:mai\r\n lto:{person}\r\n" for person in people)
    return (
        "From: ann@corp.example\r\nContent-Type: text/calendar\r\n\r\n"
        f"BEGIN:VCALENDAR\r\nORGANIZER:mailto:ann@corp.example\r\n{lines}END:VCALENDAR\r\n"
    ).encode()


@pytest.mark.parametrize("number", [1, 2, 9, 10, 11, 25, 50, 99, 100, 101, 500, 999, 1000])
def test_every_way_counts_once(number: int) -> None:
    """Exactly, whatever the field, the case, the tag, the group or the comment."""
    assert (counted(mail(number)), counted(invitation(number))) == (number, number)


@pytest.mark.slow
def test_every_number_up_to_a_thousand() -> None:
    """The same for each of them; invitations, which are written in one way, for every fifth."""
    assert [number for number in range(1, 1001) if counted(mail(number)) != number] == []
    assert [number for number in range(1, 1001, 5) if counted(invitation(number)) != number] == []


@pytest.mark.parametrize("number", [1, 9, 10, 100, 1000])
def test_an_independent_reading_agrees(number: int) -> None:
    """The standard library finds the same people in what it can read."""
    raw = mail(number, PLAIN)
    fields = [
        field.body.decode() for field in parse(raw).fields if field.name.strip().lower() not in {"from", "subject"}
    ]
    bare = {address.lower().rstrip(".").replace("+news", "") for _, address in getaddresses(fields) if "@" in address}
    parts = [one.replace('"', "").partition("@") for one in bare]
    read = {f"{local}@{spelt(domain)}" for local, _, domain in parts}
    assert len({one for one in read if not one.endswith(("corp.example", "partner.example"))}) == number
    assert counted(raw) == number


@pytest.mark.parametrize("size", SIZES)
def test_every_leak_of_the_record_is_stopped(size: int) -> None:
    """Patients, survivors, claimants in To: with the default policy none of them sees another."""
    people = tuple(f"patient{index}@home{index}.example" for index in range(size))
    raw = f"From: desk@corp.example\r\nTo: {', '.join(people)}\r\nSubject: Newsletter\r\n\r\nDear all\r\n".encode()
    message = parse(raw)
    envelope = replace(ENVELOPE, reverse_path="desk@corp.example", recipients=people)
    inspection = policies.inspect(POLICY, envelope, message, NO_FACTS)
    verdict = decide(POLICY, envelope, message, inspection)
    assert (verdict.disposition, verdict.hidden) == (Disposition.REWRITE, size)
