"""docs/policy.md: its examples are read by the gateway, and it names every key, pack and parameter."""

import re
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from dlp_gateway import document, packs
from dlp_gateway.cli import main
from dlp_gateway.detect.identifier_cases import CasesFile
from dlp_gateway.detect.identifier_rules import RuleFile
from dlp_gateway.detect.labels import LabelFile
from dlp_gateway.detect.words import WordFile
from dlp_gateway.document import Model
from dlp_gateway.policy import load, pack
from dlp_gateway.policy.cases import MailCase, RuleCases
from dlp_gateway.policy.file import PolicyFile
from dlp_gateway.policy.memory import Groups, Memory, Storm
from dlp_gateway.policy.model import BUILTIN_ACTIONS, RESERVED, Condition, Delay, Hold, Reject, Rewrite, Rule, Unless
from dlp_gateway.policy.records import Records
from dlp_gateway.policy.scope import Only, Query, Scope

TEXT: Final = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()
EXAMPLES: Final = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def named(path: str) -> str:
    """Return the example of a file."""
    return next(example for example in EXAMPLES if example.startswith(f"# {path}\n"))


def read(example: str) -> Model:
    """Read an example as what its first key says it is."""
    if example.startswith("version:"):
        load.parse(example, "docs/policy.md", builtin=packs.builtin())
        return document.parse(example, PolicyFile, "docs/policy.md")
    if example.startswith("when:"):
        return document.parse(f"id: example\nthen: review\n{example}", Rule, "docs/policy.md")
    if "\nwhen:" in example:
        parameters = document.parse(named("ours/pack.yaml"), pack.PackFile, "docs/policy.md").parameters
        context = {"parameters": {name: one.default for name, one in parameters.items()}}
        return document.parse_document(example, Rule, "docs/policy.md", context).finish()
    for key, model in (
        ("\nprotects:", pack.PackFile),
        ("\nshapes:", RuleFile),
        ("\nfinds:", CasesFile),
        ("\nowns:", LabelFile),
        ("\nrole:", WordFile),
    ):
        if key in example:
            return document.parse(example, model, "docs/policy.md")
    return document.parse(example, RuleCases if "\nhits:" in example else MailCase, "docs/policy.md")


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_examples_can_be_used(example: str) -> None:
    """Whoever copies an example gets a file without problems."""
    assert isinstance(read(example), Model)


def test_examples_of_every_sort_are_there() -> None:
    """The documentation shows a policy, a condition, both sorts of cases, and what a rule of detection is made of."""
    sorts = {PolicyFile, pack.PackFile, Rule, RuleCases, MailCase, RuleFile, CasesFile, LabelFile, WordFile}
    assert {type(read(example)) for example in EXAMPLES} == sorts


def test_the_pack_of_the_examples_passes_its_cases(tmp_path: Path) -> None:
    """Whoever copies pack, rule, detection and cases has a pack that `rules test` takes."""
    for name in (
        "pack",
        "health",
        "health.cases",
        "identifiers/patient",
        "identifiers/patient.cases",
        "labels/patient",
    ):
        path = tmp_path / "ours" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(named(f"ours/{name}.yaml"))
    told = CliRunner().invoke(main, ["rules", "test", str(tmp_path / "ours")])
    assert told.stdout == "3 passed, 0 failed\n"


@pytest.mark.parametrize(
    "model",
    [
        PolicyFile,
        Records,
        Memory,
        Storm,
        Groups,
        Rule,
        Condition,
        Unless,
        Only,
        Scope,
        Query,
        Rewrite,
        Delay,
        Hold,
        Reject,
    ],
)
def test_every_key_is_documented(model: type[Model]) -> None:
    """No key of the language is known to the code alone."""
    keys = [field.alias or name for name, field in model.model_fields.items()]
    assert [key for key in keys if not re.search(rf"`{key}[`:]|\b{key}:", TEXT)] == []


@pytest.mark.parametrize("name", pack.names(packs.builtin()))
def test_every_pack_and_parameter_is_documented(name: str) -> None:
    """The table of packs names what can be set."""
    row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{name}`"))
    assert [
        parameter for parameter in pack.read(packs.builtin() / name).file.parameters if f"`{parameter}`" not in row
    ] == []


def test_built_in_actions_and_reasons_are_documented() -> None:
    """What needs no definition, and what no file can switch off."""
    assert [name for name in (*BUILTIN_ACTIONS, *RESERVED) if f"`{name}`" not in TEXT] == []


@pytest.mark.parametrize(
    "model",
    [
        PolicyFile,
        Memory,
        Storm,
        Groups,
        Rule,
        Condition,
        Unless,
        Only,
        Scope,
        Query,
        Rewrite,
        Delay,
        Hold,
        Reject,
        pack.PackFile,
        pack.Parameter,
        RuleCases,
        MailCase,
    ],
)
def test_every_field_has_a_description(model: type[Model]) -> None:
    """Problems and schemas show it."""
    fields = {name: field for name, field in model.model_fields.items() if name != "do"}
    assert [name for name, field in fields.items() if not (field.description or "").endswith(".")] == []
