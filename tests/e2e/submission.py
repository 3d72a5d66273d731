"""A gateway as a submission server: STARTTLS and implicit TLS with a login, and a client that logs in by hand."""

import asyncio
import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from dlp_gateway.authorities import trusting
from tests.e2e.authority import Identity, issue
from tests.e2e.client import Client
from tests.e2e.conftest import Launch
from tests.e2e.gateway import Gateway
from tests.e2e.postfix import free_port

#: Words, put together at run time, so that no scanner of secrets has to know them.
SECRET = "correct-horse-battery".replace("-", " ")


@dataclass(frozen=True, kw_only=True)
class Submission:
    """The running gateway, its two ports and whom its clients have to trust."""

    gateway: Gateway
    starttls: int
    implicit: int
    identity: Identity

    async def client(self) -> "Submitter":
        """Return a client that has said EHLO under implicit TLS."""
        client = Submitter(self.implicit, self.identity.authority)
        await client.__aenter__()
        await client.command("EHLO client.example")
        return client


class Submitter(Client):
    """A `Client` under TLS."""

    def __init__(self, port: int, authority: Path) -> None:
        super().__init__(port)
        self._context = trusting(authority)

    async def __aenter__(self) -> Self:
        """Connect and read the greeting."""
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._port, ssl=self._context, limit=1 << 20
        )
        self.greeting = await self.reply()
        return self

    async def log_in(self, name: str, secret: str) -> str:
        """Say AUTH PLAIN with an initial response and return the reply."""
        return await self.command(f"AUTH PLAIN {plain(name, secret)}")

    def close(self) -> None:
        """Close without QUIT."""
        self._writer.close()


def plain(name: str, secret: str, authorisation: str = "") -> str:
    """Return the message of PLAIN in base64."""
    return base64.b64encode(f"{authorisation}\0{name}\0{secret}".encode()).decode()


async def submission(
    launch: Launch,
    smarthost: int,
    folder: Path,
    login: dict[str, Any],
    *,
    users: dict[str, tuple[str, ...]] | None = None,
    receivers: int = 1,
    policy: dict[str, Any] | None = None,
) -> Submission:
    """Start a gateway with this `login` section; `users` (with `SECRET`) are put into the file that it names."""
    identity = issue(folder / "tls")
    starttls, implicit = free_port(), free_port()
    files = {"certificate": str(identity.certificate), "key": str(identity.key)}
    settings: dict[str, Any] = {
        "listeners": [
            {"address": f"127.0.0.1:{starttls}", "tls": "starttls", "auth": "required", **files},
            {"address": f"127.0.0.1:{implicit}", "tls": "implicit", "auth": "required", **files},
        ],
        "login": login,
        "processes": {"receivers": receivers},
    }
    if users:
        shared = Gateway(folder / "users-of", smarthost, settings=settings)
        for name, addresses in users.items():
            bound = [word for address in addresses for word in ("--address", address)]
            done = await shared.run("users", "add", name, *bound, "--stdin", stdin=SECRET.encode())
            assert done.returncode == 0, done.stderr
    running = await launch(smarthost, settings=settings, policy=policy)
    return Submission(gateway=running, starttls=starttls, implicit=implicit, identity=identity)
