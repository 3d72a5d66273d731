"""The HTTP server in a loop of somebody else's, and the client that asks it."""

import asyncio
import http.client
import os
import signal
import socket
from collections.abc import AsyncIterator

import pytest

from dlp_gateway.console.app import application
from dlp_gateway.console.server import Admin, healthcheck


async def well() -> str:
    """A part that is well."""
    return ""


async def ill() -> str:
    """A part that is not."""
    return "disk full"


@pytest.fixture
async def address() -> AsyncIterator[tuple[str, int]]:
    """Serve an application with one part that is well."""
    admin = Admin(application({"custody": well}, lambda: (b"", "text/plain")), "127.0.0.1", 0)
    yield await admin.start()
    await admin.stop()


async def test_a_free_port_is_taken_and_told(address: tuple[str, int]) -> None:
    """Port 0 becomes the port that was bound, and it answers at once."""
    host, port = address
    assert await asyncio.to_thread(healthcheck, f"http://{host}:{port}/readyz") == (
        True,
        '{"ready":true,"checks":{"custody":"ok"}}',
    )


async def test_nothing_is_left_to_be_loaded() -> None:
    """A module that is read at the first turn of the loop may find no descriptor left, and the server would end."""
    admin = Admin(application({}, lambda: (b"", "text/plain")), "127.0.0.1", 0)
    await admin.start()
    assert admin._server.config.loaded
    await admin.stop()


async def test_no_header_tells_what_serves(address: tuple[str, int]) -> None:
    """Neither server nor version is told."""

    def headers() -> list[str]:
        connection = http.client.HTTPConnection(*address, timeout=5)
        connection.request("GET", "/livez")
        names = [name.lower() for name, _ in connection.getresponse().getheaders()]
        connection.close()
        return names

    assert "server" not in await asyncio.to_thread(headers)


async def test_a_part_that_is_not_well_fails_the_check() -> None:
    """The health check is False and gives the body."""
    admin = Admin(application({"custody": ill}, lambda: (b"", "text/plain")), "127.0.0.1", 0)
    host, port = await admin.start()
    healthy, body = await asyncio.to_thread(healthcheck, f"http://{host}:{port}/readyz")
    await admin.stop()
    assert (healthy, body) == (False, '{"ready":false,"checks":{"custody":"disk full"}}')


async def test_nobody_listens() -> None:
    """Nothing there is False, with the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert healthcheck(f"http://127.0.0.1:{port}/readyz") == (False, "ConnectionRefusedError")


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "http://", "https://127.0.0.1/", "http://127.0.0.1:port/", "http://[::1/", "http://a b/\r\n"],
)
def test_an_address_that_is_none(url: str) -> None:
    """A URL that cannot be asked is an answer, not an exception."""
    assert not healthcheck(url)[0]


async def test_somebody_else_answers() -> None:
    """A peer that speaks no HTTP is not healthy."""

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 mail.example ESMTP\r\n" * 5)
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        healthy, why = await asyncio.to_thread(healthcheck, f"http://127.0.0.1:{port}/readyz")
    assert (healthy, why) == (False, "BadStatusLine")


async def test_a_port_that_is_taken_is_an_error() -> None:
    """`start` raises at once, and `stop` has nothing to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        admin = Admin(application({}, lambda: (b"", "text/plain")), *taken.getsockname())
        with pytest.raises(OSError, match="in use"):
            await admin.start()
    await admin.stop()


async def test_signals_stay_with_their_owner(address: tuple[str, int]) -> None:
    """SIGTERM goes to the loop's handler, not to uvicorn, which goes on serving."""
    got = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, got.set)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(got.wait(), 5)
    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
    assert (await asyncio.to_thread(healthcheck, "http://{}:{}/livez".format(*address)))[0]


async def test_stop_ends_with_a_client_that_says_nothing() -> None:
    """An idle connection does not keep the server, which then no longer listens."""
    admin = Admin(application({}, lambda: (b"", "text/plain")), "127.0.0.1", 0)
    host, port = await admin.start()
    _reader, writer = await asyncio.open_connection(host, port)
    async with asyncio.timeout(4.5):
        await admin.stop()
        await admin.stop()
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, port)
