"""An outsider's mail to many outsiders through us."""

from dataclasses import replace

import pytest

from dlp_gateway.detect.base import Facts, Material
from dlp_gateway.detect.redistribution import RedistributionDetector
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.mail.parse import parse
from tests.mail.test_blind import ENVELOPE

DETECTOR = RedistributionDetector(
    inside=DomainSet(("corp.example",)), partners=DomainSet(("partner.example",)), lists=("members@corp.example",)
)
PEOPLE = tuple(f"c{number}@home{number}.example" for number in range(4))


def count(
    author: str,
    recipients: tuple[str, ...],
    reverse_path: str = "kim@mail.example",
    fields: str = "",
    elsewhere: int = 0,
) -> int:
    """Return to how many outsiders it would go, `elsewhere` of them in earlier parts."""
    raw = f"From: {author}\r\nTo: desk@corp.example\r\n{fields}\r\nbody"
    envelope = replace(ENVELOPE, reverse_path=reverse_path, recipients=recipients)
    found = [
        *DETECTOR.detect(
            Material(envelope=envelope, message=parse(raw.encode()), texts=(), facts=Facts(elsewhere=elsewhere))
        )
    ]
    return sum(finding.count for finding in found)


def test_earlier_parts_count() -> None:
    """Of an outsider's mail that is passed on, also one by one; of nobody else's."""
    assert count("kim@mail.example", PEOPLE[:1], elsewhere=2) == 3
    assert count("ann@corp.example", PEOPLE[:1], elsewhere=2) == 0
    assert count("kim@mail.example", ("bob@corp.example",), elsewhere=2) == 0


@pytest.mark.parametrize(
    ("author", "recipients", "expected"),
    [
        ("kim@mail.example", PEOPLE, 4),
        ("kim@mail.example", (*PEOPLE, "kim@mail.example", "C0+x@HOME0.example"), 4),
        ("kim@mail.example", ("bob@corp.example", "pat@partner.example"), 0),
        ("ann@corp.example", PEOPLE, 0),
        ("pat@partner.example", PEOPLE, 0),
    ],
)
def test_counts_outsiders_of_an_outsiders_mail(author: str, recipients: tuple[str, ...], expected: int) -> None:
    """Once each, without the author, who gets his own mail back."""
    assert count(author, recipients) == expected


def test_a_list_that_the_policy_names_is_none() -> None:
    """Its members are meant to read each other."""
    fields = "List-Post: <mailto:members@corp.example>\r\n"
    assert count("kim@mail.example", PEOPLE, "members-bounces@corp.example", fields) == 0
    assert count("kim@mail.example", PEOPLE, "kim@mail.example", fields) == 4
