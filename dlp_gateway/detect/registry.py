"""Which detectors there are: ours, and those that other packages register under the entry point group below."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

from dlp_gateway.detect.acquaintance import AcquaintanceDetector
from dlp_gateway.detect.base import Detector
from dlp_gateway.detect.defects import DefectsDetector
from dlp_gateway.detect.disclosure import DisclosureDetector
from dlp_gateway.detect.exposure import ExposureDetector
from dlp_gateway.detect.misaddressed import MisaddressedDetector
from dlp_gateway.detect.parts import PartsDetector
from dlp_gateway.detect.recipients import RecipientsDetector
from dlp_gateway.detect.redistribution import RedistributionDetector
from dlp_gateway.detect.reply_all import ReplyAllDetector
from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.mail.address import DomainSet

GROUP: Final = "dlp_gateway.detectors"
#: They look at the header, the envelope and what was looked up, not at what a part says.
_HEADER_ONLY: Final = (
    RecipientsDetector,
    DisclosureDetector,
    RedistributionDetector,
    MisaddressedDetector,
    ReplyAllDetector,
    ExposureDetector,
    AcquaintanceDetector,
    PartsDetector,
    DefectsDetector,
)
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,63}(?:\.[A-Za-z0-9_-]{1,64}){1,4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that is needed to build the same detectors in another process; plain values, so it can be written as JSON.

    `lists` are the mailing lists that we run.
    `recognizers` and `model` are those of Presidio and spaCy that the policy names (see `guests`), `tables` those of
    own records: each a name, its file, and the file of its key (see `edm`).
    `rules` is the folder of the built-in packs, `packs` are the folders of the operator's own, `plugins` the names of
    entry points to use (see `installed`).
    """

    inside: tuple[str, ...]
    partners: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    free_mail: tuple[str, ...] = ()
    rules: str = ""
    packs: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    recognizers: tuple[str, ...] = ()
    model: str = ""
    tables: tuple[tuple[str, str, str], ...] = ()


def build(recipe: Recipe) -> tuple[Detector, ...]:
    """Build every detector of `recipe`; raises ConfigurationError with all that is wrong."""
    inside, partners, free_mail = DomainSet(recipe.inside), DomainSet(recipe.partners), frozenset(recipe.free_mail)
    own: tuple[Detector, ...] = (
        RecipientsDetector(inside=inside, partners=partners, free_mail=free_mail),
        DisclosureDetector(inside=inside, partners=partners),
        RedistributionDetector(inside=inside, partners=partners, lists=recipe.lists),
        MisaddressedDetector(inside=inside, partners=partners, free_mail=free_mail),
        ReplyAllDetector(),
        ExposureDetector(),
        AcquaintanceDetector(free_mail=free_mail),
        PartsDetector(),
        DefectsDetector(),
        *(_of_texts(recipe, inside, partners) if recipe.rules else ()),
        *((_guests(recipe),) if recipe.recognizers or recipe.model else ()),
        *((_records(recipe, inside),) if recipe.tables else ()),
    )
    plugged, problems = _plugged(recipe.plugins, taken=frozenset(detector.name for detector in own))
    if problems:
        raise ConfigurationError(problems)
    return (*own, *plugged)


def kinds(detectors: Iterable[Detector]) -> frozenset[str]:
    """Return every kind that any of `detectors` may report; a policy that names another is wrong."""
    return frozenset().union(*(detector.kinds for detector in detectors))


def header_only(detectors: Iterable[Detector]) -> tuple[Detector, ...]:
    """Return those of `detectors` that need no text, so that they cost next to nothing."""
    from dlp_gateway.detect.audience import AudienceDetector  # noqa: PLC0415 - pulls in the engines

    return tuple(one for one in detectors if isinstance(one, (*_HEADER_ONLY, AudienceDetector)))


def installed() -> tuple[str, ...]:
    """Return the names of the detectors that installed packages offer, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def _guests(recipe: Recipe) -> Detector:
    from dlp_gateway.detect.guests import GuestDetector  # noqa: PLC0415 - pulls in the engines

    return GuestDetector(recipe.recognizers, model=recipe.model)


def _records(recipe: Recipe, inside: DomainSet) -> Detector:
    from dlp_gateway.detect.edm.detector import EdmDetector  # noqa: PLC0415 - pulls in NumPy

    return EdmDetector(recipe.tables, inside)


def _of_texts(recipe: Recipe, inside: DomainSet, partners: DomainSet) -> tuple[Detector, ...]:
    """Return the detectors that read texts; they share one look at each (see `triggers`)."""
    from dlp_gateway.detect import gate, solicitation  # noqa: PLC0415 - pulls in the engines
    from dlp_gateway.detect.audience import AudienceDetector  # noqa: PLC0415
    from dlp_gateway.detect.identifier_rules import load_rules  # noqa: PLC0415
    from dlp_gateway.detect.identifiers import IdentifierDetector  # noqa: PLC0415
    from dlp_gateway.detect.triggers import Triggers  # noqa: PLC0415
    from dlp_gateway.detect.words import load_words  # noqa: PLC0415

    packs = tuple(map(Path, recipe.packs))
    words, rules = load_words(Path(recipe.rules), packs), load_rules(Path(recipe.rules), packs)
    triggers = Triggers(words={**gate.words(rules), **solicitation.watched(words)}, forms=gate.forms(rules))
    return (
        AudienceDetector(inside=inside, words=words),
        solicitation.SolicitationDetector(inside=inside, partners=partners, words=words, triggers=triggers),
        IdentifierDetector(rules, triggers),
    )


def _plugged(names: tuple[str, ...], *, taken: frozenset[str]) -> tuple[tuple[Detector, ...], list[Problem]]:
    detectors: list[Detector] = []
    problems: list[Problem] = []
    used = set(taken)
    for name in names:
        points = tuple(entry_points(group=GROUP, name=name))
        if len(points) != 1:
            problems.append(_problem(name, "no package offers it" if not points else "several packages offer it"))
            continue
        try:
            detector = _load(points[0])
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            problems.append(_problem(name, f"cannot be loaded ({type(error).__name__})"))
            continue
        complaint = _complaint(detector, used)
        if complaint:
            problems.append(_problem(name, complaint))
        else:
            used.add(detector.name)
            detectors.append(detector)
    return tuple(detectors), problems


def _load(point: EntryPoint) -> Detector:
    """An entry point is a class or function without arguments that returns the detector."""
    detector: Detector = point.load()()
    return detector


def _complaint(detector: Detector, used: set[str]) -> str:
    """Say what keeps `detector` from being used; "" if nothing does."""
    name, declared = getattr(detector, "name", None), getattr(detector, "kinds", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return "its name must be a small letter, then small letters, digits, '_' or '-' (64 at most)"
    if name in used:
        return f"another detector is called {name!r}"
    if not isinstance(declared, frozenset) or not declared:
        return "it declares no kinds (a frozenset of dotted names)"
    if not all(isinstance(kind, str) and _KIND.fullmatch(kind) for kind in declared):
        return "its kinds must be dotted names such as 'secret.aws'"
    if not callable(getattr(detector, "detect", None)):
        return "it has no method detect"
    return ""


def _problem(name: str, what: str) -> Problem:
    return Problem(source=f"detector {name}", line=0, column=0, message=what)
