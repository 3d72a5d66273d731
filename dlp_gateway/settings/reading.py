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
from dlp_gateway.policy.file import PolicyFile
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
    named: Callable[[Document[PolicyFile], Policy], Iterable[Problem]] = lambda _, __: (),
) -> tuple[Settings, Policy]:
    """Return gateway.yaml and its policy; raise `ConfigurationError` with the problems of both.

    `detection` tells what is wrong with the rules of detection in the operator's own packs, by their folders, `named`
    what is wrong with the tables and recognizers that the policy names.
    """
    found = document.load_document(path, Settings)
    problems = list(found.problems)
    try:
        policy_path = found.model.policy if found.model is not None else document.load(path, _PolicyPath).policy
    except ConfigurationError:
        raise ConfigurationError(problems) from None
    try:
        reading = policy_load.examine(policy_path, kinds=kinds, builtin=builtin)
    except ConfigurationError as error:
        raise ConfigurationError([*problems, *_of_policy_file(found, error)]) from None
    problems += reading.problems
    if reading.policy is not None:
        problems += _unknown_teams(found, reading.document, reading.policy)
        problems += _readers_outside(found, reading.policy)
        problems += named(reading.document, reading.policy)
    folders = policy_load.pack_folders(policy_path, builtin=builtin)
    problems += detection(tuple(folder for folder in folders if folder.parent != builtin))
    if found.model is None or reading.policy is None or problems:
        raise ConfigurationError(problems)
    return found.model, reading.policy


def _of_policy_file(found: Document[Settings], error: ConfigurationError) -> Iterable[Problem]:
    """Return why the policy's file cannot be read, at the line that names it, if there is one."""
    return found.placed(("policy",), error) if ("policy",) in found.values else error.problems


def _unknown_teams(found: Document[Settings], written: Document[PolicyFile], policy: Policy) -> Iterator[Problem]:
    """Yield teams that nobody could look up."""
    if _mapping(found.raw).get("directory") is not None:
        return
    for name, team in policy.teams.items():
        if team.query is not None:
            message = f"The team {name} has a filter; gateway.yaml has no `directory:` that could be asked."
            yield written.problem(("teams", name), message)


def _readers_outside(found: Document[Settings], policy: Policy) -> Iterator[Problem]:
    """Yield who would be told of others' mail and is not one of us: only the policy knows who is.

    As it is written, since other parts of the file may be wrong.
    """
    notices = _mapping(_mapping(found.raw).get("notices"))
    reviewers, owners = notices.get("reviewers"), _mapping(notices.get("owners"))
    for index, address in enumerate(reviewers if isinstance(reviewers, tuple) else ()):
        if isinstance(address, str) and not policy.inside.contains(address):
            message = "Reviewers are inside; this address is in none of the policy's `inside` domains."
            yield found.problem(("notices", "reviewers", index), message)
    for name, address in owners.items():
        if isinstance(address, str) and not policy.inside.contains(address):
            message = "Owners are inside; this address is in none of the policy's `inside` domains."
            yield found.problem(("notices", "owners", name), message)


def _mapping(raw: object) -> dict[str, object]:
    """Return a section as it is written, empty if it is missing or something else."""
    return raw if isinstance(raw, dict) else {}


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
