"""Identifier rules are data: strict, with every problem of every file at once, and each with cases that hold."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.detect.identifier_cases import check, unmark
from dlp_gateway.detect.identifier_rules import TYPES, Shapes, load_rules, problems_of
from dlp_gateway.errors import ConfigurationError

RULES = Path(__file__).parents[2] / "rules"
BOOK = load_rules(RULES)


def test_every_case_of_the_built_in_rules_holds() -> None:
    """What stands beside the rules is true at medium confidence, found and not found."""
    assert [str(problem) for problem in check(load_rules(RULES), RULES)] == []


def test_every_type_has_a_rule() -> None:
    """A type without a rule could never be found; birth dates are found by their labels."""
    assert {"DATE_OF_BIRTH"} == set(TYPES) - {rule.type for rule in load_rules(RULES).rules}


def test_rule_names_are_file_names() -> None:
    """A finding names a rule, and its file is then easily found."""
    names = {path.stem for path in RULES.glob("*/identifiers/*.yaml") if not path.name.endswith(".cases.yaml")}
    assert names == {rule.id for rule in load_rules(RULES).rules}


def test_every_rule_has_cases() -> None:
    """A rule without a text that it must find and one that it must not is only a claim."""
    files = {path.name.removesuffix(".cases.yaml") for path in RULES.glob("*/identifiers/*.cases.yaml")}
    assert {rule.id for rule in load_rules(RULES).rules} == files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of packs with labels and one pack without rules."""
    shutil.copytree(RULES / "labels", tmp_path / "labels")
    (tmp_path / "mine" / "identifiers").mkdir(parents=True)
    return tmp_path


def test_an_operator_adds_a_number_of_their_own_with_two_files(folder: Path) -> None:
    """A rule and a label in YAML are enough; no code is needed."""
    (folder / "labels" / "badge.yaml").write_text(
        'id: badge\nowns: NATIONAL_ID\nphrases: {en: ["wizard number"]}\n', encoding="utf-8"
    )
    rules = folder / "mine" / "identifiers"
    (rules / "wizard.yaml").write_text(
        "id: wizard\ntype: NATIONAL_ID\ntitle: Wizard\nshapes: [{pattern: 'WZ\\d{4}'}]\n", encoding="utf-8"
    )
    (rules / "wizard.cases.yaml").write_text(
        'finds: ["wizard number [[WZ-4471]]"]\nmisses: ["order WZ-4471"]\n', encoding="utf-8"
    )
    assert list(check(load_rules(folder), folder)) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("id: x\ntype: PASPORT\ntitle: X\nshapes: [{pattern: 'A'}]\n", "2:7"),
        ("id: x\ntype: PASSPORT\ntitle: X\ncheck: lun\nshapes: [{pattern: 'A'}]\n", "4:8"),
        ("id: x\ntype: PASSPORT\ntitle: X\n", "1:1"),
        ("id: x\ntype: PASSPORT\ntitle: X\nfind: 'A(?=B)'\nalone: 0.5\n", "4:7"),
        ("id: x\ntype: PASSPORT\ntitle: X\nshapes: [{pattern: '(A'}]\n", "4:20"),
        ("id: x\ntype: PASSPORT\ntitle: X\nfind: 'A'\n", "1:1"),
        ("id: x\ntype: PASSPORT\ntitle: X\nshape: 'A'\n", "4:1"),
        ("id: x\ntype: PASSPORT\ntitle: X\nshapes: [{pattern: 'A'}]\nform: 'A(?=B)'\nspoken_of: 0.5\n", "5:7"),
        ("id: x\ntype: PASSPORT\ntitle: X\nshapes: [{pattern: 'A'}]\nform: 'A'\n", "1:1"),
        ("id: x\ntype: PASSPORT\ntitle: X\nshapes: [{pattern: 'A'}]\nalso_under: [PASPORT]\n", "5:14"),
    ],
)
def test_a_wrong_rule_is_refused_at_its_place(folder: Path, text: str, place: str) -> None:
    """Misspelt types, checks and keys, useless rules and foreign expressions are told with line and column."""
    path = folder / "mine" / "identifiers" / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_rules(folder)
    assert f"{path}:{place}" in str(refused.value)


def test_problems_of_all_files_are_told_at_once(folder: Path) -> None:
    """Two broken files cost one attempt, not two."""
    for name in ("one", "two"):
        (folder / "mine" / "identifiers" / f"{name}.yaml").write_text("id: x\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_rules(folder)
    assert {"one.yaml", "two.yaml"} == {Path(problem.source).name for problem in refused.value.problems}


def test_a_case_that_does_not_hold_is_told_without_the_number(folder: Path) -> None:
    """A case may be a real mail that an operator complained of; its numbers stay out of messages."""
    rules = folder / "mine" / "identifiers"
    (rules / "p.yaml").write_text("id: p\ntype: PASSPORT\ntitle: P\nshapes: [{pattern: '\\d{9}'}]\n", encoding="utf-8")
    (rules / "p.cases.yaml").write_text(
        'finds: ["order [[123456789]]"]\nmisses: ["passport 123456789"]\n', encoding="utf-8"
    )
    problems = [str(problem) for problem in check(load_rules(folder), folder)]
    assert len(problems) == 2
    assert not any("123456789" in problem for problem in problems)


def test_marks_are_no_part_of_the_text() -> None:
    """Brackets tell where numbers stand and are taken out before detection."""
    assert ("a 12 b 34", {(2, 4), (7, 9)}) == unmark("a [[12]] b [[34]]")


WIZARD = "id: wizard\ntype: NATIONAL_ID\ntitle: Wizard\nshapes: [{pattern: 'WZ\\d{4}'}]\n"
WIZARD_LABEL = 'id: badge\nowns: NATIONAL_ID\nphrases: {en: ["wizard number"]}\n'


@pytest.fixture
def own_pack(tmp_path: Path) -> Path:
    """A pack of an operator's, in a folder of its own: a rule of detection, a label and cases."""
    for name, text in (
        ("identifiers/wizard.yaml", WIZARD),
        ("identifiers/wizard.cases.yaml", 'finds: ["wizard number [[WZ-4471]]"]\nmisses: ["order WZ-4471"]\n'),
        ("labels/badge.yaml", WIZARD_LABEL),
    ):
        path = tmp_path / "ours" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "ours"


def test_a_pack_elsewhere_adds_to_the_built_in_rules(own_pack: Path) -> None:
    """An operator's pack lies in a folder of its own, and brings rules and labels."""
    book = load_rules(RULES, (own_pack,))
    assert {"wizard"} == {rule.id for rule in book.rules} - {rule.id for rule in load_rules(RULES).rules}
    assert list(check(book, own_pack)) == []


def test_a_pack_elsewhere_takes_the_place_of_the_built_in_one_of_its_name(own_pack: Path) -> None:
    """A copy of a built-in pack, changed, is used instead of it, not beside it."""
    payment = own_pack.rename(own_pack.with_name("payment"))
    rules = {rule.id for rule in load_rules(RULES, (payment,)).rules}
    gone = {rule.id for rule in load_rules(RULES).rules} - rules
    assert "wizard" in rules
    assert {"payment-card-any", "bank-routing-gb"} <= gone
    assert not any(rule.startswith("passport") for rule in gone)


def test_two_packs_cannot_share_a_rule_id(own_pack: Path) -> None:
    """A finding names its rule, so the id must say which one it was."""
    shutil.copytree(own_pack, own_pack.with_name("theirs"))
    with pytest.raises(ConfigurationError) as refused:
        load_rules(RULES, (own_pack, own_pack.with_name("theirs")))
    assert "theirs/identifiers/wizard.yaml:1:1: Another pack has a rule of the same id" in str(refused.value)


def test_what_is_wrong_in_packs_is_told_without_building_detectors(own_pack: Path) -> None:
    """Rules and labels of an operator's pack are looked at when the configuration is."""
    assert problems_of((own_pack,)) == ()
    (own_pack / "identifiers" / "wizard.yaml").write_text("id: wizard\n", encoding="utf-8")
    (own_pack / "labels" / "badge.yaml").write_text("id: badge\n", encoding="utf-8")
    assert {"wizard.yaml", "badge.yaml"} == {Path(problem.source).name for problem in problems_of((own_pack,))}


@given(st.from_regex(r"\A[A-Z]{0,5}[0-9]{1,4}[A-Z0-9*]{0,14}\Z"))
def test_shapes_fit_together_as_they_do_alone(value: str) -> None:
    """One automaton for all shapes of a type tells the same as each shape by itself, in the order of the rules."""
    rules = [rule for rule in BOOK.rules if rule.type == "DRIVER_LICENSE" and rule.shape]
    expected = tuple(rule for rule in rules if rule.shape and rule.shape.fullmatch(value))
    assert expected == Shapes(rules).fitting(value)
