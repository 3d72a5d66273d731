"""Marks of emphasis, brackets and quotation marks around a number or its label: none of them is part of either."""

import time

import pytest

from tests.detect.identifiers import licences, numbers

VALUES = {
    "Passport number": "533401372",
    "Driver's license number": "D1234567",
    "Social security number": "536228726",
    "National insurance number": "AB123456C",
}
AROUND = (
    *("*{}*", "**{}**", "***{}***", "_{}_", "__{}__", "**_{}_**", "_**{}**_", "*_{}_*", "`{}`", "**`{}`**"),
    *(
        "~{}~",
        "~~{}~~",
        "~~**{}**~~",
        "=={}==",
        "[{}]",
        "({})",
        "<{}>",
        "«{}»",
        "„{}“",
        '"{}"',
        "'{}'",
        "*{}*.",
        "\\*{}\\*",
    ),
)
LABELS = (
    *("**{}:** ", "**{}**: ", "*{}*: ", "*{}:* ", "__{}__: ", "***{}***: ", "~~{}~~: ", "~{}~: ", "=={}==: ", "`{}`: "),
    *("[{}]: ", "- **{}**: ", "## **{}**\n", "**{}**\n", "**{}:**\n", "({}) ", "«{}»: "),
)


@pytest.mark.parametrize("label", VALUES)
@pytest.mark.parametrize("marks", AROUND)
def test_marks_around_a_number_are_no_part_of_it(label: str, marks: str) -> None:
    """What chats and Markdown show in bold is the number without its stars."""
    text = f"Hi Ben,\n\n{label}: {marks.format(VALUES[label])}\n\nBest regards\nAlice"
    assert VALUES[label] in [number for _, number in numbers(text)]


@pytest.mark.parametrize("label", VALUES)
@pytest.mark.parametrize("marks", LABELS)
@pytest.mark.parametrize("value", ["{}", "**{}**"])
def test_marks_around_a_label_leave_it_one(label: str, marks: str, value: str) -> None:
    """A label in bold, struck out or in brackets owns the number behind it."""
    text = f"Hi Ben,\n\n{marks.format(label)}{value.format(VALUES[label])}\n\nBest regards\nAlice"
    assert VALUES[label] in [number for _, number in numbers(text)]


@pytest.mark.parametrize(
    "text",
    [
        "**Passport number: 533401372**",
        "***Passport number: 533401372***",
        "*My passport number is 533401372*, as you asked",
        "**533401372 is my passport number**",
        "| Name | **Passport number** |\n|---|---|\n| Ann | **533401372** |",
        "**Passport** number: 533401372",
    ],
)
def test_marks_may_hold_label_and_number_together(text: str) -> None:
    """A sentence, a row or one word may be in bold."""
    expected = [("PASSPORT", "533401372")]
    assert expected == numbers(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Washington driver's license: DOE**MJ501P1", "DOE**MJ501P1"),
        ("Washington driver's license: **DOE**MJ501P1**", "DOE**MJ501P1"),
    ],
)
def test_stars_within_a_number_are_part_of_it(text: str, number: str) -> None:
    """Short names are filled up with stars in Washington."""
    assert [number] == licences(text)


@pytest.mark.parametrize(
    "text",
    [
        "Passport number: *****1372",
        "Driver's license: ****34567",
        "Driver's license number: 53340****",
        "Driver's license ending **34567",
        "Driver's license ending ***34567",
        "Social security number: ***-**-8726",
        "Social security number: *****8726",
        "Card: ************1111",
        "Passport seen. Order **48213307** is on its way.",
        "Driver's licence checked; ticket **48213307** closed",
        "Driver's licence: bring it along. **Booking no.:** 48213307",
        "Driver's licence: seen\n**Invoice:** 48213307",
        "We need your driver's licence. *Order number*: B4471209",
        "**Driver's licence** seen by Kim; **order** 48213307",
        "Passport number: follows. [Ticket] 533401372",
        "☐ Passport number\n☐ Visa\nOrder 533401372",
        "☐Passport 533401372",
        "(We still need your passport number.) Order 533401372",
        "Our order (passport cover) 533401372",
        "* Passport\n* Ticket 533401372",
    ],
)
def test_marks_make_no_number_of_what_is_none(text: str) -> None:
    """Masked digits are not told, and what another label owns stays its own in bold, too."""
    assert not numbers(text)


def test_many_marks_take_linear_time() -> None:
    """Nothing is searched again and again."""
    text = "Passport number: " + "**12345 ***6 *" * 40_000 + "*" * 200_000
    begun = time.process_time()
    numbers(text)
    assert time.process_time() - begun < 5
