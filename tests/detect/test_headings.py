"""A heading owns the items of the list below it, and a label that stands over a part the numbers that stand bare there.

The mails of `headings.jsonl` were written before any of them was looked at with the detector; half of them are clean.
"""

import json
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest

from dlp_gateway.content.reader import read
from dlp_gateway.detect.base import CONFIDENCE, Finding, Material
from dlp_gateway.detect.folding import fold
from dlp_gateway.detect.identifiers import IdentifierDetector
from dlp_gateway.detect.lists import ITEMS
from dlp_gateway.detect.shapes import compact
from dlp_gateway.mail.parse import parse
from tests.detect.identifiers import BOOK, RECOGNITION, numbers
from tests.pipeline.line import envelope
from tests.work import LINEAR, growth

DETECTOR = IdentifierDetector(BOOK)
MAILS = tuple(
    json.loads(line) for line in (Path(__file__).parent / "headings.jsonl").read_text(encoding="utf-8").splitlines()
)


def _material(subject: str, body: str, *files: tuple[str, str]) -> Material:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "alice@example.com", "bob@example.org", subject
    mail.set_content(body, subtype="html" if body.startswith("<html") else "plain")
    for name, content in files:
        mail.add_attachment(content, subtype="csv" if name.endswith("csv") else "plain", filename=name)
    message = parse(mail.as_bytes())
    texts, unreadable = read(message)
    return Material(envelope=envelope(), message=message, texts=texts, unreadable=unreadable)


def _value(finding: Finding, material: Material) -> str:
    where, _, place = finding.where.rpartition(":")
    start, end = map(int, place.split("-"))
    text = next(text.text for text in material.texts if text.where == where)
    return compact(fold(text[start:end]).text)


def _found(material: Material) -> set[str]:
    found = (one for one in DETECTOR.detect(material) if one.kind.startswith("identifier."))
    return {_value(one, material) for one in found if one.score >= CONFIDENCE["medium"]}


@pytest.mark.parametrize("mail", MAILS, ids=lambda mail: mail["name"])
def test_what_a_heading_or_a_title_owns_is_found_and_nothing_else(mail: dict[str, Any]) -> None:
    """Subjects, bodies and files in twelve languages; in a clean one nothing is found."""
    found = _found(_material(mail["subject"], mail["body"], *mail["files"]))
    assert found.issuperset(map(compact, mail["numbers"]))
    assert mail["numbers"] or not found


def test_the_list_ends_where_other_things_are_told() -> None:
    """Numbers behind it are of what is told there."""
    text = "Passport numbers of our guests:\n\nAnn Weir 533401372\n\nThe desk is open all day.\n\nCid Dunn 533401384"
    assert numbers(text) == [("PASSPORT", "533401372")]


def test_the_nearest_label_counts() -> None:
    """A file that is called something else holds that, whatever the subject says."""
    orders = ("orders.csv", "Ann,533401372\nBen,533401384\n")
    assert not _found(_material("Passport numbers", "as discussed", orders))
    assert _found(_material("Orders", "as discussed", ("passport numbers.csv", orders[1]))) == {
        "533401372",
        "533401384",
    }


def test_a_title_owns_what_is_told_and_not_what_is_quoted_or_signed() -> None:
    """The answer's own text, up to the signature."""
    quoted = "533401372\n\nBest regards\nAlice\n533401384\n\n> 533401396\n"
    assert _found(_material("Re: Passport number", quoted)) == {"533401372"}


def test_a_place_is_that_in_the_part() -> None:
    """Whatever was put before the part to read it."""
    material = _material("Führerscheinnummer", "B072RRE2I55\n")
    (found,) = (one for one in DETECTOR.detect(material) if one.kind.startswith("identifier."))
    assert found.where.endswith(":0-11")


def test_a_mail_without_a_label_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read for titles where no label stands."""
    monkeypatch.setattr(RECOGNITION.__class__, "opened", None)
    assert not _found(_material("Hello", "Ann Weir 533401372\n", ("list.csv", "Ann,533401372\n")))


@pytest.mark.parametrize(
    "unit",
    [
        "Passport numbers:\n",
        "Passport numbers:\nAnn {0:09d}\n",
        "- passport numbers\n",
        "Passport Numbers\n\n",
        "Ann Weir {0:09d}\n",
        "passport numbers, Name\tNumber\n",
        "Attached are passport numbers. ",
    ],
)
def test_work_grows_with_the_text(unit: str) -> None:
    """Headings and items by the ten thousand, in a text and under a title."""

    def text(size: int) -> str:
        return "Passport numbers:\nAnn Weir 533401372\n" + "".join(unit.format(number) for number in range(size))

    def material(size: int) -> Material:
        return _material("Passport numbers", text(size))

    assert growth(DETECTOR.spans, text, 4_000) < LINEAR
    assert growth(lambda made: [*DETECTOR.detect(made)], material, 4_000) < LINEAR


def test_of_a_long_list_so_many_items_are_read() -> None:
    """Whoever lists more has been found out before."""
    text = "Passport numbers:\n" + "".join(f"Ann Weir {number:09d}\n" for number in range(100_000_000, 100_025_000))
    assert 0 < len(numbers(text)) <= ITEMS
