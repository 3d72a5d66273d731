"""Real peers: Postfix behind us and in front of us, swaks, msmtp; a scripted next MTA; the gateway itself.

A peer that is not installed skips its tests and says so; where `DLP_REQUIRE_PEERS=1` is set (CI), it fails them.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta
from tests.e2e.postfix import Postfix

Ran = subprocess.CompletedProcess[str]
Launch = Callable[..., Awaitable[Gateway]]


def missing(reason: str) -> None:
    """Skip the test, or fail it where every peer must be there."""
    if os.environ.get("DLP_REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def require(program: str, package: str = "", install: str = "apt-get install") -> str:
    """Return the path of an installed program; `package` holds it, if that has another name."""
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if path is None:
        missing(f"{program} is not installed ({install} {package or program})")
    return str(path)


def require_postfix() -> None:
    """Postfix starts only as root, and needs its user."""
    require("postfix")
    if os.geteuid() != 0:
        missing("Postfix can only be started by root")


async def run(*command: str, stdin: str = "") -> Ran:
    """Run a program to its end without stopping the loop that our own peers live in."""
    return await asyncio.to_thread(
        subprocess.run, command, input=stdin, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
async def next_mta() -> AsyncIterator[NextMta]:
    """Give a scripted next MTA that listens."""
    mta = NextMta()
    await mta.start()
    yield mta
    await mta.stop()


@pytest.fixture
def next_postfix() -> Iterator[Postfix]:
    """Give a Postfix that takes mail for anyone into a Maildir."""
    require_postfix()
    postfix = Postfix.next_mta()
    try:
        postfix.start()
        yield postfix
    finally:
        postfix.stop()


@pytest.fixture
def front_postfix() -> Iterator[Callable[..., Postfix]]:
    """Give a function that starts a Postfix whose smarthost is a port of 127.0.0.1, with further settings."""
    require_postfix()
    started: list[Postfix] = []

    def start(smarthost: int, **settings: str) -> Postfix:
        started.append(Postfix.in_front_of(smarthost, **settings))
        started[-1].start()
        return started[-1]

    yield start
    for postfix in started:
        postfix.stop()


@pytest.fixture
def running_postfix() -> Iterator[Callable[[Postfix], Awaitable[Postfix]]]:
    """Give a function that starts an instance; whatever runs is stopped."""
    require_postfix()
    started: list[Postfix] = []

    async def start(postfix: Postfix) -> Postfix:
        started.append(postfix)
        await asyncio.to_thread(postfix.start)
        return postfix

    yield start
    for postfix in started:
        postfix.stop()


@pytest.fixture
def swaks() -> Callable[..., Awaitable[Ran]]:
    """Give a function that runs swaks against a port of 127.0.0.1 with further arguments."""
    program = require("swaks")

    async def send(port: int, *arguments: str) -> Ran:
        return await run(program, "--server", f"127.0.0.1:{port}", "--helo", "client.corp.example", *arguments)

    return send


@pytest.fixture
def msmtp(tmp_path: Path) -> Callable[..., Awaitable[Ran]]:
    """Give a function that has msmtp send a mail to a port of 127.0.0.1 with further arguments."""
    program = require("msmtp")
    configuration = tmp_path / "msmtprc"
    configuration.touch(mode=0o600)

    async def send(port: int, mail: str, *arguments: str) -> Ran:
        command = (program, f"--file={configuration}", "--host=127.0.0.1", f"--port={port}", *arguments)
        return await run(*command, stdin=mail)

    return send


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Launch]:
    """Give a function that writes both files and starts `serve`; whatever runs is stopped, and must leave nobody."""
    launched: list[Gateway] = []

    async def launch(
        smarthost: int,
        *,
        policy: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        parts: tuple[str, ...] = ("receivers", "custody", "smarthost"),
        under: tuple[str, ...] = (),
    ) -> Gateway:
        folder = tmp_path / f"gateway-{len(launched)}"
        one = Gateway(folder, smarthost, policy=policy, settings=settings, under=under)
        launched.append(one)
        await one.start(parts=parts)
        return one

    yield launch
    for one in launched:
        if one.started:
            await one.stop()
