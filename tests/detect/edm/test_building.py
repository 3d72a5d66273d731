"""From CSV to table: encodings, quotes, duplicates, what is left out; a table is written whole or not at all."""

import codecs
import csv
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.detect.edm import building, keys, values
from dlp_gateway.detect.edm.drafting import draft
from dlp_gateway.detect.edm.matching import Matcher, new_budget
from dlp_gateway.detect.edm.table import open_table
from dlp_gateway.errors import ConfigurationError
from tests.detect.edm.tables import PEOPLE, build, spec

ONE = "columns: {no: code, mail: own-address}\nenough: [{of: [no]}]\n"


def problems(folder: Path, people: bytes, columns: str = ONE) -> list[str]:
    """Return what is wrong with a file, without its folder."""
    source = folder / "people.csv"
    source.write_bytes(people)
    with pytest.raises(ConfigurationError) as caught:
        building.build(source, spec(columns), keys.make(), folder / "people.edm")
    assert not (folder / "people.edm").exists()
    assert [one.name for one in folder.iterdir()] == ["people.csv"]
    return [str(problem).removeprefix(f"{source}") for problem in caught.value.problems]


def test_no_value_is_in_the_files(tmp_path: Path) -> None:
    """Neither a table nor its key holds a value in plain, in any form in which it is compared."""
    build(tmp_path)
    written = ((tmp_path / "people.edm").read_bytes() + (tmp_path / "people.key").read_bytes()).upper()
    for value in (
        "K100234",
        "K-100234",
        "D1234567",
        "DE89",
        "MÜLLER",
        "MULLER",
        "19800102",
        "10115",
        "HOME.EXAMPLE",
        "CRUZ",
    ):
        assert value.encode() not in written


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    """Table and key have mode 600, whatever the umask."""
    build(tmp_path)
    assert {oct((tmp_path / name).stat().st_mode & 0o777) for name in ("people.edm", "people.key")} == {"0o600"}


def test_equal_rows_are_one_record(tmp_path: Path) -> None:
    """A file that lists somebody twice makes nobody of him more."""
    lines = PEOPLE.splitlines(keepends=True)
    table = build(tmp_path, "".join([*lines, lines[1], lines[1]]))
    assert table.header.records == 4


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    """Short, common and unusable values, by column, with the place of the first that cannot be used."""
    people = (
        "no,born,mail\n"
        + "".join(f"A-{n:05d},1.1.1970,x@home.example\n" for n in range(8))
        + '12,31.2.1999,"y at home"\nword,,\n'
    )
    source = tmp_path / "people.csv"
    source.write_text(people)
    columns = (
        "columns: {no: code, born: date-dmy, mail: own-address}\nenough: [{of: [no, born], count: 2}]\ncommon: 5\n"
    )
    built = building.build(source, spec(columns), keys.make(), tmp_path / "people.edm")
    assert built.header.left_out == {
        "no": {building.SHORT: 1, building.UNUSABLE: 1},
        "born": {building.UNUSABLE: 1, building.COMMON: 8},
        "mail": {building.UNUSABLE: 1},
    }
    assert built.first == {"no": (11, 1), "born": (10, 2), "mail": (10, 3)}


def test_placeholders_are_left_out(tmp_path: Path) -> None:
    """What systems write where nobody knows the number or the day is nobody's."""
    people = "no,born\n" + "".join(
        f"{no},{day}\n" for no, day in (("00000", "1.1.1900"), ("123456", "31.12.9999"), ("98765", ""), ("A-12345", ""))
    )
    (tmp_path / "people.csv").write_text(people)
    columns = spec("columns: {no: code, born: date-dmy}\nenough: [{of: [no, born], count: 2}]\n")
    header = building.build(tmp_path / "people.csv", columns, keys.make(), tmp_path / "people.edm").header
    assert header.left_out == {"no": {building.PLACEHOLDER: 3}, "born": {building.PLACEHOLDER: 2}}
    assert header.values == 1


CODES = st.from_regex(r"[A-Z]{0,3}[0-9]{5,12}[A-Z]{0,2}", fullmatch=True)


@settings(max_examples=40, deadline=None)
@given(
    found=st.lists(CODES, min_size=1, max_size=30, unique=True),
    other=CODES,
    note=st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
)
def test_every_value_of_a_file_is_found_and_no_other(
    found: list[str], other: str, note: str, delimiter: str, quoting: int
) -> None:
    """Through whatever a CSV writer makes of it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "people.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=delimiter, quoting=quoting)
            writer.writerows(
                [("note", "no", "more"), *((note, code, f"{note}\n{note}") for code in found), ("", "A-555551", "")]
            )
        keys.save(folder / "key", key := keys.make())
        building.build(folder / "people.csv", spec("columns: {no: code}\nenough: [{of: [no]}]\n"), key, folder / "t")
        matcher = Matcher(open_table(folder / "t", folder / "key"))
    for code in found:
        says_something = (
            len(set(code)) > 1 and code not in "01234567890123456789" and code not in "98765432109876543210"
        )
        assert bool(list(matcher.matches(f"the number {code}.", new_budget()))) is says_something
    if not any(one in other or one.strip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") in other for one in found):
        assert not list(matcher.matches(f"the number {other}.", new_budget()))


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("cp1252", "cp1252"), ("iso-8859-1", "iso-8859-1")],
)
def test_encodings(tmp_path: Path, encoding: str, told: str) -> None:
    """What Excel writes is read, with or without a mark of the byte order."""
    (tmp_path / "people.csv").write_text("name;no\r\nMüller;A-12345\r\n", encoding=encoding, newline="")
    key = keys.make()
    keys.save(tmp_path / "k", key)
    columns = f"columns: {{name: name, no: code}}\nenough: [{{of: [name, no], count: 2}}]\nencoding: {told}\n"
    building.build(tmp_path / "people.csv", spec(columns), key, tmp_path / "t")
    assert list(Matcher(open_table(tmp_path / "t", tmp_path / "k")).matches("muller a12345", new_budget()))


def test_quotes_and_lines_within_cells(tmp_path: Path) -> None:
    """RFC 4180: doubled quotes, delimiters and line ends in a cell; other columns may hold anything."""
    people = 'no,note,mail\n"A-12345","He said ""no, never"",\nand went",a@home.example\nA-67890,,"b@home.example"\n'
    table = build(tmp_path, people, ONE)
    assert table.header.records == 2
    assert len(list(Matcher(table).matches("A-12345 and A-67890", new_budget()))) == 2


@pytest.mark.parametrize(
    ("people", "told"),
    [
        (b"nos,mail\nA-1,a@b.example\n", ":1:1: There is no column no; did you mean 'nos'?"),
        (b"no,no,mail\n1,2,3\n", ":1:1: Two columns are called no; rename one."),
        (b"no,mail\nA-12345\n", ":2:2: This row has 1 cells, the first line 2."),
        (b"no,mail\nA-12345,a@b.example,more\n", ":2:3: This row has 3 cells, the first line 2."),
        (
            b'no,mail\n"A-12345,a@b.example\n',
            ":2:1: This is no line of a CSV file: a quote was opened and never closed.",
        ),
        (
            b'no,mail\n"A"12345,a@b.example\n',
            "something stands behind a closing quote; double the quotes within a cell.",
        ),
        (b"no,mail\nA-12345,a@b.example\nM\xfcller,\n", ":3:1: This is not utf-8; name another `encoding`"),
        (codecs.BOM_UTF16_LE + "no,mail\n".encode("utf-16-le"), ":1:1: This is UTF-16; save the file as UTF-8."),
        (b"no,mail\nA\x0012345,x\n", ":2:1: A NUL stands here"),
        (b"no,mail\n" + b"9" * 1_100_000, ":2:1: This line is longer than 1 MB"),
        (b"no,mail\rA-12345,\r" * 60_000, ":1:1: This line is longer than 1 MB"),
        (
            b"no,mail\nword,\nother,\nA-12345,a@b.example\n",
            ":2:1: The column no is no `code`: 2 of 3 cells cannot be used",
        ),
        (b"no,mail\nA-12345,\n", ":1:2: The column mail is empty."),
        (b"", ":1:1: There is no column no"),
    ],
)
def test_problems_name_their_place_and_never_a_value(tmp_path: Path, people: bytes, told: str) -> None:
    """File, line and column; what stands there is a secret."""
    found = "\n".join(problems(tmp_path, people))
    assert told in found
    assert "12345" not in found
    assert "ller" not in found


def test_many_problems_are_some_problems(tmp_path: Path) -> None:
    """A file with another delimiter throughout is told in twenty lines."""
    assert len(problems(tmp_path, b"no,mail\n" + b"a\n" * 10_000)) == 20


@pytest.mark.parametrize("target", ["missing/people.edm", "folder"])
def test_a_place_where_nothing_can_be_written(tmp_path: Path, target: str) -> None:
    """A sentence says why, and nothing half is left behind."""
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigurationError, match="The table cannot be written"):
        building.build(tmp_path / "people.csv", spec(), keys.make(), tmp_path / target)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder", "people.csv"]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ("columns: {no: code}\nenough: [{of: [nos]}]\n", "did you mean 'no'"),
        ("columns: {no: code}\nenough: [{of: [no], count: 2}]\n", "asks for more columns than it names"),
        ("columns: {born: date}\nenough: [{of: [born]}]\n", "a date alone says nothing"),
        ("columns: {no: number}\nenough: [{of: [no]}]\n", "must be one of"),
        ("columns: {}\nenough: [{of: [no]}]\n", "At least 1 must stand here"),
    ],
)
def test_a_file_of_columns_without_sense_is_refused(columns: str, told: str) -> None:
    """With what to do, at its place."""
    with pytest.raises(ConfigurationError, match=told):
        spec(columns)


def test_a_draft_can_be_used_as_it_is(tmp_path: Path) -> None:
    """What each column holds is seen from its first rows."""
    (tmp_path / "people.csv").write_text(PEOPLE.replace("20095,dan", "20095,eve"), encoding="utf-8")
    drafted = spec(draft(tmp_path / "people.csv"))
    assert drafted.columns == {
        "customer no": "code",
        "licence": "code",
        "iban": "code",
        "surname": "name",
        "born": "date-dmy",
        "postcode": "code",
        "email": "own-address",
    }
    assert [(set(one.of), one.count) for one in drafted.enough] == [
        ({"customer no", "licence", "iban"}, 1),
        ({"surname", "born", "postcode"}, 2),
    ]


def test_a_draft_of_a_file_that_excel_wrote(tmp_path: Path) -> None:
    """Its encoding is seen and told."""
    (tmp_path / "people.csv").write_text("Kundennummer;Straße\nA-12345;x\n", encoding="cp1252")
    assert spec(draft(tmp_path / "people.csv")).encoding == "cp1252"


def test_a_draft_of_nothing_is_refused(tmp_path: Path) -> None:
    """A column of sentences is nobody's record."""
    (tmp_path / "people.csv").write_text("note\nthis is a note about nothing at all\n")
    with pytest.raises(ConfigurationError, match="No column"):
        draft(tmp_path / "people.csv")


@given(text=st.text(max_size=60))
def test_comparing_forms_are_stable(text: str) -> None:
    """What was made comparable once stays as it is, for any text."""
    for made in (values.code, values.digits, values.name, values.address):
        once = made(text)
        assert made(once) == once


@given(day=st.dates(min_value=date(1900, 1, 1)))
def test_a_day_is_the_same_in_every_writing(day: date) -> None:
    """Figures in three orders, with signs and without, and the month as a word."""
    wanted = day.strftime("%Y%m%d")
    assert values.cell_date(f"{day:%Y-%m-%d}", "ymd") == wanted
    assert values.cell_date(f"{day:%Y-%m-%d} 00:00:00", "ymd") == wanted
    assert values.cell_date(f"{day:%d.%m.%Y}", "dmy") == wanted
    assert values.cell_date(f"{day:%m/%d/%Y}", "mdy") == wanted
    assert values.cell_date(f"{day:%Y%m%d}", "ymd") == wanted
    assert values.cell_date(f"{day:%d %B %Y}", "ymd") == wanted
    assert values.cell_date(f"{day:%B %d, %Y}", "ymd") == wanted
