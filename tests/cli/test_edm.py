"""`dlp-gateway edm`: from a CSV file to a table that finds its people, and every mistake on the way."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, lines
from tests.detect.edm.tables import COLUMNS, PEOPLE


@pytest.fixture
def people(config: Path) -> Path:
    """A CSV file of four people beside the configuration."""
    path = config.parent / "people.csv"
    path.write_text(PEOPLE, encoding="utf-8")
    return path


def test_from_a_csv_file_to_a_verdict(run: Run, people: Path, config: Path) -> None:
    """Draft, build, show, test, and the policy; each says what comes next."""
    missing = run("edm", "build", str(people))
    assert missing.exit_code == 78
    assert f"dlp-gateway edm draft {people} > {people.with_suffix('.yaml')}" in missing.stderr
    people.with_suffix(".yaml").write_text(run("edm", "draft", str(people)).stdout)
    built = run("edm", "build", str(people))
    assert built.exit_code == 0
    table = people.with_suffix(".edm")
    assert f"{table}: 4 rows, 4 distinct records, 26 values" in built.stdout
    assert f"edm: {{people: {table}}}" in built.stdout
    shown = run("edm", "show", str(table))
    assert "is whole." in shown.stdout
    assert "column born: date-dmy" in shown.stdout
    policy = "version: 1\ninside: [corp.example]\npacks: [own-records]\nedm: {people: ./people.edm}\n"
    (config.parent / "policy.yaml").write_text(policy)
    mail = config.parent / "mail.eml"
    mail.write_text("From: a@corp.example\nTo: ben@home.example\nSubject: x\n\nYour licence: D1234567\n")
    scanned = lines(run("scan", "--from", "a@corp.example", "--to", "ben@home.example", "--json", str(mail)))[0]
    assert (scanned["disposition"], scanned["reasons"]) == ("hold", ["own-records"])
    assert {one["rule"] for one in scanned["findings"] if one["detector"] == "edm"} == {"people:licence"}
    scanned = lines(run("scan", "--from", "a@corp.example", "--to", "ann@home.example", "--json", str(mail)))[0]
    assert "own-records" not in scanned["reasons"]
    assert "Tables of own records: people." in run("check").stdout


def test_whose_records_a_text_holds(run: Run, people: Path) -> None:
    """Why, in words, and whether they are the recipients' own; never a value."""
    people.with_suffix(".yaml").write_text(COLUMNS)
    run("edm", "build", str(people))
    table = str(people.with_suffix(".edm"))
    text = "Müller, born 2 Jan 1980, and D7654321".encode()
    found = run("edm", "test", table, "-", "--to", "ann@home.example", stdin=text)
    assert found.exit_code == 1
    assert "a record's surname and born, the recipients' own" in found.stdout
    assert "a record's licence  0.95" in found.stdout
    assert "2 records" in found.stdout
    assert "7654321" not in found.stdout
    found = run("edm", "test", table, "-", "--to", "ann@home.example", "--json", stdin=text[:26])
    assert (found.exit_code, [one["own"] for one in lines(found)]) == (0, [True])
    assert run("edm", "test", table, "-", stdin=b"nothing").stdout == "0 records\n"


def test_a_mail_is_read_as_the_gateway_reads_it(run: Run, people: Path) -> None:
    """Encoded parts are decoded before they are searched."""
    people.with_suffix(".yaml").write_text(COLUMNS)
    run("edm", "build", str(people))
    mail = b"Subject: x\nContent-Transfer-Encoding: quoted-printable\n\nlicence D1=\n234567\n"
    assert run("edm", "test", str(people.with_suffix(".edm")), "--mail", "-", stdin=mail).exit_code == 1


def test_another_key_and_another_place(run: Run, people: Path, tmp_path: Path) -> None:
    """One key may serve several tables; a build with another one replaces the table, and says nothing of values."""
    people.with_suffix(".yaml").write_text(COLUMNS)
    key, table = tmp_path / "shared.key", tmp_path / "elsewhere.edm"
    options = ("--key-file", str(key), "--out", str(table), "--columns", str(people.with_suffix(".yaml")))
    assert run("edm", "build", str(people), *options).exit_code == 0
    made = key.read_bytes()
    (told,) = lines(run("edm", "build", str(people), *options, "--json"))
    assert (told["records"], told["rows"], told["table"]) == (4, 4, str(table))
    assert key.read_bytes() == made
    assert run("edm", "show", str(table)).exit_code == 78
    assert lines(run("edm", "show", str(table), "--key-file", str(key), "--json"))[0]["values"] == told["values"]


def test_numbers_that_say_little_are_told(run: Run, config: Path) -> None:
    """Where most numbers of four digits are somebody's, the administrator hears of it when he builds."""
    source = config.parent / "short.csv"
    source.write_text("no\n" + "\n".join(f"{n:04d}" for n in range(1_000, 9_000)))
    source.with_suffix(".yaml").write_text("columns: {no: digits}\nenough: [{of: [no]}]\n")
    assert "9999: of all numbers of this shape 79.8% are yours" in run("edm", "build", str(source)).stdout


def test_problems_have_places(run: Run, people: Path) -> None:
    """Exit 78, as JSON too; the former table stays."""
    people.with_suffix(".yaml").write_text(COLUMNS)
    run("edm", "build", str(people))
    former = people.with_suffix(".edm").read_bytes()
    people.write_text(PEOPLE + "one,two\n", encoding="utf-8")
    assert f"{people}:6:3: This row has 2 cells, the first line 7." in run("edm", "build", str(people)).stderr
    failed = run("edm", "build", str(people), "--json")
    assert (failed.exit_code, json.loads(failed.stdout)["line"]) == (78, 6)
    assert people.with_suffix(".edm").read_bytes() == former


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "records.csv: This file is empty; a CSV file is needed"),
        (b"\n\n", "records.csv: This file is empty; a CSV file is needed"),
        (b"PK\x03\x04\x00\x00,\x81", "records.csv:1:1: A NUL stands here; this is no text, so no CSV file."),
        (
            b"no,name\nA-1,\x81\xff\n",
            "is not cp1252; name another `encoding` in the file of columns, or save the table as CSV",
        ),
    ],
)
def test_what_is_no_csv_file_is_told(run: Run, tmp_path: Path, content: bytes, told: str) -> None:
    """By what is wrong with it, and never with the remedy that was just tried."""
    (tmp_path / "records.csv").write_bytes(content)
    result = run("edm", "draft", str(tmp_path / "records.csv"))
    assert result.exit_code == 78
    assert told in result.stderr


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (
            "edm: {people: ./people.edm}\n",
            "people.edm: There is no such table; `dlp-gateway edm build FILE.csv` makes it",
        ),
        ("edm: {people: {table: policy.yaml, key_file: other.key}}\n", "policy.yaml: This is no table"),
        ("edm: {People: ./people.edm}\n", "A name consists of a-z"),
        ("edm: {people: {tabel: x}}\n", "did you mean 'table'?"),
        ("rules: [{id: x, when: {finding: edm.records.people}, then: review}]\n", "No detector reports this kind"),
        (
            "edm: {people: ./p.edm}\nrules: [{id: x, when: {finding: edm.records.peopel}, then: review}]\n",
            "did you mean 'edm.records.people'?",
        ),
    ],
)
def test_a_policy_with_a_table_that_cannot_be_used(run: Run, config: Path, policy: str, told: str) -> None:
    """Told by `check` before a reload, with what to do."""
    (config.parent / "policy.yaml").write_text(f"version: 1\ninside: [corp.example]\n{policy}")
    result = run("check")
    assert result.exit_code == 78
    assert told in result.stderr
    assert "policy.yaml:3:" in result.stderr or "policy.yaml:4:" in result.stderr
