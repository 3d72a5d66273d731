"""The policy in force and the detectors that it asks for: all that commands need who neither receive nor keep mail."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from dlp_gateway import packs, settings
from dlp_gateway.detect import audience, identifier_rules, registry, sent, solicitation, words
from dlp_gateway.detect.base import Detector, Facts, Inspection
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.policy import load as policy_load
from dlp_gateway.policy.model import Policy
from dlp_gateway.processes import teams
from dlp_gateway.settings import Settings


def load(path: Path) -> tuple[Settings, Policy]:
    """Return settings and policy; raise `ConfigurationError` with every problem of both files and of all packs.

    Teams of the directory's have the members that the gateway read last.
    """
    found = settings.load_all(path, kinds=known_kinds(), builtin=packs.builtin(), detection=_detection_problems)
    _require_engines(found[1])
    require_tables(found[1])
    return found[0], teams.recalled(*found)


def load_policy(path: Path) -> Policy:
    """Return one policy alone, as `load` reads it; raise `ConfigurationError` with every problem of it and packs."""
    problems: list[Problem] = []
    policy = None
    try:
        policy = policy_load.load(path, kinds=known_kinds(), builtin=packs.builtin())
    except ConfigurationError as error:
        problems += error.problems
    folders = policy_load.pack_folders(path, builtin=packs.builtin())
    problems += _detection_problems(one for one in folders if one.parent != packs.builtin())
    if policy is None or problems:
        raise ConfigurationError(problems)
    _require_engines(policy)
    require_tables(policy)
    return policy


def require_tables(policy: Policy) -> None:
    """Raise `ConfigurationError` for tables of own records that cannot be used, read whole.

    Where no rule asks for them as well: who names a table wants to hear of it.
    """
    problems: list[Problem] = []
    if policy.tables:
        from dlp_gateway.detect.edm.table import open_table  # noqa: PLC0415 - pulls in NumPy

        for _, table, key_file in policy.tables:
            try:
                open_table(Path(table), Path(key_file), whole=True)
            except ConfigurationError as error:
                problems += error.problems
    if problems:
        raise ConfigurationError(problems)


def _require_engines(policy: Policy) -> None:
    """Raise `ConfigurationError` for a name that Presidio lacks: now, not by receivers that do not start."""
    if policy.recognizers or policy.model:
        registry.build(Recipe(inside=(), recognizers=policy.recognizers, model=policy.model))


def _detection_problems(folders: Iterable[Path]) -> tuple[Problem, ...]:
    """Return what is wrong with the rules of detection, labels and words in packs of the operator's own."""
    own = tuple(folders)
    return (*identifier_rules.problems_of(own), *words.problems_of(own))


@lru_cache(maxsize=1)
def known_kinds() -> frozenset[str]:
    """Return every kind that the detectors of this installation may report; without loading their engines."""
    others = registry.build(Recipe(inside=(), plugins=registry.installed()))
    of_words = audience.KINDS | solicitation.KINDS
    of_identifiers = {name for kind in identifier_rules.TYPES for name in (f"identifier.{kind}", sent.kind(kind))}
    return registry.kinds(others) | of_words | of_identifiers


def recipe(policy: Policy) -> Recipe:
    """Return what it takes to build the policy's detectors, here or in a worker."""
    builtin = packs.builtin()
    return Recipe(
        inside=policy.inside.patterns,
        partners=policy.partners.patterns,
        lists=policy.lists,
        free_mail=packs.free_mail(),
        rules=str(builtin),
        packs=tuple(str(folder) for folder in policy.folders if folder.parent != builtin),
        plugins=registry.installed(),
        recognizers=policy.recognizers,
        model=policy.model,
        tables=policy.tables if policy.asks("edm.*") else (),
    )


def inspect(policy: Policy, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
    """Measure one message here and now, without a deadline: for commands and tests, not for the message path."""
    from dlp_gateway.inspection.measuring import measure  # noqa: PLC0415 - `check` needs no engines

    return measure(_detectors(recipe(policy)), envelope, message, facts)


@lru_cache(maxsize=8)
def _detectors(made_by: Recipe) -> tuple[Detector, ...]:
    return registry.build(made_by)
