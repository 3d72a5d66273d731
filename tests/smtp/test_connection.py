"""One session: opened with TLS and AUTH or not at all, its replies cut and never mis-paired."""

import asyncio
import base64
import io
import json
import ssl

import pytest
from aiosmtpd import smtp as library_server
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.authorities import trusting
from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp.connection import parse_reply
from dlp_gateway.smtp.smarthost import Security, SmarthostOptions, Unavailable
from tests.e2e.postfix import free_port
from tests.smtp.peers import (
    ALL,
    CONTENT,
    UNREACHABLE,
    Authority,
    Hosts,
    Peer,
    Smarthosts,
    codes,
    deliver,
    forever,
)
from tests.waiting import until

QUEUED = Reply(code=250, enhanced="2.0.0", text="Ok: queued as 4711")


@pytest.mark.parametrize(
    ("code", "lines", "expected"),
    [
        (250, ["2.0.0 Ok"], Reply(code=250, enhanced="2.0.0", text="Ok")),
        (250, ["Ok"], Reply(code=250, enhanced="", text="Ok")),
        (250, [""], Reply(code=250, enhanced="", text="")),
        (250, ["2.0.0"], Reply(code=250, enhanced="2.0.0", text="")),
        (550, ["5.1.1 one", "5.1.1 two"], Reply(code=550, enhanced="5.1.1", text="one two")),
        (550, ["2.0.0 other class"], Reply(code=550, enhanced="", text="2.0.0 other class")),
        (550, ["5.1.1234 no code"], Reply(code=550, enhanced="", text="5.1.1234 no code")),
        (550, ["5.1.1\x1b[31m red"], Reply(code=550, enhanced="", text="5.1.1?[31m red")),
    ],
)
def test_reply_is_read(code: int, lines: list[str], expected: Reply) -> None:
    """Lines joined, the enhanced code taken out if it is one (RFC 2034 4), control characters gone."""
    assert expected == parse_reply(code, lines)


@given(code=st.integers(200, 599), lines=st.lists(st.text(max_size=80), min_size=1, max_size=6))
def test_reply_is_always_printable(code: int, lines: list[str]) -> None:
    """Whatever a peer says is fit for a log, and bounded."""
    reply = parse_reply(code, lines)
    assert str(reply).isprintable()
    assert len(reply.text) <= 400


def test_password_is_not_shown() -> None:
    """Options may land in a traceback."""
    shown = repr(SmarthostOptions(host="h", port=25, hostname="g", user="u", password="xyzzy"))
    assert "xyzzy" not in shown


async def test_unasked_reply_cannot_be_taken_for_another(host: Hosts, smarthost: Smarthosts) -> None:
    """One reply too many, whenever it comes, and the connection is given up: replies are never mis-paired."""

    async def early(peer: Peer) -> None:
        await peer.greet(*ALL)
        await peer.take(dot="250 2.0.0 Ok: queued as 4711\r\n250 2.0.0 Ok: once more")
        await peer.reader.read()

    async def late(peer: Peer) -> None:
        await peer.greet(*ALL)
        await peer.take()
        await asyncio.sleep(0.05)
        await peer.send("250 2.0.0 Ok: late")
        await peer.reader.read()

    async def honest(peer: Peer) -> None:
        await peer.greet(*ALL)
        await peer.take(bob="550 5.1.1 No", data="503 5.5.1 No")

    peer = await host(early, late, honest)
    ours = smarthost(peer.port)
    assert codes(await deliver(ours)) == [(250, "2.0.0")]
    assert codes(await deliver(ours)) == [(250, "2.0.0")]
    await until(lambda: not any(kept.usable for kept in ours._pools[0]._idle))
    assert codes(await deliver(ours)) == [(550, "5.1.1")]
    assert len(peer.peers) == 3


async def test_unreachable_smarthost_is_a_451(smarthost: Smarthosts, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused connection, unknown name: never an exception."""
    port, patient = free_port(), {"connect": 20.0}  # a resolver far away may take its time
    assert codes(await deliver(smarthost(port))) == [UNREACHABLE]
    assert codes(await deliver(smarthost(port, host="does-not-exist.invalid", **patient))) == [UNREACHABLE]
    assert codes(await deliver(smarthost(port, host="x" * 300))) == [UNREACHABLE]
    with pytest.raises(Unavailable) as refused:
        await smarthost(port).probe()
    assert (refused.value.why, refused.value.detail) == ("connect", "refused")
    with pytest.raises(Unavailable) as unknown:
        await smarthost(port, host="does-not-exist.invalid", **patient).probe()
    assert unknown.value.detail == "name"


async def test_probe_tells_what_is_offered(host: Hosts, smarthost: Smarthosts) -> None:
    """And leaves with QUIT."""
    peer = await host(forever)
    extensions = await smarthost(peer.port).probe()
    assert (extensions.pipelining, extensions.eight_bit, extensions.smtputf8) == (True, True, True)
    assert (extensions.size, extensions.tls) == (1_000_000, False)
    assert "ENHANCEDSTATUSCODES" in extensions.names
    await until(lambda: peer.peers[0].heard[-1] == b"QUIT")


async def test_a_large_message_arrives_whole_under_tls(
    host: Hosts, smarthost: Smarthosts, authority: Authority
) -> None:
    """In blocks, each of which the kernel has before the next."""
    got: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL[2:], "PIPELINING")
        got.append(await peer.take())
        got.append(await peer.take())

    peer = await host(script, tls=authority.server)
    ours = smarthost(peer.port, security=Security.IMPLICIT, tls_context=authority.client())
    content = b"Subject: x\r\n\r\n" + b".abc\r\n" * 200_000
    for _ in range(2):
        assert codes(await deliver(ours, content)) == [(250, "2.0.0")]
    assert got == [content.replace(b"\r\n.", b"\r\n..")] * 2
    assert len(peer.peers) == 1


class _Hooks:
    """aiosmtpd's handler, as a smarthost with TLS and AUTH."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, bool, object]] = []

    async def handle_DATA(  # noqa: N802  aiosmtpd's name
        self, _: object, session: library_server.Session, envelope: library_server.Envelope
    ) -> str:
        """Take it."""
        self.taken.append((envelope.content, session.ssl is not None, session.authenticated))
        return "250 2.0.0 Ok: queued as 4711"


async def library(hooks: _Hooks, *, implicit: ssl.SSLContext | None = None, **options: object) -> asyncio.Server:
    """Start aiosmtpd as it comes."""
    return await asyncio.get_running_loop().create_server(
        lambda: library_server.SMTP(hooks, hostname="smarthost.example", **options), "127.0.0.1", 0, ssl=implicit
    )


@pytest.mark.parametrize("security", [Security.REQUIRED, Security.OPPORTUNISTIC])
async def test_starttls_with_a_library_server(smarthost: Smarthosts, authority: Authority, security: Security) -> None:
    """Two messages over one TLS connection, through the exchanged protocol."""
    hooks = _Hooks()
    server = await library(hooks, tls_context=authority.server)
    port = server.sockets[0].getsockname()[1]
    ours = smarthost(port, host="localhost", security=security, tls_context=authority.client())
    assert [codes(await deliver(ours)) for _ in range(2)] == [[(250, "2.0.0")]] * 2
    assert [(content, tls) for content, tls, _ in hooks.taken] == [(CONTENT, True)] * 2
    assert (await ours.probe()).tls
    server.close()


async def test_implicit_tls(smarthost: Smarthosts, authority: Authority) -> None:
    """Port 465 (RFC 8314 3.3)."""
    hooks = _Hooks()
    server = await library(hooks, implicit=authority.server)
    port = server.sockets[0].getsockname()[1]
    ours = smarthost(port, host="localhost", security=Security.IMPLICIT, tls_context=authority.client())
    assert codes(await deliver(ours)) == [(250, "2.0.0")]
    server.close()


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        ("unknown authority", "certificate-authority"),
        ("other name", "certificate-name"),
        ("not offered", "not-offered"),
    ],
)
async def test_required_tls_fails_closed(
    smarthost: Smarthosts,
    authority: Authority,
    fault: str,
    detail: str,
    log_lines: io.StringIO,
) -> None:
    """No certificate of a trusted authority for this name, no mail, and the log says why; opportunistic TLS goes on."""
    hooks = _Hooks()
    context = {"unknown authority": authority.server, "other name": authority.other, "not offered": None}[fault]
    server = await library(hooks, tls_context=context)
    port = server.sockets[0].getsockname()[1]
    trust = trusting() if fault == "unknown authority" else authority.client()
    ours = smarthost(port, host="localhost", security=Security.REQUIRED, tls_context=trust)
    assert codes(await deliver(ours)) == [UNREACHABLE]
    told = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    assert [(one["why"], one["detail"]) for one in told if one["event"] == "smarthost_unreachable"] == [("tls", detail)]
    assert hooks.taken == []
    lax = smarthost(port, host="localhost", security=Security.OPPORTUNISTIC)
    assert codes(await deliver(lax)) == [(250, "2.0.0")]
    assert [tls for _, tls, _ in hooks.taken] == [fault != "not offered"]
    server.close()


async def test_broken_handshake_is_no_reason_for_plain_text(host: Hosts, smarthost: Smarthosts) -> None:
    """Where STARTTLS is offered, opportunistic TLS means TLS or nothing."""

    async def script(peer: Peer) -> None:
        await peer.greet("STARTTLS", "PIPELINING")
        await peer.line()
        await peer.send("220 Go", "this is no handshake")
        await peer.reader.read()

    peer = await host(script)
    ours = smarthost(peer.port, security=Security.OPPORTUNISTIC, connect=1.0)
    assert codes(await deliver(ours)) == [UNREACHABLE]
    assert b"MAIL" not in b"".join(peer.peers[0].heard)


@pytest.mark.parametrize("right", [True, False])
async def test_login_under_tls(
    smarthost: Smarthosts, authority: Authority, capsys: pytest.CaptureFixture[str], *, right: bool
) -> None:
    """A refused login is our trouble: the client gets a 451, never a 535; the password is in no log."""
    password = base64.b32encode(b"not a real password").decode()
    hooks = _Hooks()
    server = await library(
        hooks,
        tls_context=authority.server,
        auth_required=True,
        auth_callback=lambda _, login, word: (login, word) == (b"gateway", password.encode()),
    )
    port = server.sockets[0].getsockname()[1]
    ours = smarthost(
        port,
        host="localhost",
        security=Security.REQUIRED,
        tls_context=authority.client(),
        user="gateway",
        password=password if right else "wrong",
    )
    assert codes(await deliver(ours)) == ([(250, "2.0.0")] if right else [UNREACHABLE])
    assert password not in repr([pool.options for pool in ours._pools])
    output = capsys.readouterr()
    assert password not in output.out + output.err
    server.close()
