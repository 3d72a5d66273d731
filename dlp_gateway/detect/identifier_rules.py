"""Rules as data: what numbers of one kind and country look like, what proves them, and how sure that makes one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import re2
from pydantic import Field

from dlp_gateway.detect.automaton import Automaton
from dlp_gateway.detect.grammar import Grammar, load_grammar
from dlp_gateway.detect.labels import LabelFile, Lexicon, Strength, compile_lexicon, load_labels
from dlp_gateway.detect.validators import CHECKS, Check
from dlp_gateway.document import Location, Model, load_document
from dlp_gateway.errors import ConfigurationError, Problem

#: Every identifier type that a rule may find; findings are of kind `identifier.<type>`.
TYPES: Final = (
    "DRIVER_LICENSE", "CREDIT_CARD", "IBAN", "US_SSN", "UK_NINO", "PASSPORT", "NATIONAL_ID", "TAX_ID", "BANK_ACCOUNT",
    "BANK_ROUTING", "HEALTH_ID", "CREDENTIAL", "DATE_OF_BIRTH",
)  # fmt: skip
#: The type of payment cards, which are looked at more closely than other numbers.
CARD: Final = "CREDIT_CARD"
_GRAMMAR: Final = "grammar.yaml"


class ShapeEntry(Model):
    """A form of the number: upper case, without separators, and in which region it is in use."""

    pattern: str
    region: str = ""


class RuleFile(Model):
    """One file of `rules/identity-documents` or `rules/payment`: an identifier of one country."""

    id: str
    type: str
    title: str
    country: str = ""
    shapes: tuple[ShapeEntry, ...] = ()
    any_country: bool = False  # shapes say nothing but "a number": a little less sure
    check: str = ""
    failed_check: Literal["lower", "veto"] = "lower"
    find: str = ""  # how the number looks in text when it needs no label; its group, if any, is the number
    digits: Annotated[int, Field(ge=0, le=100)] = (
        0  # what has fewer, with no more than " ", ".", "/" or "-" between two, never passes
    )
    alone: Annotated[float, Field(ge=0, le=1)] = 0.0  # the score where nothing owns it
    form: str = ""  # as `find`, for a number that nothing owns in a text that speaks of its kind elsewhere
    spoken_of: Annotated[float, Field(ge=0, le=1)] = 0.0  # the score of `form`
    also_under: tuple[str, ...] = ()  # further types whose labels may own it: a tax number under "NIF"
    certain: bool = False  # the check is so strong that no other owner matters
    false_positives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule, compiled."""

    id: str
    type: str
    country: str
    shape: re.Pattern[str] | None
    any_country: bool
    check: Check | None
    veto: bool
    find: "re2._Regexp[bytes] | None"
    find_source: str
    digits: int
    alone: float
    certain: bool
    form: "re2._Regexp[bytes] | None"
    spoken_of: float
    under: frozenset[str]  # the types whose labels may own it


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """Everything that identifiers are found by: rules, the lexicon of labels, the grammar around them."""

    rules: tuple[Rule, ...]
    lexicon: Lexicon
    labels: tuple[LabelFile, ...]
    grammar: Grammar


class Shapes:
    """Which of some rules have a shape that a compact number fits: one automaton for all of them."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: Final = tuple(rule for rule in rules if rule.shape is not None)
        shapes = (rule.shape.pattern for rule in self.rules if rule.shape)
        self._automaton = Automaton(shapes, whole=True, either_case=False)

    def fitting(self, value: str) -> tuple[Rule, ...]:
        """Return the rules that `value` fits, in their order."""
        return tuple(self.rules[place - 1] for place in sorted(self._automaton.matching(value.encode("ascii"))))


def load_rules(folder: Path, packs: Iterable[Path] = ()) -> RuleBook:
    """Return the rules of a folder of packs, and of further packs; raise `ConfigurationError` with every problem.

    Identifier rules are `<pack>/identifiers/<rule>.yaml`. Labels are shared by all packs: those in `labels/` of the
    folder and those in `<pack>/labels/` of the further packs, which come first, so that an operator's own meaning of a
    phrase counts. A further pack takes the place of the one in the folder that has its name.
    """
    further = tuple(packs)
    replaced = {pack.name for pack in further}
    own = tuple(path for path in sorted(folder.iterdir()) if path.name not in replaced)
    rules, problems = _compiled((*own, *further))
    labels, more = _labels((*further, folder))
    problems += more
    try:
        grammar = load_grammar(folder / "labels" / _GRAMMAR)
    except ConfigurationError as error:
        raise ConfigurationError([*problems, *error.problems]) from None
    if problems:
        raise ConfigurationError(problems)
    return RuleBook(rules=tuple(rules), lexicon=compile_lexicon(labels), labels=tuple(labels), grammar=grammar)


def problems_of(packs: Iterable[Path]) -> tuple[Problem, ...]:
    """Return what is wrong with the identifier rules and labels of `packs`, without the folder they are added to."""
    further = tuple(packs)
    return (*_compiled(further)[1], *_labels(further)[1])


def _compiled(packs: Iterable[Path]) -> tuple[list[Rule], list[Problem]]:
    """Return the compiled rules of packs, and what is wrong with the others."""
    rules: dict[str, Rule] = {}
    problems: list[Problem] = []
    for path in (path for pack in packs for path in sorted(pack.glob("identifiers/*.yaml"))):
        if path.name.endswith(".cases.yaml"):
            continue
        try:
            rule = _compile(path)
        except ConfigurationError as error:
            problems += error.problems
            continue
        if rules.setdefault(rule.id, rule) is not rule:
            message = f"Another pack has a rule of the same id, {rule.id}; rename one."
            problems.append(Problem(source=str(path), line=1, column=1, message=message))
    return list(rules.values()), problems


def _labels(folders: Iterable[Path]) -> tuple[list[LabelFile], list[Problem]]:
    """Return the label files in `labels/` of folders, and what is wrong with the others.

    Within a folder the surer come first: of a phrase that stands in two files ("SIN" and "sin") the first says.
    """
    labels: list[LabelFile] = []
    problems: list[Problem] = []
    for folder in folders:
        own: list[LabelFile] = []
        for path in sorted(folder.glob("labels/*.yaml")):
            if path.name == _GRAMMAR:
                continue
            try:
                own += load_labels((path,))
            except ConfigurationError as error:
                problems += error.problems
        labels += sorted(own, key=lambda file: list(Strength).index(file.strength))
    return labels, problems


def _compile(path: Path) -> Rule:
    document = load_document(path, RuleFile)
    file = document.finish()
    problems: list[Problem] = []

    def note(location: Location, message: str) -> None:
        problems.append(document.problem(location, message))

    if file.type not in TYPES:
        note(("type",), f"There is no such identifier type; use one of {', '.join(TYPES)}.")
    if file.check and file.check not in CHECKS:
        note(("check",), f"There is no such check; use one of {', '.join(sorted(CHECKS))}.")
    if not file.shapes and not file.find:
        note((), "Neither `shapes` nor `find` is given, so this rule has no effect.")
    if bool(file.form) != bool(file.spoken_of):
        note(
            (),
            "`form` and `spoken_of` belong together: how it looks, and how sure that is where its kind is spoken of.",
        )
    for index, kind in enumerate(file.also_under):
        if kind not in TYPES:
            note(("also_under", index), f"There is no such identifier type; use one of {', '.join(TYPES)}.")
    if bool(file.find) != bool(file.alone):
        note((), "`find` and `alone` belong together: how it looks without a label, and how sure that is.")
    for index, entry in enumerate(file.shapes):
        if not _expression(entry.pattern):
            note(
                ("shapes", index, "pattern"),
                "This is no regular expression that RE2 takes (no look-around, no back-reference).",
            )
    find = _expression(file.find) if file.find else None
    if file.find and not find:
        note(("find",), "This is no regular expression that RE2 takes (no look-around, no back-reference).")
    form = _expression(file.form) if file.form else None
    if file.form and not form:
        note(("form",), "This is no regular expression that RE2 takes (no look-around, no back-reference).")
    if problems:
        raise ConfigurationError(problems)
    return Rule(
        id=file.id,
        type=file.type,
        country=file.country,
        shape=re.compile("|".join(f"(?:{entry.pattern})" for entry in file.shapes)) if file.shapes else None,
        any_country=file.any_country,
        check=CHECKS[file.check] if file.check else None,
        veto=file.failed_check == "veto",
        find=find,
        find_source=file.find,
        digits=file.digits,
        alone=file.alone,
        certain=file.certain,
        form=form,
        spoken_of=file.spoken_of,
        under=frozenset((file.type, *file.also_under)),
    )


def _expression(source: str) -> "re2._Regexp[bytes] | None":
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    try:
        return re2.compile(source, options)
    except re2.error:
        return None
