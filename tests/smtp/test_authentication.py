"""Logging in over real sockets: where it is offered, what it opens, and what a session remembers of it."""

import asyncio
import base64
from dataclasses import dataclass, field

import pytest

from dlp_gateway.ports import Denial, Login
from dlp_gateway.smtp.door import Door, ListenerOptions, Security
from tests.smtp.peers import CONTENT, LOOPBACK, Authority, Client, Gateway, Listen, Recorder
from tests.waiting import until

ANN = base64.b64encode(b"\0ann@corp.example\0open sesame").decode()
AUTH = f"AUTH PLAIN {ANN}\r\n".encode()
MAIL = b"MAIL FROM:<ann@corp.example>\r\n"


@dataclass
class Known:
    """The `Logins` of a test: answers as it is told, and remembers what it was asked."""

    answer: Login | Denial = field(default_factory=lambda: Login(name="ann", bound_to=("ann@corp.example",)))
    patience: float = 0.0
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)

    async def attempt(self, name: str, password: str, *, client: str, network: str) -> Login | Denial:
        """Answer, after a while."""
        self.asked.append((name, password, client, network))
        await asyncio.sleep(self.patience)
        return self.answer


async def inside(listen: Listen, authority: Authority, known: Known, **options: object) -> tuple[Gateway, Client]:
    """Return a listener with a login, and a client that has said EHLO under TLS."""
    secure = {"security": Security.IMPLICIT, "tls_context": authority.server, "login": True}
    gateway = await listen(logins=known, **(secure | options))
    client = await gateway.client(authority.client())
    await client.hear()
    assert "AUTH PLAIN LOGIN" in await client.say(b"EHLO client.example\r\n")
    return gateway, client


async def test_a_login_opens_the_way_and_goes_with_the_mail(listen: Listen, authority: Authority) -> None:
    """235, then mail with the login in its envelope; EHLO offers it no more, and a second one is refused."""
    known = Known()
    gateway, client = await inside(listen, authority, known)
    assert (await client.say(MAIL))[:9] == "530 5.7.0"
    assert (await client.say(AUTH))[:9] == "235 2.7.0"
    assert known.asked == [("ann@corp.example", "open sesame", "127.0.0.1", "127.0.0.1")]
    assert (await client.say(AUTH))[:9] == "503 5.5.1"
    assert "AUTH" not in await client.say(b"EHLO client.example\r\n")
    assert (await client.say(b"MAIL FROM:<boss@corp.example>\r\n"))[:9] == "553 5.7.1"
    assert (await client.say(b"MAIL FROM:<ann@corp.example> AUTH=boss@corp.example\r\n"))[:3] == "250"
    await client.say(b"RCPT TO:<bob@example.org>\r\n")
    await client.say(b"DATA\r\n")
    assert (await client.say(CONTENT.replace(b"\r\n.", b"\r\n..") + b".\r\n"))[:3] == "250"
    (envelope, _), *_ = gateway.handler.taken
    assert (envelope.login, envelope.protocol, envelope.bound_to) == ("ann", "ESMTPSA", ("ann@corp.example",))


async def test_nothing_is_taken_in_the_clear(listen: Listen, authority: Authority) -> None:
    """Before STARTTLS it is not offered, AUTH is 538 and MAIL says what to do; STARTTLS opens it."""
    known = Known()
    gateway = await listen(logins=known, login=True, security=Security.STARTTLS, tls_context=authority.server)
    client = await gateway.greeted()
    assert "AUTH" not in await client.say(b"EHLO client.example\r\n")
    assert (await client.say(AUTH))[:10] == "538 5.7.11"
    assert (await client.say(MAIL)).startswith("530 5.7.0 Say STARTTLS")
    assert (await client.say(b"STARTTLS\r\n"))[:3] == "220"
    await client.writer.start_tls(authority.client(), server_hostname="localhost")
    assert (await client.say(AUTH))[:9] == "503 5.5.1"  # EHLO is forgotten (RFC 3207 4.2)
    assert "AUTH PLAIN LOGIN" in await client.say(b"EHLO client.example\r\n")
    assert (await client.say(AUTH))[:9] == "235 2.7.0"
    assert len(known.asked) == 1


async def test_helo_and_transactions_have_no_login(listen: Listen, authority: Authority) -> None:
    """AUTH is an extension, so not after HELO (RFC 4954 3), and not between MAIL and the end of it (RFC 4954 4)."""
    known = Known()
    _, client = await inside(listen, authority, known)
    await client.say(b"HELO client.example\r\n")
    assert (await client.say(AUTH))[:9] == "503 5.5.1"
    assert known.asked == []


@pytest.mark.parametrize(
    ("denial", "expected"),
    [
        (Denial.WRONG, ["535 5.7.8", "221 2.0.0"]),
        (Denial.UNAVAILABLE, ["454 4.7.0", "221 2.0.0"]),
        (Denial.CUT_OFF, ["421 4.7.0", ""]),
        (Denial.CROWDED, ["421 4.7.0", ""]),
    ],
)
async def test_each_denial_has_its_reply(
    listen: Listen, authority: Authority, denial: Denial, expected: list[str]
) -> None:
    """Wrong is 535, never when it cannot be told; too many tries end the session."""
    _, client = await inside(listen, authority, Known(answer=denial))
    heard = [(await client.say(AUTH))[:9]]
    client.writer.write(b"QUIT\r\n")
    assert [*heard, (await client.hear())[:9]] == expected


async def test_too_many_failures_end_the_session(listen: Listen, authority: Authority) -> None:
    """Each 535 is an error of the client's; whoever only asks what cannot be told is counted, too."""
    _, client = await inside(listen, authority, Known(answer=Denial.WRONG), errors=3)
    assert [(await client.say(AUTH))[:3] for _ in range(2)] == ["535", "535"]
    client.writer.write(AUTH)
    assert (await client.all()).splitlines()[-1].startswith("421 4.7.0 Too many errors")
    _, client = await inside(listen, authority, Known(answer=Denial.UNAVAILABLE), junk_commands=3)
    client.writer.write(AUTH * 3)
    assert (await client.all()).splitlines()[-1].startswith("421 4.7.0 Too many commands")


async def test_a_long_look_up_is_no_silence_of_the_clients(listen: Listen, authority: Authority) -> None:
    """The idle limit does not run while passwords are checked, and other sessions go on meanwhile."""
    gateway, client = await inside(listen, authority, Known(patience=1.5), idle=0.6)
    client.writer.write(AUTH)
    other = await gateway.client(authority.client())
    assert (await other.hear())[:3] == "220"
    assert (await client.hear())[:3] == "235"


async def test_a_silent_client_is_told_at_a_challenge(listen: Listen, authority: Authority) -> None:
    """A challenge that nobody answers ends as any silence does."""
    _, client = await inside(listen, authority, Known(), idle=0.2)
    client.writer.write(b"AUTH LOGIN\r\n")
    assert (await client.all()).splitlines()[-1] == "421 4.4.2 Timeout"


async def test_a_client_that_leaves_at_a_challenge_leaves_nothing(listen: Listen, authority: Authority) -> None:
    """Nobody is asked, and the session is gone."""
    known = Known()
    gateway, client = await inside(listen, authority, known)
    await client.say(b"AUTH PLAIN\r\n")
    client.writer.transport.abort()
    await until(lambda: gateway.door.sessions == 0)
    assert known.asked == []


def test_a_door_without_passwords_or_tls_does_not_open(authority: Authority) -> None:
    """Mistakes of ours in putting it together are told at the start."""
    with pytest.raises(ValueError, match="needs TLS"):
        ListenerOptions(hostname="gateway.example", networks=LOOPBACK, login=True)
    options = ListenerOptions(
        hostname="gateway.example",
        networks=LOOPBACK,
        login=True,
        security=Security.IMPLICIT,
        tls_context=authority.server,
    )
    with pytest.raises(ValueError, match="who knows the passwords"):
        Door(options, Recorder())
