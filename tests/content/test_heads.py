"""Heads of tables in two rows or broken within a cell, in pages, tables and spreadsheets."""

import time

import pytest

from dlp_gateway.content import heads, html, structured
from tests.detect.identifiers import numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Name\tDriver's\n\tlicense number\nAnn\tD1234567", "Name\tDriver's license number\nAnn\tD1234567"),
        ("Guests\nName\tPassport\n\tno.\nAnn\t533401372", "Guests\nName\tPassport no.\nAnn\t533401372"),
        (
            "First\tDriver's\nname\tlicense\nAnn\tD1234567",
            "First\tDriver's\nFirst name\tDriver's license\nAnn\tD1234567",
        ),
        ("Name\tPaid\nAnn\tyes\nBen\t12345", "Name\tPaid\nName Ann\tPaid yes\nBen\t12345"),
    ],
)
def test_two_rows_are_one(text: str, expected: str) -> None:
    """Words above each other are one heading; where the second row may be data, the first one stays."""
    assert heads.joined(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Name\tPassport\nAnn\t533401372\nBen\t533401384",
        "Name\tPassport\nAnn\tpending\nBen\tpending",
        "Passport numbers of guests\t\nName\tNumber\nAnn\t533401372",
        "Name\tPassport\tVisa\n\tno.\nAnn\t533401372\t1",
        "Ann\t1\nBen\tno\n\tyes\nCid\t2",
        "no table\nat all\n12345",
        f"Name\t{'long ' * 20}\n\tnumber\nAnn\t533401372",
    ],
)
def test_other_rows_are_left_alone(text: str) -> None:
    """Rows of data, titles, and rows of other lengths are no head in two rows."""
    assert heads.joined(text) == text


@pytest.mark.parametrize(
    "page",
    [
        "<table><tr><th>Name<th>Passport<br>number<tr><td>Ann<td>533401372</table>",
        "<table><tr><td>Name<td><p>Passport</p><p>number</p><tr><td>Ann<td>533401372</table>",
        "<table><tr><th>Name<th><b>Passport</b><br>no.<tr><td>Ann<td>533401372</table>",
        "<table><tr><th>Name<th>Passport<tr><th><th>number<tr><td>Ann<td>533401372</table>",
    ],
)
def test_a_heading_of_a_page_may_be_broken(page: str) -> None:
    """A line break in a heading parts no words, and neither does a row."""
    assert numbers(html.text(page)) == [("PASSPORT", "533401372")]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<table><tr><td>Name<br>Order<td>Ann<br>48213307</table>", "Name\nOrder\tAnn\n48213307"),
        ("<table><tr><td>Dear Ann,<br>see you!<td>logo</table>", "Dear Ann,\nsee you!\tlogo"),
        ("<table><tr><td>one<br>two</table>", "one\ntwo"),
        (f"<table><tr><td>{'long ' * 20}<br>two<td>b</table>", f"{'long ' * 20}\ntwo\tb"),
    ],
)
def test_other_cells_keep_their_lines(page: str, expected: str) -> None:
    """Layout tables hold whole letters."""
    assert html.text(page).replace(" \n", "\n") == expected.replace(" \n", "\n")


def test_a_file_with_a_head_in_two_rows() -> None:
    """As spreadsheets write it."""
    text = structured.table("Name,Driver's\n,license number\nAnn,D1234567\nBen,D7654321\n")
    assert numbers(text) == [("DRIVER_LICENSE", "D1234567"), ("DRIVER_LICENSE", "D7654321")]


def test_many_rows_take_linear_time() -> None:
    """Nothing is searched again and again."""
    begun = time.process_time()
    for text in (
        "a\tb\n" * 300_000 + "1",
        "a\t" * 600_000 + "1",
        "a\tb\n\tc\n1\n" * 100_000,
        "a\tb\n" + "\t" * 1_000_000,
    ):
        heads.joined(text)
    assert time.process_time() - begun < 5
