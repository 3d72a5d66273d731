"""What a running gateway says of itself at its admin address."""

import json
from dataclasses import dataclass

from dlp_gateway.console.server import healthcheck
from dlp_gateway.mail.reply import printable
from dlp_gateway.notation import SocketAddress

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """The answer of /readyz: each part with "ok" or what is wrong.

    Then the version, the policy's mode and which custody it has (`processes.readiness.custody_mark`), "" if untold;
    `former`: the last reload was refused, so that an older configuration is in force than lies in the files.
    """

    ready: bool
    checks: tuple[tuple[str, str], ...]
    version: str
    mode: str
    custody: str
    former: bool
    policy: str = ""  # the fingerprint of the one in force

    def is_of(self, mark: str) -> bool:
        """Whether it is the gateway of a configuration; one of a version that told no custody counts as such."""
        return self.custody in {"", mark}


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
        version=printable(str(told.get("version", "")), 40),
        mode=printable(str(told.get("mode", "")), 40),
        custody=printable(str(told.get("custody", "")), 40),
        former=told.get("configuration") == "former",
        policy=printable(str(told.get("policy", "")), 40),
    )
