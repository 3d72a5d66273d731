"""Tables of own records in a policy: both ways of naming one, and the kinds that rules may ask for."""

from pathlib import Path

import pytest

from dlp_gateway import packs
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.policy import load
from dlp_gateway.processes import policies

HEAD = "version: 1\ninside: [corp.example]\n"


def policy(text: str, folder: Path) -> tuple[tuple[str, str, str], ...]:
    """Return the tables of a policy in a folder."""
    source = str(folder / "policy.yaml")
    return load.parse(HEAD + text, source, builtin=packs.builtin(), kinds=policies.known_kinds()).tables


def test_a_table_and_its_key(tmp_path: Path) -> None:
    """By its file alone, or with a key elsewhere; relative to the policy."""
    assert policy("edm: {a: ./a.edm, b: {table: b.edm}, c: {table: c.edm, key_file: /keys/c}}\n", tmp_path) == (
        ("a", str(tmp_path / "a.edm"), str(tmp_path / "a.key")),
        ("b", str(tmp_path / "b.edm"), str(tmp_path / "b.key")),
        ("c", str(tmp_path / "c.edm"), "/keys/c"),
    )


@pytest.mark.parametrize("kind", ["edm.records.*", "edm.others.*", "edm.records.a", "edm.others.a"])
def test_kinds_of_a_table(tmp_path: Path, kind: str) -> None:
    """Of one table, or of all."""
    rule = f"rules: [{{id: x, when: {{finding: {kind}, count: 3}}, then: review}}]\n"
    assert policy(f"edm: {{a: ./a.edm}}\n{rule}", tmp_path)


def test_rules_of_packs_may_name_a_table(tmp_path: Path) -> None:
    """A pack of the operator's own knows his tables."""
    pack = tmp_path / "ours"
    pack.mkdir()
    (pack / "pack.yaml").write_text("id: ours\ntitle: x\nversion: 1\nprotects: x\n")
    (pack / "ours.yaml").write_text("id: ours\nwhen: {finding: edm.others.a}\nthen: review\n")
    assert policy("edm: {a: ./a.edm}\npacks: [./ours]\n", tmp_path)
    with pytest.raises(ConfigurationError, match="No detector reports this kind"):
        policy("packs: [./ours]\n", tmp_path)


def test_tables_are_looked_into_only_if_a_rule_asks(tmp_path: Path) -> None:
    """The pack own-records asks for all of them."""
    for text, asked in (("", True), ("packs: [payment]\n", False)):
        found = load.parse(f"{HEAD}edm: {{a: ./a.edm}}\n{text}", str(tmp_path / "p.yaml"), builtin=packs.builtin())
        assert bool(policies.recipe(found).tables) is asked
