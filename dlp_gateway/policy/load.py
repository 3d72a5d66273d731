"""policy.yaml and its packs → the `Policy` in force; every problem of all files at once."""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pydantic
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, ValidationInfo

from dlp_gateway import document
from dlp_gateway.detect.edm import naming
from dlp_gateway.detect.organisations import is_public_suffix
from dlp_gateway.document import Document, Location, Model
from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.mail.address import DomainSet, canonical_domain
from dlp_gateway.policy import pack
from dlp_gateway.policy.groups import ANY, Group, group
from dlp_gateway.policy.groups import read as read_group
from dlp_gateway.policy.memory import Memory
from dlp_gateway.policy.model import BUILTIN_ACTIONS, Action, Policy, PolicyMode, Rule, RuleInForce
from dlp_gateway.policy.patterns import DomainPattern, MailboxPattern, plain_name
from dlp_gateway.policy.records import MOST_TABLES, NamedTable, located
from dlp_gateway.policy.scope import Query, Scope, Team

_T = TypeVar("_T", tuple[object, ...], dict[str, object])


def _whole(value: object) -> object:
    """Refuse true and 1.0, which to Python equal 1."""
    if type(value) is not int:
        raise ValueError("This must be 1.")
    return value


def _our_own(value: str) -> str:
    """Refuse what nobody can own; most single labels are no public suffixes and may name a site's own network."""
    if is_public_suffix(canonical_domain(value.removeprefix("*."))):
        message = "This is a public suffix, such as com or co.uk: strangers would be inside. Name your own domains."
        raise ValueError(message)
    return value


OwnDomain = Annotated[DomainPattern, AfterValidator(_our_own)]


def _group_name(value: str) -> str:
    if value == ANY:
        raise ValueError("`any` means whichever group; choose another name.")
    return plain_name(value)


def _sort(value: object) -> str:
    return "file" if isinstance(value, str) else "directory" if isinstance(value, dict | Query) else "list"


class Presidio(Model):
    """Detectors of others that run in ours: behind a gate, in windows, within a budget, and in a worker."""

    recognizers: tuple[str, ...] = Field(default=(), description="Names of Presidio's recognizer classes.")
    model: str = Field(default="", description="A spaCy model that is installed, or the path of one.")


class PolicyFile(Model):
    """Everything in policy.yaml: what is allowed."""

    version: Annotated[Literal[1], BeforeValidator(_whole)] = Field(description="The version of this format: 1.")
    mode: PolicyMode = Field(
        default="enforce", description="Act (enforce), or count everything and hold or change nothing (observe)."
    )
    inside: tuple[OwnDomain, ...] = Field(
        min_length=1, description="Our domains; corp.example does not mean *.corp.example."
    )
    partners: tuple[DomainPattern, ...] = Field(
        default=(), description="Domains whose people may be seen together with ours; not outsiders for exposure."
    )
    groups: dict[
        Annotated[str, AfterValidator(_group_name)],
        Annotated[
            Annotated[str, Tag("file")] | Annotated[tuple[MailboxPattern, ...], Tag("list")],
            Discriminator(lambda value: "file" if isinstance(value, str) else "list"),
        ],
    ] = Field(
        default={},
        description="People outside who work together, by name: a list of addresses and domains, or a file of them.",
    )
    lists: tuple[MailboxPattern, ...] = Field(
        default=(),
        description="Mailing lists of ours with members outside: the address of a list, or a domain of lists.",
    )
    packs: tuple[str, ...] | None = Field(
        default=None,
        description="The packs in force, by name, or as the path of a folder; left out: all built-in ones.",
    )
    set: dict[str, object] = Field(default={}, description="Parameters of packs, such as bulk-visible.outsiders: 20.")
    teams: dict[
        Annotated[str, AfterValidator(plain_name)],
        Annotated[
            Annotated[str, Tag("file")]
            | Annotated[tuple[MailboxPattern, ...], Field(min_length=1), Tag("list")]
            | Annotated[Query, Tag("directory")],
            Discriminator(_sort),
        ],
    ] = Field(
        default={},
        description="Groups of our own people, by name: a list of addresses and domains, a file of them, or a filter "
        "by which the directory finds them.",
    )
    scopes: tuple[Scope, ...] = Field(default=(), description="Other parameters for the mail of some.")
    actions: dict[Annotated[str, AfterValidator(plain_name)], Action] = Field(
        default={}, description="Actions of your own, by name."
    )
    presidio: Presidio | None = Field(
        default=None,
        description="Recognizers of Presidio and a spaCy model of your own; they report `presidio.<ENTITY>`.",
    )
    edm: dict[Annotated[str, AfterValidator(plain_name)], NamedTable] = Field(
        default={},
        max_length=MOST_TABLES,
        description="Tables of own records, by name: the file of one, or its file and its key's; they report "
        "`edm.records.<name>` and `edm.others.<name>`.",
    )
    memory: Memory = Field(default=Memory(), description="For how long is remembered what rules ask for.")
    rules: tuple[Rule, ...] = Field(default=(), description="Rules of your own, beside those of the packs.")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _name_actions(cls, data: Any, info: ValidationInfo) -> Any:  # noqa: ANN401  whatever the file holds
        """Let the rules know the names of actions and teams, even of those that have problems of their own."""
        if info.context is not None and isinstance(data, dict) and data.get("presidio"):
            info.context["presidio"] = True
        tables = data.get("edm") if isinstance(data, dict) else None
        if info.context is not None and info.context.get("kinds") is not None and isinstance(tables, dict):
            info.context["kinds"] |= naming.kinds(tables)
        for section in ("actions", "groups", "teams"):
            known = (info.context or {}).get(section)
            if known is not None and isinstance(data, dict) and isinstance(data.get(section), dict):
                known.update(data[section])
        return data


def load(path: Path, *, builtin: Path, kinds: frozenset[str] | None = None) -> Policy:
    """Return the policy in `path`; `builtin` is the folder of the built-in packs, `kinds` what detectors report.

    Without `kinds` it is not checked whether a detector reports what a rule asks for. Raises `ConfigurationError`.
    """
    return parse(document.read(path), str(path), builtin=builtin, kinds=kinds)


def default(
    inside: tuple[str, ...], *, builtin: Path, kinds: frozenset[str] | None = None, partners: tuple[str, ...] = ()
) -> Policy:
    """Return the policy of all built-in packs with their defaults."""
    text = json.dumps({"version": 1, "inside": inside, "partners": partners}, ensure_ascii=False)  # JSON is YAML
    return parse(text, "default policy", builtin=builtin, kinds=kinds)


def parse(text: str, source: str, *, builtin: Path, kinds: frozenset[str] | None = None) -> Policy:
    """Return the policy written in `text`; relative folders of packs are relative to the folder of `source`."""
    actions = set(BUILTIN_ACTIONS)  # `PolicyFile` adds those of the file
    context: dict[str, object] = {"kinds": kinds, "actions": actions, "groups": {ANY}, "teams": set()}
    found = document.parse_document(text, PolicyFile, source, context)
    if kinds is not None:
        context["kinds"] = kinds | naming.kinds(_section(found, "edm", dict))
    problems: list[Problem] = []
    packs = tuple(_packs(found, builtin, problems))
    scopes = found.model.scopes if found.model else ()
    overrides = _overrides(found, ("set",), packs, actions, problems)
    of_scopes = [_overrides(found, ("scopes", n, "set"), packs, actions, problems) for n in range(len(scopes))]
    rules: list[_Read] = []
    for one in packs:
        scoped = [(scope, set_[one.name]) for scope, set_ in zip(scopes, of_scopes, strict=True) if set_[one.name]]
        rules += _pack_rules(one, overrides[one.name], scoped, context, problems)
    problems += _own_rule_problems(found, {read.rule.id for read in rules})
    problems += _scopes_without_effect(found, rules)
    teams = dict(_teams(found, problems))
    groups = dict(_groups(found, problems))
    file = found.finish(problems)
    by_name = {**BUILTIN_ACTIONS, **file.actions}
    return Policy(
        inside=DomainSet(file.inside),
        partners=DomainSet(file.partners),
        rules=tuple(
            RuleInForce(
                pack=read.pack,
                rule=read.rule,
                action=by_name[read.rule.then],
                within=read.within,
                outside=read.outside,
            )
            for read in (*rules, *(_Read(pack="", rule=rule) for rule in file.rules))
        ),
        mode=file.mode,
        folders=tuple(one.folder for one in packs),
        recognizers=file.presidio.recognizers if file.presidio else (),
        model=file.presidio.model if file.presidio else "",
        groups=groups,
        lists=file.lists,
        teams=teams,
        memory=file.memory,
        tables=tuple(located(name, written) for name, written in file.edm.items()),
    )


def pack_folders(path: Path, *, builtin: Path) -> tuple[Path, ...]:
    """Return the folders of the packs that a policy names, for their rules of detection; what is wrong `load` tells."""
    try:
        found = document.load_document(path, PolicyFile)
    except ConfigurationError:
        return ()
    return tuple(folder for _, _, folder in _named_folders(found, builtin) if (folder / "pack.yaml").is_file())


def _section(found: Document[PolicyFile], key: str, kind: type[_T]) -> _T:
    """Return a section as it was written, empty if it is missing or something else (which is a problem already)."""
    section = found.raw.get(key) if isinstance(found.raw, dict) else None
    return section if isinstance(section, kind) else kind()


def _named_folders(found: Document[PolicyFile], builtin: Path) -> Iterator[tuple[int, str, Path]]:
    """Yield the place, the name and the folder of each pack named, of all built-in ones if none is."""
    if isinstance(found.raw, dict) and found.raw.get("packs") is not None:
        for index, name in enumerate(_section(found, "packs", tuple)):
            if isinstance(name, str):
                yield index, name, (Path(found.source).parent / name).absolute() if "/" in name else builtin / name
    else:
        for name in pack.names(builtin):
            yield -1, name, builtin / name


def _packs(found: Document[PolicyFile], builtin: Path, problems: list[Problem]) -> Iterator[pack.Pack]:
    """Yield the packs in force; note what is wrong."""
    seen: set[str] = set()
    for index, name, folder in _named_folders(found, builtin):
        if not (folder / "pack.yaml").is_file():
            hint = "; that folder has no pack.yaml." if "/" in name else document.suggestion(name, pack.names(builtin))
            problems.append(found.problem(("packs", index), f"There is no such pack{hint}"))
        elif folder.name in seen:
            problems.append(found.problem(("packs", index), "This pack is named twice, or another has the same name."))
        else:
            seen.add(folder.name)
            try:
                yield pack.read(folder)
            except ConfigurationError as error:
                problems += error.problems


def _groups(found: Document[PolicyFile], problems: list[Problem]) -> Iterator[tuple[str, Group]]:
    """Yield the groups with their members; note what is wrong with their files."""
    for name, written in (found.model.groups if found.model else {}).items():
        try:
            members = read_group(Path(found.source).parent / written) if isinstance(written, str) else written
        except ConfigurationError as error:
            problems += error.problems
        else:
            yield name, group(members)


def _overrides(
    found: Document[PolicyFile],
    place: Location,
    packs: Iterable[pack.Pack],
    actions: Collection[str],
    problems: list[Problem],
) -> dict[str, dict[str, object]]:
    """Return what is set at a place of the file, by pack and parameter; note what is wrong."""
    by_name = {one.name: one for one in packs}
    known = {
        f"{one.name}.{name}": parameter for one in by_name.values() for name, parameter in one.file.parameters.items()
    }
    result: dict[str, dict[str, object]] = {name: {} for name in by_name}
    for key, value in _mapping_at(found.raw, place).items():
        if key not in known:
            message = f"No pack in force has it{document.suggestion(key, known)}"
            problems.append(found.problem((*place, key), message, key=True))
            continue
        name, _, parameter = key.partition(".")
        complaint = known[key].complaint(parameter, value, actions)
        if complaint:
            problems.append(found.problem((*place, key), complaint))
        else:
            result[name][parameter] = value
    return result


def _mapping_at(raw: object, place: Location) -> dict[str, object]:
    """Return the mapping at a place as it was written, empty if it is missing or something else."""
    for step in place:
        if isinstance(raw, dict) and isinstance(step, str):
            raw = raw.get(step)
        elif isinstance(raw, tuple) and isinstance(step, int):
            raw = raw[step] if step < len(raw) else None
        else:
            return {}
    return raw if isinstance(raw, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A rule as it was read; the rest as in `RuleInForce`."""

    pack: str
    rule: Rule
    within: Scope | None = None
    outside: tuple[Scope, ...] = ()


def _pack_rules(
    one: pack.Pack,
    general: dict[str, object],
    scoped: list[tuple[Scope, dict[str, object]]],
    context: dict[str, object],
    problems: list[Problem],
) -> Iterator[_Read]:
    """Yield a pack's rules, and again for each scope whose parameters make them say something else."""
    for path in one.rules:
        rule, further = pack.read_rule(one, path, {**context, "parameters": one.parameters(general)})
        problems += further
        if rule is None:
            continue
        others = []
        for scope, overrides in scoped:
            other, further = pack.read_rule(
                one, path, {**context, "parameters": one.parameters({**general, **overrides})}
            )
            problems += (problem for problem in further if problem not in problems)
            if other is not None and other != rule:
                others.append(_Read(pack=one.name, rule=other, within=scope))
        yield _Read(pack=one.name, rule=rule, outside=tuple(read.within for read in others if read.within is not None))
        yield from others


def _scopes_without_effect(found: Document[PolicyFile], rules: Iterable[_Read]) -> Iterator[Problem]:
    """Yield scopes that change nothing: every parameter is what it is for everybody."""
    changing = {id(read.within) for read in rules}
    for index, scope in enumerate(found.model.scopes if found.model else ()):
        if id(scope) not in changing:
            message = "A scope without effect: these parameters are the same for everybody."
            yield found.problem(("scopes", index, "set"), message)


def _teams(found: Document[PolicyFile], problems: list[Problem]) -> Iterator[tuple[str, Team]]:
    """Yield the teams, with the members of those that stand here or in a file; note what is wrong with files."""
    for name, written in (found.model.teams if found.model else {}).items():
        if isinstance(written, Query):
            yield name, Team(members=None, query=written)
            continue
        try:
            members = read_group(Path(found.source).parent / written) if isinstance(written, str) else written
        except ConfigurationError as error:
            problems += error.problems
            continue
        if not members:
            problems.append(found.problem(("teams", name), "There is nobody in this file, so nobody is of this team."))
        yield name, Team(members=group(members))


def _own_rule_problems(found: Document[PolicyFile], taken: Collection[str]) -> Iterator[Problem]:
    """Yield what is wrong with the policy's rules as a list: ids used twice, rules that say what another says."""
    ids = dict.fromkeys(taken, "a pack")
    said: dict[str, int] = {}
    for index, rule in enumerate(_section(found, "rules", tuple)):
        if not isinstance(rule, dict):
            continue
        line = found.values[("rules", index)][0]
        name = rule.get("id")
        if isinstance(name, str):
            if name in ids:
                yield found.problem(("rules", index, "id"), f"This id is used twice; it is also in {ids[name]}.")
            ids.setdefault(name, f"line {line}")
        said_here = repr([rule.get(key) for key in ("when", "only", "unless", "then", "mode", "from", "until")])
        if said_here in said and "when" in rule:
            message = f"A rule without effect: the one in line {said[said_here]} says the same."
            yield found.problem(("rules", index), message)
        said.setdefault(said_here, line)
