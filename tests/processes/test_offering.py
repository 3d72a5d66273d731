"""What the next mail server takes is asked, and clients are offered no more."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator

import pytest

from dlp_gateway.processes import offering
from dlp_gateway.processes.offering import begin_to_learn, learn
from dlp_gateway.smtp.listener import Beyond, Door, ListenerOptions
from dlp_gateway.smtp.smarthost import Security, Smarthost, SmarthostOptions
from tests.smtp.peers import Peer, Recorder
from tests.waiting import until


class NextHop:
    """A mail server that offers what it is told, or hangs."""

    def __init__(self) -> None:
        self.words: tuple[str, ...] = ("PIPELINING",)
        self.silent = False
        self.sessions = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak to one client."""
        self.sessions += 1
        try:
            if not self.silent:
                await Peer(reader, writer).greet(*self.words)
            await reader.read()
        except (EOFError, OSError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def hop() -> AsyncIterator[tuple[NextHop, Smarthost]]:
    """Start one, and give the way to it."""
    there = NextHop()
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    options = SmarthostOptions(
        host="127.0.0.1", port=port, hostname="gateway.example", security=Security.NONE, connect=0.5
    )
    smarthost = Smarthost(options)
    yield there, smarthost
    await smarthost.close()
    server.close()
    await asyncio.sleep(0.01)


def door(**options: object) -> Door:
    """Return a door that knows nothing yet."""
    networks = (ipaddress.ip_network("127.0.0.0/8"),)
    return Door(ListenerOptions(hostname="gateway.example", networks=networks, **options), Recorder())  # type: ignore[arg-type]


async def test_doors_learn_what_is_offered(hop: tuple[NextHop, Smarthost]) -> None:
    """All doors; the size is the smaller one, and what was known holds while nobody answers."""
    there, smarthost = hop
    doors = [door(message_size=1_000), door(message_size=9_000)]
    assert doors[0].beyond == Beyond()
    there.words = ("SIZE 5000", "DSN", "SMTPUTF8")
    assert await learn(smarthost, doors)
    assert doors[0].beyond == doors[1].beyond == Beyond(eight_bit=False, smtputf8=True, dsn=True, size=5_000)
    assert [one.message_size for one in doors] == [1_000, 4_000]  # our own fields find room in the rest
    there.silent = True
    assert not await learn(smarthost, doors)
    assert doors[0].beyond.size == 5_000


async def test_it_is_asked_again_and_again(hop: tuple[NextHop, Smarthost], monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure soon; the start waits for the first answer, and not for long."""
    there, smarthost = hop
    monkeypatch.setattr(offering, "_AGAIN", 0.05)
    monkeypatch.setattr(offering, "_SOON", 0.05)
    monkeypatch.setattr(offering, "_LEAST", 0.01)
    monkeypatch.setattr(offering, "_PATIENCE", 0.1)
    one = door()
    there.silent = True
    asking = await begin_to_learn(smarthost, [one])
    assert one.beyond == Beyond()
    there.silent, there.words = False, ("8BITMIME",)
    await until(lambda: one.beyond == Beyond(eight_bit=True, smtputf8=False, dsn=False))
    there.words = ("8BITMIME", "DSN")
    await until(lambda: one.beyond.dsn)
    asking.cancel()


async def test_what_a_host_lost_is_not_offered_any_more(
    hop: tuple[NextHop, Smarthost], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as a session with it shows that, and what it gained is offered."""
    there, smarthost = hop
    monkeypatch.setattr(offering, "_LEAST", 0.01)
    there.words = ("8BITMIME", "DSN")
    one = door()
    asking = await begin_to_learn(smarthost, [one])
    assert (one.beyond.eight_bit, one.beyond.dsn, one.beyond.smtputf8) == (True, True, False)
    there.words = ("8BITMIME", "SMTPUTF8")
    await smarthost.probe()  # any session, such as that of the next mail
    await until(lambda: (one.beyond.eight_bit, one.beyond.dsn, one.beyond.smtputf8) == (True, False, True))
    asking.cancel()
