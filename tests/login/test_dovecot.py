"""Dovecot's client protocol against a scripted peer: what it says, what it should not, and when it goes away."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from dlp_gateway.login import Dovecot, DovecotOptions
from dlp_gateway.ports import Login, LoginUnavailable

GREETING = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t7\nCUID\t1\nCOOKIE\tab\nDONE\n"

Answer = Callable[[list[str]], str | None]


@dataclass
class Peer:
    """A scripted Dovecot; `answer` makes a line of the fields of an AUTH, None closes the connection."""

    port: int = 0
    greeting: str = GREETING
    answer: Answer = lambda fields: f"OK\t{fields[1]}\tuser=ann"
    connections: int = 0
    heard: list[str] = field(default_factory=list)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    """Give a peer that listens."""
    one = Peer()
    tasks: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        one.connections += 1
        writer.write(one.greeting.encode())
        try:
            while line := (await reader.readline()).decode():
                one.heard.append(line.rstrip("\n"))
                if not line.startswith("AUTH\t"):
                    continue
                answer = one.answer(line.rstrip("\n").split("\t"))
                if answer is None:
                    break
                writer.write(f"{answer}\n".encode())
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    yield one
    server.close()
    for task in tasks:
        if task is not None:
            task.cancel()
    await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)


@pytest.fixture
async def make(peer: Peer) -> AsyncIterator[Callable[..., Dovecot]]:
    """Give a function that makes a client of the peer's."""
    made: list[Dovecot] = []

    def one(**options: object) -> Dovecot:
        settings = {"host": "127.0.0.1", "port": peer.port, "timeout": 0.5} | options
        made.append(Dovecot(DovecotOptions(**settings)))  # type: ignore[arg-type]
        return made[-1]

    yield one
    for client in made:
        await client.close()


async def why(asked: Awaitable[Login | None]) -> str:
    """Return why it cannot be told."""
    with pytest.raises(LoginUnavailable) as caught:
        await asked
    return caught.value.why


async def test_the_handshake_and_a_request(peer: Peer, make: Callable[..., Dovecot]) -> None:
    """Versions, a number of ours, then PLAIN with where the client is and that it is under TLS."""
    assert await make().verify("ann", "open sesame", client="192.0.2.1") == Login(name="ann")
    version, number, request = peer.heard
    assert version == "VERSION\t1\t1"
    assert number.startswith("CPID\t")
    *fields, response = request.split("\t")
    assert fields == ["AUTH", "1", "PLAIN", "service=smtp", "secured", "nologin", "rip=192.0.2.1"]
    assert base64.b64decode(response.removeprefix("resp=")) == b"\0ann\0open sesame"


async def test_what_it_answers(peer: Peer, make: Callable[..., Dovecot]) -> None:
    """The name that Dovecot gives is the login's; refused is None; what it cannot tell is not "wrong"."""
    one = make()
    for answer, expected in (
        ("OK\t{}\tuser=Ann@corp.example\tother=x", Login(name="Ann@corp.example")),
        ("OK\t{}", Login(name="typed")),
        ("FAIL\t{}\tuser=ann", None),
        ("FAIL\t{}\tuser=ann\tcode=user_disabled", None),
        ("FAIL\t{}\tuser=ann\ttemp", "temporary"),
        ("FAIL\t{}\tuser=ann\tcode=temp_fail", "temporary"),
        ("CONT\t{}\tabc", "protocol"),
        ("OK\t{}\tuser=an\x01tn\tx", "protocol"),
        ("NONSENSE\t{}", "protocol"),
    ):
        peer.answer = lambda fields, answer=answer: answer.format(fields[1])  # type: ignore[misc]
        asked = one.verify("typed", "x", client="::1")
        assert (await why(asked) if isinstance(expected, str) else await asked) == expected
    assert peer.connections == 1


async def test_a_login_is_bound_to_its_name(make: Callable[..., Dovecot], peer: Peer) -> None:
    """Where it is an address; a name that is none may write as nobody."""
    one = make(own_address=True)
    assert await one.verify("x", "x", client="::1") == Login(name="ann", bound_to=("",))
    peer.answer = lambda fields: f"OK\t{fields[1]}\tuser=ann@corp.example"
    assert await one.verify("x", "x", client="::1") == Login(name="ann@corp.example", bound_to=("ann@corp.example",))


async def test_many_at_a_time_over_one_connection(peer: Peer, make: Callable[..., Dovecot]) -> None:
    """Answers find their requests, in whatever order they come."""
    held: list[list[str]] = []

    def answer(fields: list[str]) -> str:
        held.append(fields)
        if len(held) < 20:
            return "NOTHING"
        lines = []
        for one in reversed(held):
            name = base64.b64decode(one[-1].removeprefix("resp=")).split(b"\0")[1].decode()
            lines.append(f"OK\t{one[1]}\tuser={name}")
        return "\n".join(lines)

    peer.answer = answer
    one = make()
    heard = await asyncio.gather(*(one.verify(f"user{number}", "x", client="::1") for number in range(20)))
    assert [login.name for login in heard if login] == [f"user{number}" for number in range(20)]
    assert peer.connections == 1


async def test_a_restart_in_between_is_not_noticed(peer: Peer, make: Callable[..., Dovecot]) -> None:
    """A kept connection that turns out to be closed is opened again, once."""
    one = make()
    await one.verify("ann", "x", client="::1")
    ok = peer.answer
    left = [None]
    peer.answer = lambda fields: left.pop() if left else ok(fields)
    assert await one.verify("ann", "x", client="::1") == Login(name="ann")
    assert peer.connections == 2
    peer.answer = lambda _: None
    assert await why(one.verify("ann", "x", client="::1")) == "lost"


async def test_silence(peer: Peer, make: Callable[..., Dovecot]) -> None:
    """Neither a greeting nor an answer is waited for without end, and the next attempt begins anew."""
    one = make(timeout=0.1)
    peer.greeting = "VERSION\t1\t2\n"
    assert await why(one.verify("ann", "x", client="::1")) == "timeout"
    peer.greeting = GREETING
    peer.answer = lambda _: "NOTHING"
    assert await why(one.verify("ann", "x", client="::1")) == "timeout"
    peer.answer = Peer.answer
    assert await one.verify("ann", "x", client="::1") == Login(name="ann")


@pytest.mark.parametrize(
    ("greeting", "expected"),
    [
        ("220 mail.example ESMTP\n" * 101, "protocol"),
        ("VERSION\t2\t0\nMECH\tPLAIN\nDONE\n", "protocol"),
        ("VERSION\t1\t2\nMECH\tEXTERNAL\nDONE\n", "mechanism"),
        ("X" * 20_000 + "\nDONE\n", "lost"),
        ("\n" * 101, "protocol"),
    ],
)
async def test_what_is_no_dovecot(peer: Peer, make: Callable[..., Dovecot], greeting: str, expected: str) -> None:
    """Another service on that port, another version, or one that never ends: bounded, and told."""
    peer.greeting = greeting
    assert await why(make().verify("ann", "x", client="::1")) == expected


async def test_a_line_without_end_is_an_end(peer: Peer, make: Callable[..., Dovecot]) -> None:
    """Memory is bounded."""
    one = make()
    await one.verify("ann", "x", client="::1")
    peer.answer = lambda _: "OK\t2\t" + "x" * 20_000
    assert await why(one.verify("ann", "x", client="::1")) == "lost"


async def test_nobody_listens(make: Callable[..., Dovecot], unused_tcp_port: int) -> None:
    """Down is down, and a NUL is never a password."""
    one = make(port=unused_tcp_port)
    assert await why(one.verify("ann", "x", client="::1")) == "connect"
    assert await one.verify("ann\0root", "x", client="::1") is None
