"""The door of the whole gateway: limits over all receivers, crowds and trickles, a load balancer in front."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.client import Client
from tests.e2e.conftest import Launch, require
from tests.e2e.next_mta import NextMta
from tests.e2e.postfix import free_port

pytestmark = pytest.mark.e2e

CONTENT = b"From: ada@corp.example\r\nTo: bob@example.org\r\nSubject: hello\r\n\r\ntext\r\n"

HAPROXY = """
global
  maxconn 200
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen first
  bind 127.0.0.1:{first}
  server gateway 127.0.0.1:{port} send-proxy
listen second
  bind 127.0.0.1:{second}
  server gateway 127.0.0.1:{port} send-proxy-v2 check-send-proxy check inter 200ms
"""


async def greetings(port: int, count: int) -> tuple[list[str], list[asyncio.StreamWriter]]:
    """Connect so often; return the codes of the first replies, and the connections."""
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    return [(await reader.readline()).decode()[:9] for reader, _ in opened], [writer for _, writer in opened]


async def test_connections_are_limited_over_all_receivers(gateway: Launch, next_mta: NextMta) -> None:
    """One client has as many as the file says, not as many for each process; a killed receiver's come back."""
    settings = {"processes": {"receivers": 2}, "limits": {"connections_per_client": 5}}
    running = await gateway(next_mta.port, settings=settings)
    codes, opened = await greetings(running.port, 16)
    assert sorted(codes) == ["220 gatew"] * 5 + ["421 4.7.0"] * 11
    for writer in opened:
        writer.close()
    for pid, command in running.processes().items():
        if "dlp-gateway: receiver" in command:
            os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(60):
        while True:
            await asyncio.sleep(0.5)
            try:
                codes, opened = await greetings(running.port, 1)
            except OSError:  # nobody listens in this moment
                continue
            for writer in opened:
                writer.close()
            if codes == ["220 gatew"]:
                break


async def test_what_ehlo_offers_is_what_the_next_mta_has(gateway: Launch, next_mta: NextMta) -> None:
    """From the first session on; what it lacks is not offered, and not taken."""
    next_mta.script.extensions = ("PIPELINING", "SIZE 5000", "ENHANCEDSTATUSCODES")
    running = await gateway(next_mta.port)
    async with Client(running.port) as client:
        offered = (await client.command("EHLO client.example")).splitlines()
        assert {line[4:] for line in offered[1:]} == {"PIPELINING", "CHUNKING", "SIZE 4000", "ENHANCEDSTATUSCODES"}
        assert (await client.command("MAIL FROM:<ada@corp.example> BODY=8BITMIME"))[:3] == "555"
        assert (await client.command("MAIL FROM:<ada@corp.example> SMTPUTF8"))[:3] == "555"
        assert (await client.command("MAIL FROM:<ada@corp.example> SIZE=4001"))[:9] == "552 5.3.4"


async def test_a_mail_of_the_offered_size_fits_with_our_trace(gateway: Launch, next_mta: NextMta) -> None:
    """What was taken at its full size was refused by the smarthost's SIZE, behind a 250 where it had to wait."""
    next_mta.script.extensions = ("PIPELINING", "SIZE 5000")
    running = await gateway(next_mta.port)
    async with Client(running.port) as client:
        offered = (await client.command("EHLO client.example")).splitlines()
        (size,) = (int(line[9:]) for line in offered if line[4:].startswith("SIZE "))
        content = CONTENT + b"x" * (size - len(CONTENT) - 2) + b"\r\n"
        await client.command("MAIL FROM:<ada@corp.example>")
        await client.command("RCPT TO:<bob@example.org>")
        client.write(f"BDAT {size} LAST\r\n".encode() + content)
        assert (await client.reply())[:3] == "250"
    (mail,) = await next_mta.until(1)
    assert size < len(mail.content) <= 5_000


async def test_a_mail_in_chunks_reaches_the_next_mta(gateway: Launch, next_mta: NextMta) -> None:
    """Which gets it by DATA, as it was sent."""
    running = await gateway(next_mta.port)
    async with Client(running.port) as client:
        await client.command("EHLO client.example")
        await client.command("MAIL FROM:<ada@corp.example>")
        await client.command("RCPT TO:<bob@example.org>")
        for chunk, last in ((CONTENT[:30], ""), (CONTENT[30:-2], " LAST")):  # without the end of its last line
            client.write(f"BDAT {len(chunk)}{last}\r\n".encode() + chunk)
            assert (await client.reply())[:3] == "250"
    (mail,) = await next_mta.until(1)
    assert mail.content.endswith(CONTENT)


@pytest.mark.slow
async def test_a_crowd_and_a_trickle_keep_nobody_waiting(gateway: Launch, next_mta: NextMta) -> None:
    """Five hundred silent sessions, eighty messages that come an octet at a time, and somebody who asks something."""
    limits = {"connections": 2_000, "connections_per_client": 2_000}
    running = await gateway(next_mta.port, settings={"limits": limits})
    silent = await greetings(running.port, 500)
    assert set(silent[0]) == {"220 gatew"}
    slow = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(80)]
    for reader, writer in slow:
        await reader.readline()
        writer.write(b"EHLO slow.example\r\nMAIL FROM:<ada@corp.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n")

    async def trickle() -> None:
        while True:
            for _, writer in slow:
                writer.write(b"x")
            await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    try:
        async with Client(running.port) as client:
            await client.command("EHLO client.example")
            for _ in range(20):
                async with asyncio.timeout(2):
                    assert (await client.command("NOOP"))[:3] == "250"
    finally:
        trickling.cancel()
        for writer in (*silent[1], *(writer for _, writer in slow)):
            writer.close()


@asynccontextmanager
async def balanced(port: int, folder: Path) -> AsyncIterator[tuple[int, int]]:
    """Run HAProxy in front of a gateway; give the ports at which it sends headers of version 1 and 2."""
    first, second = free_port(), free_port()
    file = folder / "haproxy.cfg"
    file.write_text(HAPROXY.format(first=first, second=second, port=port))
    process = await asyncio.create_subprocess_exec(
        require("haproxy"), "-db", "-q", "-f", file, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        for _ in range(100):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", second)) == 0:
                    break
            await asyncio.sleep(0.1)
        yield first, second
    finally:
        process.terminate()
        await process.wait()


async def test_behind_haproxy_a_client_is_who_he_is(gateway: Launch, next_mta: NextMta, tmp_path: Path) -> None:
    """By both versions; HAProxy's own checks trouble nobody, and who connects directly is himself."""
    port = free_port()
    listener = {"address": f"127.0.0.1:{port}", "networks": ["127.0.0.64/26"], "proxies": ["127.0.0.1/32"]}
    await gateway(next_mta.port, settings={"listeners": [listener]})
    async with balanced(port, tmp_path) as ports:
        for place in ports:
            for source, code in (("127.0.0.100", "220"), ("127.0.0.2", "554")):
                reader, writer = await asyncio.open_connection("127.0.0.1", place, local_addr=(source, 0))
                assert (await reader.readline()).decode()[:3] == code
                writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.100", 0))
    assert (await reader.readline())[:3] == b"220"
    writer.close()
