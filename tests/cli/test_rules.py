"""`dlp-gateway rules test`: the cases of an operator's packs, of policy and of detection."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run, lines

FILES = {
    "pack.yaml": "id: ours\ntitle: Ours\nversion: 1\nprotects: Wizards.\n",
    "number.yaml": "id: ours.number\nwhen: {finding: identifier.NATIONAL_ID}\nthen: review\n",
    "number.cases.yaml": (
        "hits: [{title: out, findings: {identifier.NATIONAL_ID: 1}, recipients: [one@shop.example]}]\n"
        "misses: [{title: nothing, recipients: [one@shop.example]}]\n"
    ),
    "identifiers/wizard.yaml": "id: wizard\ntype: NATIONAL_ID\ntitle: Wizard\nshapes: [{pattern: 'WZ\\d{4}'}]\n",
    "identifiers/wizard.cases.yaml": 'finds: ["wizard number [[WZ-4471]]"]\nmisses: ["order WZ-4471"]\n',
    "labels/badge.yaml": 'id: badge\nowns: NATIONAL_ID\nphrases: {en: ["wizard number"]}\n',
    "cases/letter.eml": "From: ann@corp.example\nTo: one@shop.example\n\nmy wizard number is WZ-4471\n",
    "cases/letter.yaml": "title: a letter with a number\ndisposition: hold\nreasons: [ours.number]\n",
}


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    """A folder with one pack: a rule of policy, one of detection, a label, cases of each, and a whole mail."""
    for name, text in FILES.items():
        path = tmp_path / "packs" / "ours" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "packs"


def test_all_cases_of_a_folder_pass(run: Run, packs: Path) -> None:
    """The whole mail is measured with the pack's own rule of detection."""
    result = run("rules", "test", "-v", packs)
    assert result.stdout.splitlines() == [
        "ok ours/number: hits: out",
        "ok ours/number: misses: nothing",
        "ok ours/cases/letter.eml: a letter with a number",
        "ok ours/identifiers/wizard.cases.yaml",
        "4 passed, 0 failed",
    ]
    assert result.exit_code == 0


def test_one_pack_alone(run: Run, packs: Path) -> None:
    """FOLDER may be a pack; --json prints one object a case."""
    result = run("rules", "test", "--json", packs / "ours")
    assert result.exit_code == 0
    assert lines(result)[-1] == {"case": "ours/identifiers/wizard.cases.yaml", "passed": True, "problem": ""}


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        (
            "identifiers/wizard.cases.yaml",
            'finds: ["badge [[WZ-4471]]"]\n',
            "wizard.cases.yaml: line 1: 1 of the marked",
        ),
        (
            "identifiers/wizard.cases.yaml",
            'misses: ["wizard number WZ-4471"]\n',
            "1 numbers are found in text 1 of `misses` that are not marked",
        ),
        (
            "identifiers/wizard.cases.yaml",
            'finds: ["wizard number [[WZ-4471]]", "no brackets", "badge [[WZ-1234]]"]\n',
            (
                "line 1: Nothing is marked in text 2 of `finds`; put [[ and ]] around each number. "
                "line 1: 1 of the marked numbers in text 3 of `finds` are not found.\n"
            ),
        ),
        ("identifiers/wizard.cases.yaml", "finds: []\n", "There is no text in it; write `finds` and `misses`."),
        (
            "identifiers/staff.yaml",
            FILES["identifiers/wizard.yaml"].replace("wizard", "staff"),
            "FAILED ours/identifiers/staff.yaml: It has no cases; write staff.cases.yaml",
        ),
        ("cases/lonely.yaml", "title: a letter\n", "FAILED ours/cases/lonely.yaml: there is no lonely.eml beside it"),
        (
            "number.cases.yaml",
            FILES["number.cases.yaml"].replace("NATIONAL_ID", "NATIONAL_IDD"),
            "hits: out: no detector reports identifier.NATIONAL_IDD",
        ),
        ("cases/letter.yaml", "title: a letter\ndisposition: forward\n", "expected forward, got hold"),
        (
            "number.cases.yaml",
            FILES["number.cases.yaml"].replace("_ID: 1", "_ID: 0"),
            "hits: out: the rule did not match",
        ),
    ],
)
def test_a_case_that_fails_ends_with_1(run: Run, packs: Path, file: str, text: str, told: str) -> None:
    """The case and what is wrong are told."""
    (packs / "ours" / file).write_text(text)
    result = run("rules", "test", packs)
    assert result.exit_code == 1
    assert told in result.stdout
    assert "failed" in result.stdout.splitlines()[-1]


@pytest.mark.parametrize("file", ["pack.yaml", "number.yaml", "identifiers/wizard.yaml", "labels/badge.yaml"])
def test_a_file_that_cannot_be_used_ends_with_78(run: Run, packs: Path, file: str) -> None:
    """Told with its place."""
    (packs / "ours" / file).write_text("id: [\nwhen: x\n")
    result = run("rules", "test", packs)
    assert result.exit_code == 78
    assert f"{file}:" in result.stderr


def test_a_kind_that_no_detector_reports_ends_with_78(run: Run, packs: Path) -> None:
    """As `check` refuses it; what depends on the policy, such as its tables, is not known here and passes."""
    rule, cases = packs / "ours" / "number.yaml", packs / "ours" / "number.cases.yaml"
    for path in (rule, cases):
        path.write_text(path.read_text().replace("NATIONAL_ID", "NATIONAL_IDD"))
    result = run("rules", "test", packs)
    assert result.exit_code == 78
    assert "number.yaml:2:17: No detector reports this kind; did you mean 'identifier.NATIONAL_ID'?" in result.stderr
    for path in (rule, cases):
        path.write_text(path.read_text().replace("identifier.NATIONAL_IDD", "edm.records.staff"))
    (packs / "ours" / "cases" / "letter.yaml").write_text("title: a letter\n")
    assert run("rules", "test", packs).exit_code == 0


def test_a_folder_without_packs_ends_with_78(run: Run, tmp_path: Path) -> None:
    """Nothing to test is no success."""
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run("rules", "test", empty).exit_code == 78
    assert run("rules", "test", tmp_path / "missing").exit_code == 2
