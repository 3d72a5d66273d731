"""Named groups of people outside who work together, in the policy or in a file beside it, and who is in one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pydantic

from dlp_gateway import document
from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.policy.patterns import MailboxPattern

#: What `unless: {group: any}` means: one of the groups, whichever.
ANY: Final = "any"

#: Lines of one file; a group of more people than that is a country.
_LINES: Final = 100_000
_PATTERN: Final[pydantic.TypeAdapter[str]] = pydantic.TypeAdapter(MailboxPattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Addresses (canonical) and domains."""

    addresses: frozenset[str]
    domains: DomainSet

    def has_all(self, people: Iterable[str]) -> bool:
        """Whether all canonical addresses belong to it."""
        return all(person in self.addresses or self.domains.contains(person) for person in people)


def group(members: Iterable[str]) -> Group:
    """Return the group of these addresses and domains."""
    members = tuple(members)
    return Group(
        addresses=frozenset(canonical(member) for member in members if "@" in member),
        domains=DomainSet(tuple(member for member in members if "@" not in member)),
    )


def read(path: Path) -> tuple[str, ...]:
    """Return the members in a file, one address or domain a line, "#" begins a comment; `ConfigurationError`."""
    problems: list[Problem] = []
    found: list[str] = []
    for number, line in enumerate(document.read(path).splitlines(), 1):
        member = line.partition("#")[0].strip()
        if not member:
            continue
        if len(found) == _LINES:
            problems.append(_problem(path, number, f"A group has {_LINES} members at most."))
            break
        try:
            found.append(_PATTERN.validate_python(member))
        except pydantic.ValidationError as error:
            problems.append(_problem(path, number, str(error.errors()[0]["ctx"]["error"])))
    if problems:
        raise ConfigurationError(problems)
    return tuple(found)


def within_one(people: tuple[str, ...], names: Iterable[str], groups: Mapping[str, Group]) -> bool:
    """Whether there are people, and one of the named groups has them all."""
    chosen = groups.values() if ANY in names else (groups[name] for name in names if name in groups)
    return bool(people) and any(one.has_all(people) for one in chosen)


def _problem(path: Path, line: int, message: str) -> Problem:
    return Problem(source=str(path), line=line, column=1, message=message)
