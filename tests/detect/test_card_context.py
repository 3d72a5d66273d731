"""What the form of a number and the words around it say about its being a card's."""

import pytest

from dlp_gateway.detect.card_context import (
    Share,
    is_alone,
    is_evident,
    is_joined,
    is_printed,
    is_spoken_of,
    link_start,
)
from tests.detect.identifiers import numbers


def place(text: str) -> tuple[str, int, int]:
    """Return the text without the brackets around the number, and where that stands."""
    start, end = text.index("["), text.index("]") - 1
    return text.replace("[", "").replace("]", ""), start, end


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("[4539 1488 0343 6467]", True),
        ("[4539-1488-0343-6467]", True),
        ("[4539 - 1488 - 0343 - 6467]", True),
        ("[3782 822463 10005]", True),
        ("1. [4539 1488 0343 6467] 11/28", True),
        ("[4539 1488\n0343 6467]", True),
        ("[4539 1488\n> 0343 6467]", True),
        ("[4539-1488-\r\n0343-6467]", True),
        ("1000 [4539 1488\n0343 6467]", False),
        ("[4539 1488\n0343 6467] 1200", False),
        ("1000 [4539 1488 0343 6467] 1200", False),
        ("2026: [4539 1488 0343 6467] 11/28", True),
        ("[4539 1488 0343 6467], 1200", True),
        ("[4539\n1488\n0343\n6467]", False),
        ("[4539\t1488\t0343\t6467]", False),
        ("[4539 1488-0343 6467]", False),
        ("[4539148803436467]", False),
        ("[453914 8803436467]", False),
    ],
)
def test_groups_as_on_cards(marked: str, *, expected: bool) -> None:
    """Groups of four joined by one sign throughout are a card's, also over a line end, but not as part of a row."""
    assert expected == is_printed(*place(marked))


@pytest.mark.parametrize(
    ("marked", "held", "expected"),
    [
        ("id [4539148803436467]", 1, False),
        ("id [4539148803436467]", 4, False),
        ("id [4539148803436467]", 5, True),
        ("charge [4539148803436467]", 1, True),
        ("[4539148803436467] 11/28", 1, True),
        ("[060426070011] was paid", 9, False),
        ("[4539\n1488\n0343\n6467] was paid", 9, False),
    ],
)
def test_bare_digits_need_more(marked: str, held: int, *, expected: bool) -> None:
    """A list of cards or talk of paying makes bare digits a card's, unless they are few or in pieces."""
    assert expected == is_evident(*place(marked), Share(seen=9, held=held))


@pytest.mark.parametrize("word", ["Charged", "exp", "11/28", "gultig", "cardholder", "paiement"])
def test_talk_of_cards(word: str) -> None:
    """Words on paying count on either side, within a line or two and no further."""
    number = "4539148803436467"
    near, behind, far = f"{word} x {number}", f"{number} x {word}", f"{word} {'x ' * 60}{number}"
    found = [is_spoken_of(text, text.index(number), text.index(number) + 16) for text in (near, behind, far)]
    assert found == [True, True, False]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("see https://a.example/x/[4539148803436467]", 4),
        ("see <https://a.example/x?y=1&z=[4539148803436467]>", 5),
        ("www.a.example/[4539148803436467]", 0),
        ("/open?u=[4539148803436467]", 0),
        ("https://a.example and [4539148803436467]", None),
        ("number=[4539148803436467]", None),
        ("a/b [4539148803436467]", None),
    ],
)
def test_links(marked: str, expected: int | None) -> None:
    """A number in the path or query of a link is told apart from one that merely follows it."""
    text, start, _ = place(marked)
    assert expected == link_start(text, start)


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("Hello\n[4539148803436467]\nBye", True),
        ("> [4539148803436467].\r\n", True),
        ("[4539148803436467]", True),
        ("[4539148803436467] x", False),
        ("x [4539148803436467]", False),
        ("[4539\n1488\n0343\n6467]", False),
    ],
)
def test_a_line_of_its_own(marked: str, *, expected: bool) -> None:
    """A number that is passed on without a word stands alone on its line."""
    assert expected == is_alone(*place(marked))


@pytest.mark.parametrize("sign", ["*", "~", ":", "\\", "'", " * ", "::", "+", ")("])
@pytest.mark.parametrize("groups", ["4111 1111 1111 1111", "3782 822463 10005"])
def test_one_sign_joins_the_groups_of_a_card(sign: str, groups: str) -> None:
    """Whichever it is, if nothing goes on and no list has it."""
    written = sign.join(groups.split())
    assert is_joined(*place(f"it is [{written}], as always"))


@pytest.mark.parametrize(
    "marked",
    [
        "it is [4111; 1111; 1111; 1111]",
        "it is [4111: 1111: 1111: 1111]",
        "it is [4111*1111:1111*1111]",
        "it is [4111*1111*111*11111]",
        "fe80:[4111:1111:1111:1111]:1",
        "[4111:1111:1111:1111]::1",
        "[4111:1111:1111:1111]/64",
        "[4000:3000:2000:1000] by weight",
        "2*[4111*1111*1111*1111]",
        "[4111*1111*1111*1111]*2",
        "[4111\t1111\t1111\t1111]",
    ],
)
def test_what_joins_other_numbers(marked: str) -> None:
    """Lists, addresses, ratios, products of more factors and rows of a table are no cards."""
    assert not is_joined(*place(marked))


def test_a_published_card_with_stars_where_developers_try_it() -> None:
    """It stays below medium as it does with blanks."""
    assert not numbers("Unit tests use the sandbox card 4111*1111*1111*1111 in the mock gateway")


@pytest.mark.parametrize(
    "text",
    [
        "Visa [41111111 11111111] 08/29",
        "Visa [4111-1111 11111111] 08/29",
        "Visa [4111-1111 11111111] 08 / 29",
        "Mastercard [5555-5555 55554444] 08/29",
        "Card number [55555555 55554444] 08-29",
        "Amex [378282 246310005] 11/28",
        "Visa [41111111 11111111]",
    ],
)
def test_a_month_behind_a_card_is_no_part_of_it(text: str) -> None:
    """In whatever groups the digits of a card are written, when it expires is told behind them."""
    assert numbers(text.replace("[", "").replace("]", "")) == [
        ("CREDIT_CARD", text.partition("[")[2].partition("]")[0])
    ]


def test_other_groups_behind_a_card_are_not_cut_off() -> None:
    """A number that goes on is another number, and its check digit counts."""
    assert not numbers("Visa 41111111 11111111 08/99")
