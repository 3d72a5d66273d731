"""What a running gateway says of itself at its admin address."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dlp_gateway.checks.remark import Remark, warning
from dlp_gateway.console.server import healthcheck
from dlp_gateway.mail.reply import printable
from dlp_gateway.notation import SocketAddress
from dlp_gateway.policy.explain import fingerprint
from dlp_gateway.policy.model import Policy
from dlp_gateway.settings import Settings

#: What holds until a configuration without problems is reloaded.
REFUSED: Final = "The last reload was refused (the log says why), so the former configuration is in force."

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """The answer of /readyz: each part with "ok" or what is wrong, and facts, each "" if untold.

    `policy` is the fingerprint of the one in force, `reload` whether the last one was "done" or "refused".
    """

    ready: bool
    checks: tuple[tuple[str, str], ...]
    version: str
    mode: str
    policy: str = ""
    reload: str = ""


def in_force(settings: Settings, policy: Policy) -> Iterator[Remark]:
    """Yield whether a running gateway acts by something else than the files say."""
    told = readiness(settings.admin.address)
    if told is None:
        return
    about = "running gateway, configuration"
    if told.reload == "refused":
        yield warning(about, REFUSED)
    elif is_another(told, policy):
        yield warning(about, "The policy in force is not the one in policy.yaml; reload (SIGHUP) to put that in force.")


def is_another(told: Readiness, policy: Policy) -> bool:
    """Whether a gateway says that it has another policy in force."""
    return told.policy not in {"", fingerprint(policy)}


def url(address: SocketAddress, path: str) -> str:
    """Return the address of a page of the admin HTTP as a client on this machine reaches it."""
    return f"http://{SocketAddress(host=_ANY.get(address.host, address.host), port=address.port)}{path}"


def readiness(address: SocketAddress) -> Readiness | None:
    """Return what /readyz says, None if no gateway answers there."""
    ready, body = healthcheck(url(address, "/readyz"))
    try:
        told = json.loads(body)
        checks = tuple((printable(str(name), 40), printable(str(word), 200)) for name, word in told["checks"].items())
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Readiness(
        ready=ready,
        checks=checks,
        **{name: printable(str(told.get(name, "")), 40) for name in ("version", "mode", "policy", "reload")},
    )
