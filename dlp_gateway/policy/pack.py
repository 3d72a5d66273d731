"""A pack: a folder with pack.yaml, rules one a file, and their cases. Here its format is read."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import pydantic
from pydantic import AfterValidator, Field

from dlp_gateway import document
from dlp_gateway.document import Document, Model
from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.policy.model import MOST, Rule, action_meant
from dlp_gateway.policy.patterns import plain_name

#: A rule file with a `when` is a rule of policy, any other a rule of detection.
_POLICY_RULE: Final = re.compile(r"^when\s*:", re.MULTILINE)


class Parameter(Model):
    """Something that an operator may `set`. One called `action` or `…-action` holds the name of an action."""

    default: int | str = Field(description="The value if nothing is set.")
    description: str = Field(min_length=1, description="What it means.")
    least: int = Field(default=1, ge=0, description="The least number allowed.")
    choices: tuple[str, ...] | None = Field(default=None, min_length=1, description="The texts allowed.")

    def complaint(self, name: str, value: object, actions: Collection[str]) -> str:
        """Return what is wrong with setting this to `value`, "" if nothing is."""
        if isinstance(self.default, int):
            if not isinstance(value, int) or isinstance(value, bool):
                return "A whole number is needed here."
            if not self.least <= value <= MOST:
                return f"This must be {self.least} or more." if value < self.least else f"This must be {MOST} or less."
            return ""
        if not isinstance(value, str):
            return "A text is needed here."
        if name == "action" or name.endswith("-action"):
            return "" if value in actions else f"There is no such action{action_meant(value, actions)}"
        choices = self.choices
        if choices is not None and value not in choices:
            return f"This is not possible here{document.suggestion(value, choices)}"
        return ""


class PackFile(Model):
    """pack.yaml: what the pack is for and what can be set."""

    id: Annotated[str, AfterValidator(plain_name)] = Field(description="The name of the pack, and of its folder.")
    title: str = Field(min_length=1, description="One line.")
    version: int = Field(ge=1, description="Counts up with each change of what the pack finds or does.")
    protects: str = Field(min_length=1, description="Whom or what it protects, in a sentence or two.")
    references: tuple[str, ...] = Field(default=(), description="Where to read about the risk.")
    parameters: dict[Annotated[str, AfterValidator(plain_name)], Parameter] = Field(
        default={}, description="What an operator may `set`, by name."
    )

    @pydantic.field_validator("parameters")
    @classmethod
    def _usable_defaults(cls, value: dict[str, Parameter]) -> dict[str, Parameter]:
        for name, parameter in value.items():
            if not isinstance(parameter.default, str) and parameter.choices is not None:
                raise ValueError(f"The parameter '{name[:60]}' has `choices`, so its default must be a text.")
            if parameter.choices is not None and parameter.default not in parameter.choices:
                raise ValueError(f"The default of '{name[:60]}' is not among its `choices`.")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A pack as it lies in its folder; `rules` are its rules of policy, by file."""

    folder: Path
    file: PackFile
    rules: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The name in `packs:` and before the dot in `set:`."""
        return self.file.id

    def parameters(self, overrides: Mapping[str, object]) -> dict[str, object]:
        """Return the value of each parameter."""
        return {name: overrides.get(name, parameter.default) for name, parameter in self.file.parameters.items()}


def names(builtin: Path) -> tuple[str, ...]:
    """Return the names of the packs in a folder of packs."""
    return tuple(sorted(file.parent.name for file in builtin.glob("*/pack.yaml")))


def read(folder: Path) -> Pack:
    """Return the pack in `folder`; raise `ConfigurationError`."""
    path = folder / "pack.yaml"
    found = document.load_document(path, PackFile)
    more = []
    if found.model is not None and found.model.id != folder.name:
        more.append(found.problem(("id",), f"The id must be the name of the folder, {folder.name}."))
    file = found.finish(more)
    candidates = sorted(
        p for p in folder.glob("*.yaml") if p.name != "pack.yaml" and not p.name.endswith(".cases.yaml")
    )
    return Pack(folder=folder, file=file, rules=tuple(p for p in candidates if is_policy_rule(p)))


def is_policy_rule(path: Path) -> bool:
    """Whether a rule file belongs to the policy (it has a `when`), not to detection."""
    return bool(_POLICY_RULE.search(document.read(path)))


def rule_id(pack: str, path: Path) -> str:
    """Return the id that the rule in a file must have: the pack's name, and the file's unless it is the same."""
    return pack if path.stem == pack else f"{pack}.{path.stem}"


def read_rule(pack: Pack, path: Path, context: Mapping[str, object]) -> tuple[Rule | None, list[Problem]]:
    """Return a rule of the pack, or what is wrong with it; `context` has kinds, actions and parameters."""
    try:
        found: Document[Rule] = document.load_document(path, Rule, context)
    except ConfigurationError as error:
        return None, list(error.problems)
    problems = list(found.problems)
    wanted = rule_id(pack.name, path)
    if found.model is not None and found.model.id != wanted:
        problems.append(found.problem(("id",), f"The id must follow from the file's name: {wanted}."))
    return found.model, problems
