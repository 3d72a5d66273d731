"""The policy's teams as the directory knows them: looked up by the supervisor, kept in a file for when it is away.

Receivers get the members with the policy; no mail ever waits for a directory. A list that was read once stays in force
until another is read, also over a restart: a directory that is away, or tells of nobody, changes nothing.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dlp_gateway.errors import GatewayError, Problem
from dlp_gateway.observe import log, metrics
from dlp_gateway.policy.groups import group
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.scope import Query, Team
from dlp_gateway.ports import LoginUnavailable
from dlp_gateway.settings import Settings
from dlp_gateway.settings.directory import Directory

if TYPE_CHECKING:
    from dlp_gateway.login.members import MembersOptions

_SQLITE: Final = "sqlite:///"
_NAME: Final = "teams.json"
_LARGEST: Final = 64_000_000  # octets of the kept file

#: The lists that were read last, by what was asked.
_Lists = dict[str, tuple[str, ...]]


class TeamsUnknown(GatewayError):  # noqa: N818  the state of the house
    """Nobody ever told who is in a team, and the directory does not now; the text says which and what to do."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The text, as a refused reload tells it."""
        return (Problem(source="directory", line=0, column=0, message=str(self)),)


def kept_file(settings: Settings) -> Path:
    """Return where the lists lie: beside custody, where the gateway may write."""
    return Path(settings.custody.url.removeprefix(_SQLITE)).with_name(_NAME)


def recalled(settings: Settings, policy: Policy) -> Policy:
    """Return the policy with the members that were read last; teams that never were stay unknown."""
    if settings.directory is None or not _asked(policy):
        return policy
    return _filled(policy, settings.directory, _kept(kept_file(settings)))


async def looked_up(settings: Settings, options: "MembersOptions | None", policy: Policy) -> Policy:
    """Return the policy with the members that the directory knows now, or the last ones that it knew.

    Says in log and metrics what it found. Raises `TeamsUnknown`.
    """
    asked, directory = _asked(policy), settings.directory
    if not asked or directory is None or options is None:
        metrics.teams_current(True)
        return policy
    lists = await asyncio.to_thread(_kept, kept_file(settings))
    current = {key: lists[key] for key in (_key(directory, query) for query in asked.values()) if key in lists}
    troubles: dict[str, str] = {}
    for name, query in asked.items():
        try:
            found = await asyncio.to_thread(_members, options, query)
        except LoginUnavailable as trouble:
            troubles[name] = trouble.why
        else:
            current[_key(directory, query)] = found
    filled = _filled(policy, directory, current)
    unknown = [name for name in asked if filled.teams[name].members is None]
    _tell(filled, asked, troubles)
    if unknown:
        raise TeamsUnknown(
            f"The directory does not tell who is in the team {unknown[0]} ({troubles[unknown[0]]}), and never did. "
            "See that it can be reached and that the filter finds people: `dlp-gateway check --live` tells."
        )
    if current != lists:
        await asyncio.to_thread(_keep, kept_file(settings), current)
    return filled


async def completed(settings: Settings, options: "MembersOptions | None", policy: Policy) -> Policy:
    """Return the policy with the last lists that were read, and of teams without one what the directory knows now.

    For commands that only look: nothing is kept, and a team of which nobody tells stays unknown.
    """
    policy = recalled(settings, policy)
    for name, query in _asked(policy).items():
        if options is not None and policy.teams[name].members is None:
            with suppress(LoginUnavailable):
                people = await asyncio.to_thread(_members, options, query)
                known = Team(members=group(people), query=query)
                policy = replace(policy, teams={**policy.teams, name: known})
    return policy


async def probe(options: "MembersOptions", query: Query) -> int:
    """Return how many addresses the directory knows of a team now; raises `LoginUnavailable`."""
    return len(await asyncio.to_thread(_members, options, query))


def _asked(policy: Policy) -> dict[str, Query]:
    return {name: team.query for name, team in policy.teams.items() if team.query is not None}


def _members(options: "MembersOptions", query: Query) -> tuple[str, ...]:
    """Ask the directory; nobody at all is no answer, for rules would quietly be about nobody."""
    from dlp_gateway.login.members import members  # noqa: PLC0415  an extra, which few need

    found = tuple(sorted(members(options, query.filter, query.members)))
    if not found:
        raise LoginUnavailable("empty")
    return found


def _key(directory: Directory, query: Query) -> str:
    """Return what a list is an answer to: another question makes the list no answer."""
    return json.dumps([directory.base, query.filter, query.members, directory.addresses])


def _filled(policy: Policy, directory: Directory, lists: Mapping[str, tuple[str, ...]]) -> Policy:
    teams = dict(policy.teams)
    for name, query in _asked(policy).items():
        found = lists.get(_key(directory, query))
        teams[name] = Team(members=None if found is None else group(found), query=query)
    return replace(policy, teams=teams)


def _tell(policy: Policy, asked: Mapping[str, Query], troubles: Mapping[str, str]) -> None:
    for name in asked:
        members = policy.teams[name].members
        if members is not None:
            metrics.team(name, len(members.addresses))
        if name in troubles:
            log.team_unavailable(name, troubles[name], kept=members is not None)
    metrics.teams_current(not troubles)
    metrics.teams_asked(not troubles)
    if not troubles:
        log.teams_read(len(asked), sum(len(team.members.addresses) for team in policy.teams.values() if team.members))


# --- the kept lists ---------------------------------------------------------------------------------------------------


def _kept(path: Path) -> _Lists:
    """Return the lists in the file; none if there is no such file, or nobody can read it."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
        found: Any = json.loads(raw) if len(raw) <= _LARGEST else None
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        key: tuple(people)
        for key, people in found.items()
        if isinstance(people, list) and people and all(isinstance(one, str) for one in people)
    }


def _keep(path: Path, lists: _Lists) -> None:
    """Write the file anew, for its owner only; one that cannot be written is told, and missed at the next start."""
    new = path.with_name(f"{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        with open(new, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            json.dump(lists, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        log.internal_error("teams", "directory", error)
