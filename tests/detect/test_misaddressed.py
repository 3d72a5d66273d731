"""Look-alikes of our own domain, and an author's mailbox elsewhere."""

from dataclasses import replace

import pytest

from dlp_gateway.detect.base import Material
from dlp_gateway.detect.misaddressed import MisaddressedDetector
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.mail.parse import parse
from tests.mail.test_blind import ENVELOPE

DETECTOR = MisaddressedDetector(
    inside=DomainSet(("northwind.example", "*.northwind.example", "mail.northwind-group.com")),
    partners=DomainSet(("nordwind.example",)),
    free_mail=frozenset({"free.example", "northwynd.example"}),
)


def found(*recipients: str, author: str = "Ann Berg <ann.berg@northwind.example>") -> dict[str, int]:
    """Return the counts by kind."""
    message = parse(f"From: {author}\r\nTo: x@y.example\r\n\r\nbody\r\n".encode())
    envelope = replace(ENVELOPE, reverse_path="ann.berg@northwind.example", recipients=recipients)
    findings = DETECTOR.detect(Material(envelope=envelope, message=message, texts=()))
    return {finding.kind.rpartition(".")[2]: finding.count for finding in findings}


@pytest.mark.parametrize(
    "author",
    ["1" * 100_000 + "a@northwind.example", ", ".join(f"Ann B{chr(97 + n % 26)}{n} <a@b>" for n in range(4_000))],
    ids=["digits", "authors"],
)
def test_long_and_many_names_take_no_time(author: str) -> None:
    """Digits that end no name are gone through once, and names are put together once for all recipients."""
    assert found(*(f"zz{number}@free.example" for number in range(500)), author=author) == {}


@pytest.mark.parametrize(
    "domain",
    [
        "northwimd.example",
        "nothwind.example",
        "northwinnd.example",
        "nortwhind.example",
        "n0rthwind.example",
        "n\u043erthwind.example",
        "northwind.co",
        "northwind.examp1e",
        "northvvind.example",
        "sales.northwnd.example",
        "mailnorthwind-group.com",
        "northwind-group.cm",
        "north-wind.example",
    ],
)
def test_look_alikes(domain: str) -> None:
    """One letter, two letters moved, another script, a missing dot, another suffix."""
    assert found(f"bob@{domain}") == {"lookalike_inside": 1}


@pytest.mark.parametrize(
    "domain",
    [
        "northwind.example",
        "sales.northwind.example",
        "nordwind.example",
        "northwynd.example",
        "southwind.example",
        "northern.example",
        "northwind-group.com",
        "wind.example",
        "y.example",
    ],
)
def test_others(domain: str) -> None:
    """Ours, partners, free-mail, our own unlisted subdomain's parent, and names that only share a part."""
    assert found(f"bob@{domain}") == {}


@pytest.mark.parametrize(
    ("recipient", "author", "is_his"),
    [
        ("ann.berg@free.example", "Ann Berg <ann.berg@northwind.example>", True),
        ("annberg7@free.example", "ann.berg@northwind.example", True),
        ("berg_ann@free.example", "Ann Berg <ab12@northwind.example>", True),
        ("bergann@free.example", '"Berg, Ann" <ab12@northwind.example>', True),
        ("ann@free.example", "Ann Berg <ab12@northwind.example>", False),
        ("anna.bergmann@free.example", "Ann Berg <ann.berg@northwind.example>", False),
        ("ann.berg@firm.example", "Ann Berg <ann.berg@northwind.example>", False),
        ("info@free.example", "info@northwind.example", False),
        ("ab@free.example", "ab@northwind.example", False),
    ],
)
def test_own_mailbox(recipient: str, author: str, *, is_his: bool) -> None:
    """The same mailbox name, or the author's name, at a free-mail provider."""
    assert ("own_freemail" in found(recipient, author=author)) is is_his
