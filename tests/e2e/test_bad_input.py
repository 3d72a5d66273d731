"""What goes wrong at an operator's: a clear answer each, and no mail lost (docs/operating.md has the answers)."""

import asyncio
import os
import socket
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import Client, send
from tests.e2e.conftest import Launch, require, run
from tests.e2e.gateway import COMMAND, Gateway
from tests.e2e.next_mta import NextMta

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CLEAN = b"From: ada@corp.example\r\nTo: bob@shop.example\r\nSubject: Hello\r\n\r\nHello Bob\r\n"
LICENCE = CLEAN.replace(b"Hello Bob", b"my driver's license number is I1234562 (California)")


async def _sent(running: Gateway, content: bytes = CLEAN) -> str:
    return await send(running.port, "ada@corp.example", ("bob@shop.example",), content)


# --- configuration ----------------------------------------------------------------------------------------------------


async def _refusal(running: Gateway, *arguments: str) -> tuple[int, str]:
    done = await running.run(*arguments)
    return done.returncode, done.stderr.decode()


async def test_every_problem_of_both_files_is_told_at_once(tmp_path: Path) -> None:
    """Exit 78, each problem as file:line:column, no traceback."""
    made = Gateway(tmp_path, 25)
    made.config.write_text(
        "listeners:\n  - {address: '127.0.0.1:2525', networks: ['0.0.0.0/0'], colour: red}\nsmarthost: {host: ''}\n"
        "custody: {url: 'sqlite:///c.db', key_file: c.key}\npolicy: policy.yaml\n"
    )
    made.policy.write_text("version: 1\ninside: corp.example\npacks: [no-such-pack]\nversion: 1\n")
    for command in ("check", "serve"):
        status, told = await _refusal(made, command)
        assert status == 78
        assert "Traceback" not in told
        for place in ("gateway.yaml:2:", "gateway.yaml:3:", "policy.yaml:4:1"):
            assert place in told


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"a: [", b"- 1", b"&a [*a]", b"a: &a [x]\nb: *a\n" * 2])
async def test_a_missing_or_broken_file_is_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    """No YAML, not UTF-8, empty, not there: a place and a sentence, exit 78."""
    made = Gateway(tmp_path, 25)
    if content is None:
        made.policy.unlink()
    else:
        made.policy.write_bytes(content)
    status, told = await _refusal(made, "check")
    assert status == 78
    assert "policy.yaml" in told
    assert "Traceback" not in told


async def test_a_taken_port_is_a_sentence(tmp_path: Path, next_mta: NextMta) -> None:
    """Another program listens there: exit 69 and what to do."""
    made = Gateway(tmp_path, next_mta.port)
    with socket.create_server(("127.0.0.1", made.port)):
        status, told = await _refusal(made, "serve")
    assert status == 69
    assert f"127.0.0.1:{made.port}" in told
    assert "Traceback" not in told


async def test_a_limit_on_the_size_of_files_is_a_sentence(tmp_path: Path, next_mta: NextMta) -> None:
    """Too small for what processes share: exit 78, whose limit it is and where it is set; nothing else is blamed."""
    made = Gateway(tmp_path, next_mta.port)
    limited = (require("prlimit", "util-linux"), "--fsize=3000000", *COMMAND)
    for command in (("serve", "--config", str(made.config)), ("demo", "--once")):
        done = await run(*limited, *command)
        assert done.returncode == 78
        assert done.stderr.startswith("RLIMIT_FSIZE: Files may not grow beyond 3,000,000 bytes here, and the gateway")
        assert "LimitFSIZE=" in done.stderr
        assert done.stderr.endswith("1 problem found; nothing was started.\n")
        assert not made.database.exists()


# --- custody ----------------------------------------------------------------------------------------------------------


async def test_a_missing_key_refuses_to_start(gateway: Launch, next_mta: NextMta) -> None:
    """Rows and no key: 78, and the sentence says to put the key back; with the key everything is there again."""
    running = await gateway(next_mta.port)
    assert (await _sent(running, LICENCE))[:3] == "250"
    await running.stop()
    key = running.folder / "custody.key"
    key.rename(running.folder / "away")
    status, told = await _refusal(running, "serve")
    assert status == 78
    assert "custody.key" in told
    assert "Traceback" not in told
    key.write_bytes(b"not a key")
    key.chmod(0o600)
    assert (await _refusal(running, "serve"))[0] == 78
    (running.folder / "away").rename(key)
    key.chmod(0o644)
    status, told = await _refusal(running, "quarantine", "list")
    assert status == 78
    assert "chmod 600" in told
    key.chmod(0o600)
    assert (await running.run("quarantine", "list", "--json")).stdout.count(b"\n") == 1


async def test_a_locked_database_is_waited_for_then_deferred(gateway: Launch, next_mta: NextMta) -> None:
    """Somebody holds the write lock for too long: 451 4.3.0, and the mail passes when the lock is gone."""
    running = await gateway(next_mta.port)
    blocker = sqlite3.connect(running.database, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        assert (await _sent(running, LICENCE))[:9] == "451 4.3.0"
    finally:
        blocker.close()
    assert (await _sent(running, LICENCE))[:3] == "250"


async def test_a_corrupt_database_takes_no_mail(gateway: Launch, next_mta: NextMta) -> None:
    """Overwritten while we run: 451, never 250; started again: exit 69 and a sentence."""
    running = await gateway(next_mta.port)
    for name in ("custody.db", "custody.db-wal", "custody.db-shm"):
        file = running.folder / name
        if file.exists():  # never shorter meanwhile: the kernel ends (SIGBUS) who has what is gone in memory
            with file.open("r+b") as overwritten:
                overwritten.write(os.urandom(file.stat().st_size or 4096))
    assert (await _sent(running, LICENCE))[:3] == "451"
    await running.stop()
    status, told = await _refusal(running, "serve")
    assert status == 69
    assert "Traceback" not in told


async def test_a_full_disk_is_451_and_a_free_one_takes_mail(gateway: Launch, next_mta: NextMta, tmp_path: Path) -> None:
    """Custody on a tiny file system: when it is full mail stays with the client, and nothing half is kept."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = await asyncio.create_subprocess_exec("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk)
    if await mounting.wait():
        pytest.skip("mounting a small file system needs root")
    try:
        custody: dict[str, Any] = {"url": f"sqlite:///{disk}/custody.db", "key_file": "custody.key"}
        running = await gateway(next_mta.port, settings={"custody": custody})
        filler = disk / "filler"
        descriptor = os.open(filler, os.O_CREAT | os.O_WRONLY)
        with suppress(OSError):
            while True:
                os.write(descriptor, b"x" * 4096)
        os.close(descriptor)
        assert (await _sent(running, LICENCE + (b"y" * 70 + b"\r\n") * 2000))[:3] in {"451", "452"}
        filler.unlink()
        assert (await _sent(running, LICENCE))[:3] == "250"
        assert (await running.run("quarantine", "list", "--json")).stdout.count(b"\n") == 1
        await running.stop()
    finally:
        await (await asyncio.create_subprocess_exec("umount", "-l", disk)).wait()


# --- mail -------------------------------------------------------------------------------------------------------------


async def test_odd_mail_is_passed_or_held_but_never_stops_anything(gateway: Launch, next_mta: NextMta) -> None:
    """No header, empty To, broken MIME, control characters: an answer each, and the next mail passes."""
    running = await gateway(next_mta.port)
    for content in (
        b"",
        b"\r\n",
        b"no header at all\r\n",
        b'To:\r\nTo:\r\nTo: <\r\nCc: "\r\n\r\nx\r\n',
        b'Content-Type: multipart/mixed; boundary="x\r\n\r\n--x\r\n\r\n--x--',
        b"Subject: \x1b[2J\x07\r\nFrom: \x1b]0;x\x07\r\n\r\n\x1b\r\n",
        b"Content-Type: " + b";" * 30_000 + b"\r\n\r\n\r\n",
        b"Cc: " + b"," * 50_000 + b"\r\n\r\n\r\n",
    ):
        mail = content if not content or content.endswith(b"\r\n") else content + b"\r\n"
        assert (await _sent(running, mail))[:3] == "250", content[:40]
    assert (await _sent(running))[:3] == "250"
    printed = (await running.run("quarantine", "list")).stdout
    assert b"\x1b[2J" not in printed


async def test_too_big_is_552(gateway: Launch, next_mta: NextMta) -> None:
    """Told by SIZE it is refused at once; untold after the dot; the session goes on."""
    running = await gateway(next_mta.port, settings={"limits": {"message_size": "100KB"}})
    async with Client(running.port) as client:
        await client.command("EHLO client.example")
        assert (await client.command("MAIL FROM:<ada@corp.example> SIZE=200000"))[:9] == "552 5.3.4"
        replies = await client.mail("ada@corp.example", ("bob@shop.example",), (b"x" * 70 + b"\r\n") * 1700)
        assert replies[-1][:9] == "552 5.3.4"
        assert (await client.mail("ada@corp.example", ("bob@shop.example",), CLEAN))[-1][:3] == "250"


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "RCPT", "DATA", "content"])
async def test_a_client_that_goes_away_before_the_dot_leaves_nothing(
    gateway: Launch, next_mta: NextMta, stage: str
) -> None:
    """Nothing is forwarded and nothing is kept before the final dot."""
    running = await gateway(next_mta.port)
    async with Client(running.port) as client:
        for name, line in (
            ("EHLO", "EHLO client.example"),
            ("MAIL", "MAIL FROM:<ada@corp.example>"),
            ("RCPT", "RCPT TO:<bob@shop.example>"),
            ("DATA", "DATA"),
        ):
            await client.command(line)
            if name == stage:
                break
        if stage == "content":
            client.write(CLEAN)
        await asyncio.sleep(0.1)
        client.abort()
    assert (await _sent(running))[:3] == "250"
    assert len(next_mta.transactions) == 1


async def test_a_smarthost_that_dies_after_the_dot_is_451(gateway: Launch, next_mta: NextMta) -> None:
    """It may or may not have the mail; the client keeps it, as with every relay (RFC 1047)."""
    running = await gateway(next_mta.port)
    next_mta.script.deaths = {"dot"}
    assert (await _sent(running))[:3] == "451"
    next_mta.script.deaths = set()
    assert (await _sent(running))[:3] == "250"
