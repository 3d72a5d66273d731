"""Whether those who check passwords answer: asked about somebody who is nobody, with a password made up for it."""

import secrets
from typing import Final

from dlp_gateway.checks.remark import Remark, ok, problem
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.ports import LoginUnavailable
from dlp_gateway.processes import composition
from dlp_gateway.settings import Settings

_NOBODY: Final = "dlp-gateway-check"

#: What to do, by the word for why no answer came.
_REMEDIES: Final = {
    "connect": "It cannot be reached. Is it running, is the address or the socket right, may this user open it?",
    "timeout": "It does not answer in time.",
    "lost": "It closes the connection; its own log says why.",
    "protocol": "It does not speak as it should. Is this the socket or the port for clients?",
    "mechanism": "It does not offer PLAIN; add it to auth_mechanisms.",
    "temporary": "It cannot tell now; its own log says why.",
    "searcher": "It refuses `bind_dn` or the password of it.",
    "search": "The search fails. Look at `base` and `filter`, and at what the searcher may see.",
    "users": "The file of users cannot be read.",
    "tls": "Its certificate is not accepted, or it has no TLS; name its authority in `ca_file`.",
}


async def backend(settings: Settings) -> tuple[Remark, ...]:
    """Ask once; nothing if nobody logs in."""
    login = settings.login
    if login is None:
        return ()
    about = f"login, {login.backend}"
    try:
        authenticator = composition.authenticator(login)
    except ConfigurationError as error:
        return tuple(problem(about, one.message) for one in error.problems)
    try:
        await authenticator.verify(_NOBODY, secrets.token_hex(16), client="127.0.0.1")
    except LoginUnavailable as trouble:
        return (problem(about, _REMEDIES.get(trouble.why, f"It cannot be asked ({trouble.why}).")),)
    finally:
        await authenticator.close()
    return (ok(about, "It answers."),)
