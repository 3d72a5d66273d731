"""The policy in force and the detectors that it asks for: all that commands need who neither receive nor keep mail."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from dlp_gateway import packs, settings
from dlp_gateway.detect import audience, identifier_rules, registry, sent, solicitation, words
from dlp_gateway.detect.base import Detector, Facts, Inspection
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.document import Document, Location, load_document
from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.policy import load as policy_load
from dlp_gateway.policy.file import PolicyFile
from dlp_gateway.policy.model import Policy
from dlp_gateway.processes import teams
from dlp_gateway.settings import Settings


def load(path: Path) -> tuple[Settings, Policy]:
    """Return settings and policy; raise `ConfigurationError` with every problem of both files and of all packs.

    Teams of the directory's have the members that the gateway read last.
    """
    found = settings.load_all(
        path, kinds=known_kinds(), builtin=packs.builtin(), detection=_detection_problems, named=_named_problems
    )
    return found[0], teams.recalled(*found)


def load_policy(path: Path) -> Policy:
    """Return one policy alone, as `load` reads it; raise `ConfigurationError` with every problem of it and packs."""
    reading = policy_load.examine(path, kinds=known_kinds(), builtin=packs.builtin())
    folders = policy_load.pack_folders(path, builtin=packs.builtin())
    own = _detection_problems(one for one in folders if one.parent != packs.builtin())
    named = () if reading.policy is None else _named_problems(reading.document, reading.policy)
    return reading.finish((*own, *named))


def _named_problems(found: Document[PolicyFile], policy: Policy) -> Iterator[Problem]:
    """Yield what is wrong with what a policy names, at its place: now, not by receivers that do not start.

    Recognizers, a model, and tables of own records, read whole; the last also where no rule asks for them: who names a
    table wants to hear of it.
    """
    for index, name in enumerate(policy.recognizers):
        yield from _unusable(found, ("presidio", "recognizers", index), Recipe(inside=(), recognizers=(name,)))
    if policy.model:
        yield from _unusable(found, ("presidio", "model"), Recipe(inside=(), model=policy.model))
    if policy.tables:
        from dlp_gateway.detect.edm.table import open_table  # noqa: PLC0415 - pulls in NumPy

        for name, table, key_file in policy.tables:
            try:
                open_table(Path(table), Path(key_file), whole=True)
            except ConfigurationError as error:
                yield from found.placed(("edm", name), error)


def _unusable(found: Document[PolicyFile], place: Location, engines: Recipe) -> Iterator[Problem]:
    try:
        registry.build(engines)
    except ConfigurationError as error:
        yield from found.placed(place, error)


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


def refuse_restart_only(path: Path, old: Settings, new: Settings) -> None:
    """Raise `ConfigurationError` if something changed that only a restart can bring into force."""
    found = load_document(path, Settings)
    problems = [
        found.problem((name,), f"`{name}` changed; that needs a restart, not a reload.", key=True)
        for name, before, after in (
            ("listeners", [one.address for one in old.listeners], [one.address for one in new.listeners]),
            ("custody", (old.custody.url, old.custody.key_file), (new.custody.url, new.custody.key_file)),
            ("admin", old.admin, new.admin),
            ("processes", old.processes, new.processes),
            ("hostname", old.hostname, new.hostname),
            ("log", old.log, new.log),
        )
        if before != after
    ]
    if problems:
        raise ConfigurationError(problems)


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
