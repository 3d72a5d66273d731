"""Records in texts: found in any usual writing, never by a value of another, and as sure as they are unlikely."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlp_gateway.detect.edm import keys
from dlp_gateway.detect.edm.matching import Match, Matcher, TooMuch, new_budget
from dlp_gateway.detect.edm.table import Table
from tests.detect.edm.tables import build

COLUMN = {"customer no": 0, "licence": 1, "iban": 2, "surname": 3, "born": 4, "postcode": 5}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Give the table of four people."""
    return build(tmp_path_factory.mktemp("edm"))


def found(table: Table, text: str) -> dict[int, set[str]]:
    """Return the columns by which each record is found."""
    named = {number: name for name, number in COLUMN.items()}
    matches = Matcher(table).matches(text, new_budget())
    return {match.record: {named[column] for column in match.columns} for match in matches}


@pytest.mark.parametrize(
    "text",
    [
        "IBAN DE89 3704 0044 0532 0130 00",
        "iban:de89370400440532013000.",
        "DE89-3704-0044-0532-0130-00",
        "DE89 3704 0044\n0532 0130 00",
        "Fahrerlaubnis D1234567 und Klasse B",
        "D 123 45 67",
        "licence no.D1234567",
        "Ｄ１２３４５６７",  # full width
        "D١٢٣٤٥٦٧",  # Arabic-Indic digits
        "D12\u200b34\u00ad567",  # nothing is seen between the digits
        "Herr Müller, geb. 2. Januar 1980",
        "MUELLER is Muller, 1980-01-02",
        "müller;02/01/80",
        "Mu\u0308ller 1980年1月2日",
        "Kunde K 100 234, PLZ 10115",
        "K.100.234 (2 January 1980)",
        "Muller lives in 10115 Berlin",
        "Muller, March 2.1.1980",
        "Martin Muller 2.1.1980",
        "Muller, died Jan 5, born 2 January 1980",
        "MULLER;JANUARY 2ND, 1980",
        "Muller 19800102",
        "Muller 02011980",
        "ID:D1234567X?D1234567",
        "NoD1234567 D1234567.pdf",
    ],
)
def test_a_record_is_found_however_it_is_written(table: Table, text: str) -> None:
    """Spacing, width, script of digits, invisible marks, order and language of dates do not matter."""
    assert len(found(table, text)) == 1


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("O'Brien, born on 1st March 1975", {"surname", "born"}),
        ("O’Brien 1.3.75", {"surname", "born"}),
        ("Ana de la Cruz, 31/12/1990", {"surname", "born"}),
        ("DE LA CRUZ, Ana - 20095 Hamburg", {"surname", "postcode"}),
        ("Вчера Иванов (15.06.1966) писал", {"surname", "born"}),
        ("FR14 2004 1010 0505 0001 3M02 606", {"iban"}),
    ],
)
def test_names_of_several_words_and_scripts(table: Table, text: str, columns: set[str]) -> None:
    """A name is its words, in whatever order and case."""
    assert list(found(table, text).values()) == [columns]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Müller",
        "born 02.01.1980",
        "Müller, geb. 03.01.1980",
        "Müller 1.3.1975",  # of two people
        "K-100234 O'Brien",
        "D1234568",
        "XD1234567X",
        "DE89 3704 0044 0532 0130 01",
        "10115 and 10117 and 20095",
        "Müller" + " and so on" * 60 + " 02.01.1980",
        "The meeting of 3 January 1980 was long, and 10115 people came to it; K-10023 and 4 of them stayed.",
    ],
)
def test_what_is_nobodys_record_is_none(table: Table, text: str) -> None:
    """One column of two, columns of two people, columns far apart, and numbers that are nearly right."""
    assert found(table, text) == {}


def test_a_name_is_looked_for_near_a_number_wherever_it_stands(table: Table) -> None:
    """Before it, behind it, and at either end of a long text."""
    for text in (
        "Müller " + "x " * 40 + "02.01.1980",
        "a " * 5_000 + "1980-01-02 for Mr Muller",
        "10115 - Müller" + " b" * 5_000,
    ):
        assert len(found(table, text)) == 1


def test_places_are_those_of_the_text_as_it_stands(table: Table) -> None:
    """What is left out or folded before matching moves no place."""
    text = "\u200b\u200bсм. D1234567"
    (match,) = Matcher(table).matches(text, new_budget())
    assert text[match.start : match.end] == "D1234567"


SEPARATORS = st.sampled_from(["", " ", "-", ".", "/", " - ", "\n", "  ", "\u00a0", "–", "_"])


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_every_value_is_found_in_any_usual_spacing(table: Table, data: st.DataObject) -> None:
    """However a number is grouped, in whatever case, and whatever stands around it."""
    value = data.draw(
        st.sampled_from(["DE89370400440532013000", "GB29NWBK60161331926819", "D7654321", "FR1420041010050500013M02606"])
    )
    size = data.draw(st.integers(3, 6))
    separator = data.draw(SEPARATORS)
    written = separator.join(value[at : at + size] for at in range(0, len(value), size))
    written = data.draw(st.sampled_from([written, written.lower()]))
    before, behind = data.draw(
        st.sampled_from([("", ""), ("No: ", "."), ("(", ")"), ("is ", " and\nmore"), ("17, ", "; 18")])
    )
    assert found(table, before + written + behind) != {}


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(alphabet="0123456789DK -.\nabMüller", max_size=200))
def test_no_other_value_is_found(table: Table, text: str) -> None:
    """Chance digits are no record: what is found really stands there."""
    compact = "".join(one for one in text if one.isalnum()).upper()
    for columns in found(table, text).values():
        known = {
            "licence": ("D1234567", "D7654321", "D5550001"),
            "customer no": ("K10023",),
            "postcode": ("10115", "10117", "20095"),
        }
        for column, values in known.items():
            assert column not in columns or any(value in compact for value in values)


def test_a_combination_is_as_sure_as_it_is_unlikely(tmp_path: Path) -> None:
    """A name and a year of birth that hundreds have say little where there are many records; a number says all."""
    rows = "".join(
        f"X-{n * 7919 % 10**8:08d},name{'abcdefghij'[n % 10]},{n % 28 + 1}.{n // 28 % 12 + 1}.{1950 + n % 40}\n"
        for n in range(20_000)
    )
    columns = """\
columns: {id: code, surname: name, born: date-dmy}
enough: [{of: [id]}, {of: [surname, born], count: 2}]
common: 5000
"""
    table = build(tmp_path, "id,surname,born\n" + rows, columns)
    match = max(Matcher(table).matches("X-00007919", new_budget()), key=lambda one: one.chance)
    assert match.chance < 1e-3
    weak = list(Matcher(table).matches("namea 1.1.1950", new_budget()))
    assert weak
    assert all(one.chance > 1e-3 for one in weak)


def test_numbers_that_all_belong_to_somebody_are_not_sure(tmp_path: Path) -> None:
    """Where every number of four digits is a customer's, any year in any mail is one."""
    people = "no\n" + "\n".join(f"{number:04d}" for number in range(1_000, 10_000))
    table = build(tmp_path, people, "columns: {no: digits}\nenough: [{of: [no]}]\n")
    (match,) = Matcher(table).matches("in 1998", new_budget())
    assert match.chance > 0.5


def test_a_million_numbers_in_one_text(table: Table) -> None:
    """What repeats is looked up once, and weighed within a bound."""
    text = "D1234567 10115 Müller\n" * 3_000 + "987654 " * 3_000
    matches = list(Matcher(table).matches(text, new_budget()))
    assert len(matches) == 1


@pytest.mark.parametrize("between", ["\n", "\t", " ", " / "])
def test_a_list_of_numbers_loses_none_at_any_seam(tmp_path: Path, between: str) -> None:
    """All groups of a list are neighbours, and each number is found where it is written in fours."""
    ibans = [f"DE{n * 7_919 % 10**20:020d}" for n in range(1, 400)]
    table = build(tmp_path, "iban\n" + "\n".join(ibans), "columns: {iban: code}\nenough: [{of: [iban]}]\n")
    text = between.join(" ".join(iban[at : at + 4] for at in range(0, 22, 4)) for iban in ibans)
    matches = list(Matcher(table).matches(text, new_budget()))
    assert len(matches) == len(ibans)
    assert all(len(text[match.start : match.end].replace(" ", "")) == 22 for match in matches)


def test_single_digits_are_a_number_too(table: Table) -> None:
    """However far apart somebody writes them."""
    assert len(found(table, " ".join("DE89370400440532013000"))) == 1


def test_a_long_text_is_looked_at_in_pieces(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """No number is cut at a seam into another's, and what stands at a seam is found, at its place."""
    monkeypatch.setattr("dlp_gateway.detect.edm.matching._PIECE", 1_000)
    for shift in range(0, 1_400, 7):
        text = "x " * (shift // 2) + "Müller, 02.01.1980" + " y" * 900 + " D12345678 and K-1002341"
        (match,) = Matcher(table).matches(text, new_budget())
        assert text[match.start : match.end] == "Müller, 02.01.1980"


def test_more_common_values_than_can_be_weighed_are_a_failure(table: Table) -> None:
    """It is told, so that the mail is held, and never taken for clean."""
    with pytest.raises(TooMuch):
        list(Matcher(table).matches("10115 Müller " * 10, [5]))


def test_stretches_that_are_weighed_apart_lose_nothing(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record whose columns stand at a seam is found."""
    monkeypatch.setattr("dlp_gateway.detect.edm.matching._AT_ONCE", 1)
    text = ("20095 " + "x" * 90 + " ") * 30 + "Müller " + "y" * 200 + " 02.01.1980" + (" 20095" + "z" * 90) * 30
    assert {"surname", "born"} in found(table, text).values()


def test_matches_of_one_record_in_two_texts_are_one() -> None:
    """The surer one says where."""
    one = Match(record=1, values=frozenset({1}), columns=(0,), chance=0.1, start=0, end=1)
    other = Match(record=1, values=frozenset({2}), columns=(1,), chance=0.01, start=5, end=6)
    assert (one | other) == Match(record=1, values=frozenset({1, 2}), columns=(1,), chance=0.01, start=5, end=6)


def test_another_key_finds_nothing(table: Table, tmp_path: Path) -> None:
    """Digests are keyed: of two tables of the same people no digest is the same."""
    keys.save(tmp_path / "people.key", keys.make())
    other = build(tmp_path)
    assert set(table.digests.tolist()).isdisjoint(other.digests.tolist())
