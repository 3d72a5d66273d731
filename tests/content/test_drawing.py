"""Texts of drawings are read in the order in which they are seen."""

import pytest

from dlp_gateway.content.html import text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('<text x="20" y="9">b</text><text x="10" y="9">a</text><text x="30" y="9">c</text>', "abc"),
        ('<text x="90" y="9">two</text><text x="10" y="9">one</text>', "one two"),
        ('<text x="10" y="40">low</text><text x="10" y="9">high</text>', "high\nlow"),
        ('<text transform="translate(20 9)">b</text><text transform="matrix(1 0 0 1 10 9)">a</text>', "ab"),
        ('<text y="9"><tspan x="20">b</tspan><tspan x="10">a</tspan></text>', "ab"),
    ],
    ids=["letters", "words", "lines", "transform", "spans"],
)
def test_order_by_place(source: str, expected: str) -> None:
    """Letters close up, words and lines keep apart, however they were placed."""
    assert text(f"<svg>{source}</svg>").endswith(expected)


def test_numbers_in_boxes_beside_a_label() -> None:
    """A form with a cell for each character is read as the number that it holds."""
    cells = "".join(f"<td>{sign}" for sign in "D8707389")
    assert "Licence:\tD8707389" in text(f"<table><tr><td>Licence:{cells}</table>").splitlines()
    assert "D8707389\tend" in text(f"<table><tr>{cells}<td>end</table>").splitlines()
