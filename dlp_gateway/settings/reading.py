"""Reading gateway.yaml, alone or with its policy, and finding it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pydantic
from pydantic import Field

from dlp_gateway import document
from dlp_gateway.document import Document, Model
from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.notation import FilePath
from dlp_gateway.policy import load as policy_load
from dlp_gateway.policy.model import Policy
from dlp_gateway.settings.model import Settings

_EVERYWHERE: Final = (Path("gateway.yaml"), Path("/etc/dlp-gateway/gateway.yaml"))


class _PolicyPath(Model):
    """The one key of a broken gateway.yaml that is needed to look for problems in policy.yaml too."""

    model_config = pydantic.ConfigDict(extra="ignore")

    policy: FilePath = Field(default="policy.yaml", validate_default=True)


def load(path: Path) -> Settings:
    """Return gateway.yaml; raise `ConfigurationError` with every problem."""
    return document.load(path, Settings)


def load_all(
    path: Path,
    *,
    kinds: frozenset[str],
    builtin: Path,
    detection: Callable[[tuple[Path, ...]], Iterable[Problem]] = lambda _: (),
) -> tuple[Settings, Policy]:
    """Return gateway.yaml and its policy; raise `ConfigurationError` with the problems of both.

    `detection` tells what is wrong with the rules of detection in the operator's own packs, by their folders.
    """
    problems: list[Problem] = []
    settings = policy = None
    found = None
    try:
        found = document.load_document(path, Settings)
        settings = found.finish()
        policy_path = settings.policy
    except ConfigurationError as error:
        problems += error.problems
        try:
            policy_path = document.load(path, _PolicyPath).policy
        except ConfigurationError:
            raise error from None
    try:
        policy = policy_load.load(policy_path, kinds=kinds, builtin=builtin)
    except ConfigurationError as error:
        problems += error.problems
    if settings is not None and settings.directory is None and policy is not None:
        problems += _unknown_teams(policy, policy_path)
    if found is not None and settings is not None and policy is not None:
        problems += _readers_outside(found, settings, policy)
    folders = policy_load.pack_folders(policy_path, builtin=builtin)
    problems += detection(tuple(folder for folder in folders if folder.parent != builtin))
    if settings is None or policy is None or problems:
        raise ConfigurationError(problems)
    return settings, policy


def _unknown_teams(policy: Policy, path: Path) -> Iterable[Problem]:
    """Yield teams that nobody could look up."""
    for name, team in policy.teams.items():
        if team.query is not None:
            message = f"The team {name} has a filter; gateway.yaml has no `directory:` that could be asked."
            yield Problem(source=str(path), line=0, column=0, message=message)


def _readers_outside(found: Document[Settings], settings: Settings, policy: Policy) -> Iterator[Problem]:
    """Yield who would be told of others' mail and is not one of us: only the policy knows who is."""
    for index, address in enumerate(settings.notices.reviewers):
        if not policy.inside.contains(address):
            message = "Reviewers are inside; this address is in none of the policy's `inside` domains."
            yield found.problem(("notices", "reviewers", index), message)
    for name, address in settings.notices.owners.items():
        if not policy.inside.contains(address):
            message = "Owners are inside; this address is in none of the policy's `inside` domains."
            yield found.problem(("notices", "owners", name), message)


def find(explicit: str | None, environ: Mapping[str, str]) -> Path:
    """Return the gateway.yaml to use: as told, by $DLP_GATEWAY_CONFIG, here, in /etc; raise `ConfigurationError`."""
    told = explicit or environ.get("DLP_GATEWAY_CONFIG")
    if told:
        return Path(told)  # even if it is not there: the error of reading it names it
    for path in _EVERYWHERE:
        if path.exists():
            return path
    tried = " nor ".join(f"as {path}" for path in _EVERYWHERE)
    message = f"No configuration: neither --config nor $DLP_GATEWAY_CONFIG names one, and there is none {tried}."
    raise ConfigurationError.of("gateway.yaml", message)
