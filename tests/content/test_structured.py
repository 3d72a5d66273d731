"""Calendars and cards as they are shown, and texts of their signs that would take for ever to be told apart."""

import base64
import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.content import boxes, pgp
from dlp_gateway.content.structured import calendar, table
from dlp_gateway.content.text import File

PHOTO = base64.b64encode(b"a photograph").decode()


@pytest.mark.parametrize(
    ("line", "shown", "files"),
    [
        ("NOTE;ENCODING=QUOTED-PRINTABLE:M=C3=BCller", "NOTE;ENCODING=QUOTED-PRINTABLE:M\u00fcller", ()),
        (f"PHOTO;ENCODING=B;TYPE=JPEG:{PHOTO}", "PHOTO;ENCODING=B;TYPE=JPEG", (b"a photograph",)),
        (f"photo;encoding=base64:{PHOTO}", "photo;encoding=base64", (b"a photograph",)),
        (f'ATTACH;FILENAME="a:b";ENCODING=BASE64:{PHOTO}', 'ATTACH;FILENAME="a:b";ENCODING=BASE64', (b"a photograph",)),
        ("NOTE;ENCODING=B:Größe 12345678", "NOTE;ENCODING=B:Größe 12345678", ()),
        ("NOTE:ENCODING=B is no parameter: here", "NOTE:ENCODING=B is no parameter: here", ()),
        ("NOTE;X=1:a value; ENCODING=B", "NOTE;X=1:a value; ENCODING=B", ()),
        ("NOTE;ENCODING=8BIT:as it is", "NOTE;ENCODING=8BIT:as it is", ()),
    ],
)
def test_encoded_values(line: str, shown: str, files: tuple[bytes, ...]) -> None:
    """What is quoted-printable is text, what is base64 a file."""
    pieces = list(calendar(f"BEGIN:VCARD\n{line}\nEND:VCARD"))
    assert pieces[0] == f"BEGIN:VCARD\n{shown}\nEND:VCARD"
    assert tuple(piece.content for piece in pieces[1:] if isinstance(piece, File)) == files


@pytest.mark.parametrize("unit", ['ATTENDEE;CN="', "ATTENDEE;X=Y;", "x", ";ENCODING=B", "X\r\n ", ":;", "ENCODING=B;:"])
def test_a_line_of_signs_has_an_end(unit: str) -> None:
    """Once cubic: 30 KB took a receiver a minute."""
    assert list(calendar(unit * (300_000 // len(unit))))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('a;b\n"x\ny";2\n', "a\tb\nx y\t2"),
        ("a,b\r\n1,2\r\n", "a\tb\n1\t2"),
        ("a,b\r1,2", "a\tb\n1\t2"),
        ("a,b\n\n1,2", "a\tb\n\n1\t2"),
        ('a|b\n="007"|"x ""y"""', 'a\tb\n007\tx "y"'),
    ],
)
def test_tables_have_tabs(written: str, shown: str) -> None:
    """Whatever ends their lines, and with line ends in their cells."""
    assert table(written).startswith(shown)


def test_armour_that_never_ends() -> None:
    """Each of ten thousand beginnings was looked at for its end."""
    begin = b"-----BEGIN PGP MESSAGE-----\r\n"
    assert pgp.armoured(begin * 30_000) == b""
    assert pgp.armoured(begin + b"\r\naGVsbG8=\r\n" + b"-----END PGP MESSAGE-----\r\n" + begin * 30_000) == b"hello"


@given(
    st.sampled_from("\t;,|"),
    st.lists(st.sampled_from(['"', '""', "\n", "\r", "\r\n", "a", "\t", " ", "|"])),
    st.lists(st.sampled_from(['"', '""', "\n", "\r", "\r\n", "a", "\t", " ", "|", ";"])),
)
def test_a_table_is_read_as_csv_reads_it(delimiter: str, first: list[str], rest: list[str]) -> None:
    """Whatever stands in quotation marks, and wherever these stand."""
    text = f"{delimiter * 9}{''.join(first)}\n{delimiter.join(rest)}"
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    expected = "\n".join("\t".join(re.sub(r"[\t\r\n]+", " ", cell) for cell in row) for row in rows)
    assert table(text) == boxes.with_wholes(expected)


def test_what_has_cells_of_any_length_is_no_table() -> None:
    """As `csv` has it, unless it is told otherwise."""
    longest = "a" * 131_072
    assert table(f"1,{longest}\n") == f"1\t{longest}"
    assert table(f"1,{longest}a\n") == f"1,{longest}a\n"
