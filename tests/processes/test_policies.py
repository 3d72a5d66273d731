"""An operator's own packs: their rules of detection count like the built-in ones, and their problems are told."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dlp_gateway import packs
from dlp_gateway.detect import registry
from dlp_gateway.detect.base import Facts
from dlp_gateway.detect.identifier_cases import results
from dlp_gateway.detect.identifier_rules import load_rules
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse
from dlp_gateway.processes import policies

GATEWAY = """\
listeners: [{address: "127.0.0.1:2525", networks: [127.0.0.0/8]}]
smarthost: {host: 127.0.0.1, port: 2526, tls: none}
custody: {url: "sqlite:///custody.db", key_file: custody.key}
"""
POLICY = 'version: 1\ninside: [corp.example]\npacks: [payment, "./packs/ours"]\n'
RULE = "id: wizard\ntype: NATIONAL_ID\ntitle: Wizard\nshapes: [{pattern: 'WZ\\d{4}'}]\n"
LABEL = 'id: badge\nowns: NATIONAL_ID\nphrases: {en: ["wizard number"]}\n'
PACK = "id: ours\ntitle: Ours\nversion: 1\nprotects: Wizards.\n"
MAIL = b"From: ada@corp.example\r\nTo: bob@shop.example\r\n\r\nmy wizard number is WZ-4471\r\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose policy names a built-in pack and one of the operator's."""
    for name, text in (
        ("gateway.yaml", GATEWAY),
        ("policy.yaml", POLICY),
        ("packs/ours/pack.yaml", PACK),
        ("packs/ours/identifiers/wizard.yaml", RULE),
        ("packs/ours/labels/badge.yaml", LABEL),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "gateway.yaml"


def test_a_rule_of_an_own_pack_finds(config: Path) -> None:
    """The detectors of a policy know the rules of every pack that it names."""
    _, policy = policies.load(config)
    envelope = Envelope(
        id="one",
        reverse_path="ada@corp.example",
        recipients=("bob@shop.example",),
        client="192.0.2.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime(2026, 11, 2, tzinfo=UTC),
    )
    findings = policies.inspect(policy, envelope, parse(MAIL), Facts()).findings
    assert [(found.kind, found.rule) for found in findings if found.kind.startswith("identifier.")] == [
        ("identifier.NATIONAL_ID", "wizard")
    ]


def test_a_worker_gets_the_own_packs_too(config: Path) -> None:
    """The recipe goes to workers as JSON, and names the folders."""
    _, policy = policies.load(config)
    recipe = policies.recipe(policy)
    assert (str(config.parent / "packs" / "ours"),) == recipe.packs
    assert list(recipe.packs) == json.loads(json.dumps(recipe.packs))
    assert "identifiers" in {detector.name for detector in registry.build(recipe)}


def test_problems_of_own_rules_are_told_with_all_others(config: Path) -> None:
    """A broken rule of detection is found by `check` and at the start, not by the first mail."""
    rule = config.parent / "packs" / "ours" / "identifiers" / "wizard.yaml"
    rule.write_text(RULE.replace("NATIONAL_ID", "NATIONAL"), encoding="utf-8")
    config.write_text(GATEWAY.replace("port: 2526", "port: 0"), encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        policies.load(config)
    assert {f"{config}:2:36", f"{rule}:2:7"} == {
        f"{problem.source}:{problem.line}:{problem.column}" for problem in refused.value.problems
    }


def test_the_documented_rule_of_detection_holds(config: Path) -> None:
    """What docs/policy.md shows as a pack's rule, cases and label works as it stands there."""
    page = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
    pack = config.parent / "documented"
    for name, text in re.findall(r"```yaml\n# ours/((?:identifiers|labels)/[\w.]+)\n(.*?)```", page, re.DOTALL):
        path = pack / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    book = load_rules(packs.builtin(), (pack,))
    assert [(pack / "identifiers" / "patient.cases.yaml", ())] == list(results(book, pack))
