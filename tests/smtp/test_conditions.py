"""Conditions of a listener in the dialogue: TLS before mail, a client's certificate, the sender, the tenant."""

import contextlib
import ssl
from pathlib import Path

import pytest

from dlp_gateway.mail.address import DomainSet
from dlp_gateway.smtp.admission import Admission, Tenant
from dlp_gateway.smtp.identity import Files, read
from dlp_gateway.smtp.listener import ListenerOptions, Security
from tests.certificates import DAY, Authority
from tests.smtp.peers import LOOPBACK, Client, Gateway, Listen, refused
from tests.waiting import until

MAIL = b"MAIL FROM:<alice@corp.example>\r\n"
CONTENT = b"From: alice@corp.example\r\nSubject: hello\r\n\r\ntext\r\n"
ASKING = Admission(certificate_names=("client.example",))
TENANT = Tenant(name="X-Corp-Gateway", values=(b"s" * 20,), exact=True, removed=True)


class Tls:
    """A server's context that asks for certificates of one CA, and clients with certificates of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = Authority()
        self._number = 0
        (folder / "ca.pem").write_bytes(self._authority.pem)
        certificate, key = self._authority.issue("localhost").write(folder)
        files = Files(certificate=certificate, key=key, asks=True, authorities=folder / "ca.pem")
        self.server = read(files).context()

    def client(self, *names: str, ends: int = 5, issuer: Authority | None = None) -> ssl.SSLContext:
        """Return a client's context; with names it has a certificate for them."""
        context = self._authority.client()
        context.check_hostname = False  # what is tested is the other side
        if names:
            self._number += 1
            pair = (issuer or self._authority).issue(*names, begins=-10 * DAY, ends=ends * DAY)
            context.load_cert_chain(*pair.write(self._folder, f"client{self._number}"))
        return context


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Make certificates."""
    return Tls(tmp_path_factory.mktemp("tls"))


async def secured(gateway: Gateway, context: ssl.SSLContext) -> Client:
    """Return a client that said STARTTLS and EHLO."""
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    assert (await client.say(b"STARTTLS\r\n")).startswith("220")
    await client.writer.start_tls(context, server_hostname="localhost")
    await client.say(b"EHLO client.example\r\n")
    return client


# --- TLS that is demanded ---------------------------------------------------------------------------------------------


async def test_no_mail_before_starttls_where_it_is_demanded(listen: Listen, tls: Tls) -> None:
    """530 to what could bring mail or tell something; what leads to TLS is obeyed (RFC 3207 4)."""
    gateway = await listen(security=Security.REQUIRED, tls_context=tls.server)
    client = await gateway.greeted()
    assert "250-STARTTLS" in await client.say(b"EHLO client.example\r\n")
    for command in (
        MAIL,
        b"RCPT TO:<b@example.org>\r\n",
        b"VRFY bob\r\n",
        b"AUTH PLAIN\r\n",
        b"RSET\r\n",
        b"HELP\r\n",
        b"DATA\r\n",
    ):
        assert await client.say(command) == "530 5.7.0 Must issue a STARTTLS command first"
    assert await client.say(b"NOOP\r\n") == "250 2.0.0 Ok"
    assert (await client.say(b"HELO client.example\r\n")).startswith("250 ")
    client = await secured(gateway, tls.client())
    await client.begin()
    assert await client.say(CONTENT + b".\r\n") == "250 2.0.0 taken"
    assert gateway.handler.taken[0][0].protocol == "ESMTPS"


@pytest.mark.parametrize("command", [b"DATA\r\n", b"BDAT 9 LAST\r\n"])
async def test_content_before_demanded_tls_is_no_commands(listen: Listen, tls: Tls, command: bytes) -> None:
    """DATA with content behind it ends the session; the octets of a chunk pass by."""
    gateway = await listen(security=Security.REQUIRED, tls_context=tls.server)
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    client.writer.write(command + b"NOOP\r\n.\r\n" + b"QUIT\r\n")
    heard = await client.all()
    assert heard[:3] == {b"DATA": "503", b"BDAT": "530"}[command[:4]]
    assert "250" not in heard


async def test_plain_text_and_tls_meet_where_the_other_is_meant(listen: Listen, tls: Tls) -> None:
    """A handshake on a port for STARTTLS is no SMTP; nothing is taken, and nobody hangs."""
    gateway = await listen(security=Security.STARTTLS, tls_context=tls.server)
    with pytest.raises((ssl.SSLError, OSError)):
        await gateway.client(tls.client())
    await until(lambda: gateway.door.sessions == 0)
    implicit = await listen(security=Security.IMPLICIT, tls_context=tls.server)
    client = await implicit.client()
    client.writer.write(b"EHLO client.example\r\n")
    assert "220" not in (await client.reader.read()).decode("latin-1")


def test_options_that_contradict_each_other_are_refused(tls: Tls) -> None:
    """A certificate cannot be shown in plain text."""
    with pytest.raises(ValueError, match="under TLS only"):
        ListenerOptions(hostname="gateway.example", networks=LOOPBACK, admission=ASKING)


# --- client certificates ----------------------------------------------------------------------------------------------


async def test_certificate_is_asked_for_where_it_lacks(listen: Listen, tls: Tls) -> None:
    """In plain text STARTTLS comes first; under TLS the reply says what is missing."""
    gateway = await listen(security=Security.STARTTLS, tls_context=tls.server, admission=ASKING)
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    assert await client.say(MAIL) == "530 5.7.0 Must issue a STARTTLS command first"
    before = refused("no-client-certificate")
    client = await secured(gateway, tls.client())
    assert await client.say(MAIL) == "530 5.7.0 A client certificate is needed here"
    assert await client.say(b"RCPT TO:<bob@example.org>\r\n") == "503 5.5.1 Say MAIL first"
    assert refused("no-client-certificate") == before + 1


@pytest.mark.parametrize("names", [("client.example",), ("other.example", "CLIENT.example"), ("*.example",)])
async def test_certificate_with_the_name_is_enough(listen: Listen, tls: Tls, names: tuple[str, ...]) -> None:
    """By STARTTLS; a wildcard needs two labels behind it, so *.example names nobody."""
    gateway = await listen(security=Security.REQUIRED, tls_context=tls.server, admission=ASKING)
    client = await secured(gateway, tls.client(*names))
    expected = (
        "550 5.7.1 Your certificate names no host that may send here" if "*" in names[0] else "250 2.1.0 Sender ok"
    )
    assert await client.say(MAIL) == expected


async def test_certificate_counts_under_implicit_tls_too(listen: Listen, tls: Tls) -> None:
    """The handshake is the loop's there."""
    gateway = await listen(security=Security.IMPLICIT, tls_context=tls.server, admission=ASKING)
    for context, expected in ((tls.client("client.example"), "250 2.1.0"), (tls.client(), "530 5.7.0")):
        client = await gateway.client(context)
        await client.hear()
        await client.say(b"EHLO client.example\r\n")
        assert (await client.say(MAIL)).startswith(expected)


async def test_certificate_that_cannot_be_verified_is_told_under_implicit_tls_too(listen: Listen, tls: Tls) -> None:
    """The session never begins, and is counted and logged all the same."""
    before = refused("client-certificate-unverified")
    gateway = await listen(security=Security.IMPLICIT, tls_context=tls.server, admission=ASKING)
    with contextlib.suppress(OSError):  # in TLS 1.3 the client ends its part first
        await gateway.client(tls.client("client.example", issuer=Authority("Somebody else")))
    await until(lambda: refused("client-certificate-unverified") == before + 1)


@pytest.mark.parametrize("kind", ["unknown", "expired"])
async def test_certificate_that_cannot_be_verified_ends_the_handshake(listen: Listen, tls: Tls, kind: str) -> None:
    """Of another authority, or out of its time: it is counted and logged, for no reply can tell the client."""
    before = refused("client-certificate-unverified")
    gateway = await listen(security=Security.REQUIRED, tls_context=tls.server, admission=ASKING)
    issuer, ends = (Authority("Somebody else"), 5) if kind == "unknown" else (None, -1)
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    await client.say(b"STARTTLS\r\n")
    assert await hears_nothing(client, tls.client("client.example", ends=ends, issuer=issuer))
    await until(lambda: refused("client-certificate-unverified") == before + 1)


async def hears_nothing(client: Client, context: ssl.SSLContext) -> bool:
    """Whether a handshake and an EHLO behind it lead nowhere: in TLS 1.3 the client ends its part first."""
    try:
        await client.writer.start_tls(context, server_hostname="localhost")
        return await client.say(b"EHLO client.example\r\n") == ""
    except OSError:  # ssl.SSLError too
        return True


# --- senders and tenants ----------------------------------------------------------------------------------------------


async def test_sender_outside_is_refused_and_the_session_goes_on(listen: Listen) -> None:
    """553 to MAIL; an inside sender may follow."""
    gateway = await listen(admission=Admission(inside=DomainSet(("corp.example",))))
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    assert await client.say(b"MAIL FROM:<eve@example.net>\r\n") == (
        "553 5.7.1 Only senders of this organisation may send here"
    )
    await client.begin()
    assert await client.say(CONTENT + b".\r\n") == "250 2.0.0 taken"


@pytest.mark.parametrize(
    ("author", "expected"), [(b"alice@corp.example", "250 2.0.0 taken"), (b"eve@example.net", "550")]
)
async def test_notice_is_judged_by_its_author(listen: Listen, author: bytes, expected: str) -> None:
    """An out-of-office reply leaves; somebody else's mail without sender does not."""
    gateway = await listen(admission=Admission(inside=DomainSet(("corp.example",))))
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    assert await client.say(b"MAIL FROM:<>\r\n") == "250 2.1.0 Sender ok"
    await client.say(b"RCPT TO:<bob@example.org>\r\n")
    await client.say(b"DATA\r\n")
    assert (await client.say(b"From: " + author + b"\r\n\r\ntext\r\n.\r\n")).startswith(expected)
    assert len(gateway.handler.taken) == (expected != "550")


@pytest.mark.parametrize("size", [10, 600_000], ids=["small", "large"])
async def test_secret_of_the_tenant_reaches_nobody(listen: Listen, size: int) -> None:
    """The handler gets the message without it, and a message without it is refused before the handler sees it."""
    gateway = await listen(admission=Admission(tenant=TENANT))
    client = await gateway.greeted()
    body = CONTENT + b"x" * size + b"\r\n"
    await client.begin()
    assert await client.say(b"X-Corp-Gateway: " + b"s" * 20 + b"\r\n" + body + b".\r\n") == "250 2.0.0 taken"
    assert [content for _, content in gateway.handler.taken] == [body]
    before = refused("tenant-missing")
    for forged in (b"", b"X-Corp-Gateway: guess\r\n", (b"X-Corp-Gateway: " + b"s" * 20 + b"\r\n") * 2):
        await client.begin()
        assert await client.say(forged + body + b".\r\n") == (
            "550 5.7.1 This is not mail of a tenant that may send here"
        )
    assert len(gateway.handler.taken) == 1
    assert refused("tenant-missing") == before + 1
