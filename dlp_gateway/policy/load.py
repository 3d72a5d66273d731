"""policy.yaml and its packs → the `Policy` in force; every problem of all files at once."""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dlp_gateway import document
from dlp_gateway.detect.edm import naming
from dlp_gateway.document import Document, Location
from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.policy import pack
from dlp_gateway.policy.file import PolicyFile
from dlp_gateway.policy.groups import ANY, Group, group
from dlp_gateway.policy.groups import read as read_group
from dlp_gateway.policy.model import BUILTIN_ACTIONS, Policy, Rule, RuleInForce
from dlp_gateway.policy.records import located
from dlp_gateway.policy.scope import Query, Scope, Team

_T = TypeVar("_T", tuple[object, ...], dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A policy as far as it can be understood, None if its file is too wrong for that, and all that is wrong.

    So that what is looked at next is told with it; nothing acts by a policy that has problems.
    """

    document: Document[PolicyFile]
    policy: Policy | None
    problems: tuple[Problem, ...]

    def finish(self, more: Iterable[Problem] = ()) -> Policy:
        """Return the policy; raise `ConfigurationError` if there are problems, or `more` of them."""
        problems = [*self.problems, *more]
        if problems or self.policy is None:
            raise ConfigurationError(problems)
        return self.policy


def load(path: Path, *, builtin: Path, kinds: frozenset[str] | None = None) -> Policy:
    """Return the policy in `path`; `builtin` is the folder of the built-in packs, `kinds` what detectors report.

    Without `kinds` it is not checked whether a detector reports what a rule asks for. Raises `ConfigurationError`.
    """
    return examine(path, builtin=builtin, kinds=kinds).finish()


def examine(path: Path, *, builtin: Path, kinds: frozenset[str] | None = None) -> Reading:
    """Read a policy as `load` does, with its problems; raise `ConfigurationError` if the file cannot be read at all."""
    return _examined(document.read(path), str(path), builtin=builtin, kinds=kinds)


def default(
    inside: tuple[str, ...], *, builtin: Path, kinds: frozenset[str] | None = None, partners: tuple[str, ...] = ()
) -> Policy:
    """Return the policy of all built-in packs with their defaults."""
    text = json.dumps({"version": 1, "inside": inside, "partners": partners}, ensure_ascii=False)  # JSON is YAML
    return parse(text, "default policy", builtin=builtin, kinds=kinds)


def parse(text: str, source: str, *, builtin: Path, kinds: frozenset[str] | None = None) -> Policy:
    """Return the policy written in `text`; relative folders of packs are relative to the folder of `source`."""
    return _examined(text, source, builtin=builtin, kinds=kinds).finish()


def _examined(text: str, source: str, *, builtin: Path, kinds: frozenset[str] | None) -> Reading:
    actions = set(BUILTIN_ACTIONS)  # `PolicyFile` adds those of the file
    context: dict[str, object] = {"kinds": kinds, "actions": actions, "groups": {ANY}, "teams": set()}
    found = document.parse_document(text, PolicyFile, source, context)
    if kinds is not None:
        context["kinds"] = kinds | naming.kinds(_section(found, "edm", dict))
    problems = list(found.problems)
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
    policy = None if found.model is None else _policy(found.model, packs, rules, groups, teams)
    return Reading(document=found, policy=policy, problems=tuple(problems))


def _policy(
    file: PolicyFile,
    packs: tuple[pack.Pack, ...],
    rules: list["_Read"],
    groups: dict[str, Group],
    teams: dict[str, Team],
) -> Policy:
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
            missing = "that folder has no pack.yaml" if folder.is_dir() else "that folder does not exist"
            hint = f"; {missing}." if "/" in name else document.suggestion(name, pack.names(builtin))
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
            problems += found.placed(("groups", name), error)
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
            if key in by_name and isinstance(value, dict):
                inner = next((f"{key}.{one}" for one in value if f"{key}.{one}" in known), f"{key}.PARAMETER")
                message = f"The pack stands before each parameter, with a dot: write `{inner}:`."
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
            problems += found.placed(("teams", name), error)
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
