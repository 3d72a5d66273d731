"""The table of `quarantine list`: ids stay whole, a line stays a line, and a narrow terminal gets blocks."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dlp_gateway.cli import custody_table
from quarantine.model import Item, Recipient, State

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
ID = "0rzzz6l1o6rzqt5x3q"


def item(*, to: str = "bob@home.example", subject: str = "offer", state: State = State.HELD) -> Item:
    """Return an item with one recipient."""
    recipient = Recipient(id=1, copy=1, address=to, state=state, attempts=0, due_at=NOON, reply="", due_since=NOON)
    return Item(
        id=ID,
        state=state,
        reverse_path="ann.with.a.long.name@department.corp.example",
        subject=subject,
        size=1000,
        reasons=("identity-documents.licence", "bulk-visible"),
        group="",
        created_at=NOON,
        expires_at=None,
        recipients=(recipient,),
    )


def test_a_pipe_gets_everything_in_one_line() -> None:
    """Nothing is shortened."""
    long = "x" * 300
    heading, line = custody_table.lines([item(subject=long)], None)
    assert heading.split() == ["id", "state", "since", "from", "to", "why", "subject"]
    assert line.endswith(long)
    assert "ann.with.a.long.name@department.corp.example  bob@home.example  identity-documents.licence, bulk-" in line


@pytest.mark.parametrize("width", [100, 120, 200])
def test_a_terminal_gets_one_line_each_that_fits(width: int) -> None:
    """With a sign where something was left out."""
    heading, line = custody_table.lines([item(subject="offer " * 30)], width)
    assert cell_len(line) <= width
    assert line.startswith(f"{ID}  held   2026-11-28 12:00Z  ann.")
    assert "…" in line
    assert heading.split()[-1] == "subject"


@pytest.mark.parametrize("width", [10, 40, 60, 80])
def test_a_narrow_terminal_gets_blocks(width: int) -> None:
    """What would be six letters wide is told below each other, and the id can be copied."""
    first, *others = custody_table.lines([item()], width)
    if width >= 60:
        assert (first, len(others)) == (f"{ID}  held  2026-11-28 12:00Z", 2)
        assert others[1].startswith("    identity-documents.licence, bulk-visible: offer"[: width - 1])
    else:
        assert (first, others[0], len(others)) == (ID, "    held", 4)


@given(st.lists(st.text(max_size=80), max_size=4), st.integers(min_value=1, max_value=300))
def test_no_line_is_wider_than_the_terminal_but_an_id(subjects: list[str], width: int) -> None:
    """Whatever signs a subject has: wide ones, accents, controls, ideographs."""
    found = list(custody_table.lines([item(subject=subject) for subject in subjects], width))
    assert all(cell_len(line) <= max(width, len(ID), 12) for line in found)
    assert all(line.isprintable() for line in found)
    assert sum(line.startswith(ID) for line in found) == len(subjects)
