"""The directory as it answers now: who is in each of the policy's teams that it knows, as a number."""

from typing import Final

from dlp_gateway.checks.remark import Remark, ok, problem
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.policy.model import Policy
from dlp_gateway.ports import LoginUnavailable
from dlp_gateway.processes import composition
from dlp_gateway.processes import teams as looked_up
from dlp_gateway.settings import Settings

#: What to do, by the word for why there is no answer.
_REMEDIES: Final = {
    "connect": "It cannot be reached. Is `directory.url` right, and does a firewall let this machine through?",
    "tls": "TLS fails: its certificate must be valid for the name in `directory.url`; see `directory.ca_file`.",
    "searcher": "It refuses the searcher. Look at `directory.bind_dn` and at the password file.",
    "empty": "It finds nobody with an address. Look at the filter, at `directory.base` and at `directory.addresses`.",
    "too-many": "The filter finds far too many entries.",
    "too-deep": "Groups stand in groups in groups, without end.",
}


async def teams(settings: Settings, policy: Policy) -> tuple[Remark, ...]:
    """Ask for each team; nothing is changed or kept."""
    found = []
    try:
        options = composition.team_directory(settings)
    except ConfigurationError as error:
        return tuple(problem("directory", one.message) for one in error.problems)
    for name, team in policy.teams.items():
        if options is None or team.query is None:
            continue
        try:
            count = await looked_up.probe(options, team.query)
        except LoginUnavailable as trouble:
            found.append(problem(f"team {name}", _REMEDIES.get(trouble.why, f"It does not tell ({trouble.why}).")))
        else:
            found.append(ok(f"team {name}", f"The directory knows {count} address{'es' if count > 1 else ''} in it."))
    return tuple(found)
