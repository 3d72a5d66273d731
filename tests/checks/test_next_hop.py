"""The smarthost as it answers: each way in which it may not, and what it offers if it does."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from dlp_gateway.checks import next_hop
from dlp_gateway.checks.remark import Remark
from tests.checks.conftest import Configure, Issue

HOST = "gateway.corp.example"
Start = Callable[..., int]


async def told(configure: Configure, port: int, **smarthost: object) -> tuple[Remark, ...]:
    """Try a smarthost at a port of 127.0.0.1."""
    timeouts = {"connect": "5s"}
    settings = configure(smarthost={"host": "127.0.0.1", "port": port, "timeouts": timeouts} | smarthost)[1]
    return await next_hop.smarthost(settings, HOST)


@asynccontextmanager
async def saying(words: bytes, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Listen on a free port of 127.0.0.1 and say the same to everybody who comes."""
    guests: set[asyncio.Task[None] | None] = set()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guests.add(asyncio.current_task())
        writer.write(words)
        with suppress(OSError):
            await reader.read(100)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async with await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*filter(None, guests))


async def test_one_that_answers_is_told_with_what_it_offers(configure: Configure, smarthost: Start) -> None:
    """Where, how, which extensions, and what is missing."""
    remarks = await told(configure, await asyncio.to_thread(smarthost), tls="none")
    assert [one.level for one in remarks][:2] == ["ok", "ok"]
    assert remarks[0].says == "It answers at 127.0.0.1 without TLS."
    assert "SIZE" in remarks[1].says
    assert any(one.level == "warning" and one.says.startswith("It does not offer DSN") for one in remarks)


async def test_each_of_several_is_tried(configure: Configure, smarthost: Start) -> None:
    """One that does not answer is a problem, though mail finds its way over the other."""
    port = await asyncio.to_thread(smarthost)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        away = taken.getsockname()[1]
    hosts = [{"host": "127.0.0.1", "port": away}, {"host": "127.0.0.1", "port": port, "priority": 20}]
    remarks = await next_hop.smarthost(configure(smarthost={"hosts": hosts, "tls": "none"})[1], HOST)
    told = {one.about: one.level for one in reversed(remarks)}
    assert told == {f"smarthost 127.0.0.1:{away}": "problem", f"smarthost 127.0.0.1:{port}": "ok"}


async def test_one_that_takes_less_than_we_do(configure: Configure, smarthost: Start) -> None:
    """The sentence has the line to write."""
    port = await asyncio.to_thread(lambda: smarthost(data_size_limit=10_000_000))
    remarks = await told(configure, port, tls="none")
    assert any("`limits: {message_size: 10MB}`" in one.says for one in remarks)


async def test_nobody_there(configure: Configure) -> None:
    """A refused connection says so."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (remark,) = await told(configure, port, tls="none")
    assert remark.level == "problem"
    assert remark.says.startswith("It refuses the connection")


async def test_a_name_that_nobody_knows(configure: Configure) -> None:
    """It is not tried any further."""
    (remark,) = await told(configure, 25, host="nowhere.invalid")
    assert (remark.level, remark.says.startswith("The name cannot be resolved.")) == ("problem", True)


async def test_one_that_hangs(configure: Configure) -> None:
    """It costs the patience that is written, and names firewalls."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (remark,) = await told(configure, silent.getsockname()[1], tls="none", timeouts={"connect": "300ms"})
    assert "does not answer in time" in remark.says


async def test_a_certificate_that_is_not_trusted_names_why(
    configure: Configure, issue: Issue, smarthost: Start
) -> None:
    """With its authority named, it is; with another name in it, it is not."""
    port = await asyncio.to_thread(smarthost, issue("127.0.0.1"))
    (remark,) = await told(configure, port, tls="required")
    assert remark.says.startswith("TLS fails. Its certificate is not accepted: unable to get local issuer certificate")
    good = await told(configure, port, tls="required", ca_file="ca.pem")
    assert good[0].says == "It answers at 127.0.0.1 under TLS."
    other = await asyncio.to_thread(smarthost, issue("mail.example.net"))
    (remark,) = await told(configure, other, tls="required", ca_file="ca.pem")
    assert "mismatch, certificate is not valid for '127.0.0.1'. Write the name that is in the" in remark.says


async def test_a_certificate_that_is_over(configure: Configure, issue: Issue, smarthost: Start) -> None:
    """No setting of ours helps: its owner has to renew it."""
    issue("127.0.0.1")
    port = await asyncio.to_thread(smarthost, issue("127.0.0.1", begins=-30, ends=-2))
    (remark,) = await told(configure, port, tls="required", ca_file="ca.pem")
    assert remark.says == (
        "TLS fails. Its certificate is not accepted: certificate has expired. Whoever runs that server has to renew it."
    )


async def test_one_that_speaks_tls_from_the_first_byte(configure: Configure, issue: Issue) -> None:
    """Which a greeting is waited for in vain from: the sentence says which port to take."""
    pair = issue("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)

    async with saying(b"220 mail.example.net ESMTP\r\n", context) as port:
        (remark,) = await told(configure, port, timeouts={"connect": "500ms"})
        assert (remark.level, remark.says.startswith("It speaks TLS from the first byte")) == ("problem", True)
        assert "`tls: implicit`" in remark.says


@pytest.mark.parametrize("written", ["opportunistic", "implicit"])
async def test_tls_from_the_first_byte(configure: Configure, issue: Issue, smarthost: Start, written: str) -> None:
    """Written so, it is spoken; `init --guided` finds it out where another port than 465 was named."""
    pair = issue("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    port = await asyncio.to_thread(lambda: smarthost(ssl_context=context))
    hop = {"host": "127.0.0.1", "port": port, "tls": written, "ca_file": "ca.pem", "timeouts": {"connect": "1s"}}
    word, remarks = await next_hop.strictest(configure(smarthost=hop)[1], HOST)
    assert word == "implicit"
    assert remarks[0].says == "It answers at 127.0.0.1 under TLS."


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "What it says is no SMTP"),
        (b"554 5.7.1 \x1b[2JGo away\r\n", "It says: 554 5.7.1 ?[2JGo away"),
    ],
)
async def test_one_that_greets_otherwise(configure: Configure, said: bytes, says: str) -> None:
    """What it said itself is told, printable, or that it is no mail server at all."""
    async with saying(said) as port:
        (remark,) = await told(configure, port, tls="none")
    assert remark.level == "problem"
    assert says in remark.says
    assert remark.says.isprintable()


async def test_required_tls_that_is_not_offered(configure: Configure, smarthost: Start) -> None:
    """It is the port's fault more often than the server's."""
    (remark,) = await told(configure, await asyncio.to_thread(smarthost), tls="required")
    assert (remark.level, remark.says.startswith("It offers no TLS, which")) == ("problem", True)


async def test_a_login_is_tried(configure: Configure, issue: Issue, smarthost: Start) -> None:
    """Taken, or refused with the reply's code; the password appears nowhere."""
    path, *_ = configure()
    password = "made-up-word"
    (path.parent / "password").write_text(password)
    port = await asyncio.to_thread(smarthost, issue("127.0.0.1"))
    options = {"tls": "required", "ca_file": "ca.pem", "password_file": "password"}
    good = await told(configure, port, user="gateway", **options)
    assert good[0].says == "It answers at 127.0.0.1 under TLS, and takes the login."
    (refused,) = await told(configure, port, user="somebody", **options)
    assert refused.says.startswith("It refuses the login.")
    assert password not in repr((good, refused))


async def test_one_that_wants_a_login(configure: Configure, issue: Issue, smarthost: Start) -> None:
    """It answers, and would refuse every mail: the sentence has its words, and what to write."""
    port = await asyncio.to_thread(lambda: smarthost(issue("127.0.0.1"), auth_required=True))
    answers, remark, *_ = await told(configure, port, tls="required", ca_file="ca.pem")
    assert (answers.level, remark.level) == ("ok", "problem")
    assert remark.says.startswith("It takes no mail from us: 530 5.7.0 Authentication required. Write `user` and")


async def test_one_that_wants_tls(configure: Configure, issue: Issue, smarthost: Start) -> None:
    """Which `tls: none` would never give it."""
    port = await asyncio.to_thread(lambda: smarthost(issue("127.0.0.1"), require_starttls=True))
    answers, remark, *_ = await told(configure, port, tls="none")
    assert (answers.level, remark.level) == ("ok", "problem")
    assert "STARTTLS" in remark.says
    assert remark.says.endswith("Write `tls: required` under `smarthost`.")


@pytest.mark.parametrize("trusted", [True, False])
async def test_the_strictest_tls_that_works(
    configure: Configure, issue: Issue, smarthost: Start, *, trusted: bool
) -> None:
    """`init --guided` writes `required` where that works, else what the default is."""
    port = await asyncio.to_thread(lambda: smarthost(issue("127.0.0.1"), auth_required=True))  # asked for later
    hop = {"host": "127.0.0.1", "port": port} | ({"ca_file": "ca.pem"} if trusted else {})
    word, remarks = await next_hop.strictest(configure(smarthost=hop)[1], HOST)
    assert word == ("required" if trusted else "opportunistic")
    assert remarks[0].level == "ok"
