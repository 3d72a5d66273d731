"""TLS as clients see it, certificates that are renewed under a running gateway, and listeners for shared senders."""

import asyncio
import os
import signal
import smtplib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import DAY, Authority, replaced
from tests.e2e.conftest import Launch, Ran, require, run
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta
from tests.e2e.postfix import Postfix, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

Send = Callable[..., Awaitable[Ran]]
MAIL = "From: ada@corp.example\nTo: bob@shop.example\nSubject: Hello\n\nHello Bob\n"
ENDS = ("--from", "ada@corp.example", "--to", "bob@shop.example")


class Secured:
    """A gateway with a listener for each `tls`, their ports in the same order, and the CA of its certificate."""

    def __init__(self, folder: Path, *kinds: str, receivers: int = 1, **more: Any) -> None:  # noqa: ANN401  settings
        self.authority, self.folder = Authority(), folder
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(self.authority.pem)
        self.pair = self.authority.issue("localhost")
        self.certificate, self.key = self.pair.write(folder)
        self.ports = [free_port() for _ in kinds]
        self.settings = {
            "listeners": [
                {
                    "address": f"127.0.0.1:{port}",
                    "tls": kind,
                    "certificate": str(self.certificate),
                    "key": str(self.key),
                    "networks": ["127.0.0.0/8"],
                    **more,
                }
                for port, kind in zip(self.ports, kinds, strict=True)
            ],
            "processes": {"receivers": receivers},
        }

    def client(self, *names: str) -> tuple[str, str]:
        """Return the files of a client's certificate and key."""
        certificate, key = self.authority.issue(*names).write(self.folder, names[0])
        return str(certificate), str(key)


async def s_client(port: int, *arguments: str, stdin: str = "QUIT\r\n") -> Ran:
    """Run openssl s_client."""
    return await run(require("openssl"), "s_client", "-connect", f"localhost:{port}", *arguments, stdin=stdin)


async def serial(port: int, *arguments: str) -> str:
    """Return the serial number of the certificate that openssl s_client is shown."""
    done = await s_client(port, *arguments)
    text = (await run("openssl", "x509", "-noout", "-serial", stdin=done.stdout)).stdout
    return text.strip().removeprefix("serial=").zfill(40)


# --- clients ----------------------------------------------------------------------------------------------------------


async def test_openssl_finds_tls_as_it_should_be(gateway: Launch, next_mta: NextMta, tmp_path: Path) -> None:
    """A verified certificate, TLS 1.2 and 1.3 and nothing older, no compression, no renegotiation; on both ports."""
    secured = Secured(tmp_path, "implicit", "starttls-required")
    await gateway(next_mta.port, settings=secured.settings)
    verified = ("-CAfile", str(secured.ca), "-verify_return_error", "-verify_hostname", "localhost")
    for port, way in zip(secured.ports, ((), ("-starttls", "smtp")), strict=True):
        for version, name in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            done = await s_client(port, *way, *verified, version)
            assert "Verify return code: 0 (ok)" in done.stdout
            assert f"New, {name}" in done.stdout
            assert "Compression: NONE" in done.stdout
        old = await s_client(port, *way, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        assert old.returncode != 0
        again = await s_client(port, *way, "-tls1_2", stdin="R\nNOOP\r\n")
        assert "no renegotiation" in again.stderr


async def test_mail_clients_send_under_tls(
    gateway: Launch, next_mta: NextMta, tmp_path: Path, swaks: Send, msmtp: Send
) -> None:
    """swaks, msmtp and mutt, on 465 and on 587; in plain text swaks is told to say STARTTLS."""
    secured = Secured(tmp_path, "implicit", "starttls-required")
    await gateway(next_mta.port, settings=secured.settings)
    implicit, required = secured.ports
    trusted = ("--tls-verify", "--tls-ca-path", str(secured.ca))
    assert (
        await swaks(implicit, *ENDS, "--server", f"localhost:{implicit}", "--tls-on-connect", *trusted)
    ).returncode == 0
    assert (await swaks(required, *ENDS, "--server", f"localhost:{required}", "--tls", *trusted)).returncode == 0
    plain = await swaks(required, *ENDS)
    assert "530 5.7.0 Must issue a STARTTLS command first" in plain.stdout
    for port, starttls in ((implicit, "off"), (required, "on")):
        options = ("--host=localhost", "--tls=on", f"--tls-starttls={starttls}", f"--tls-trust-file={secured.ca}")
        done = await msmtp(port, MAIL, *options, "--from=ada@corp.example", "bob@shop.example")
        assert done.returncode == 0, done.stderr
    for port, scheme in ((implicit, "smtps"), (required, "smtp")):
        done = await mutt(port, scheme, secured.ca)
        assert done.returncode == 0, done.stderr
    received = await next_mta.until(6)
    assert [one.content.count(b" with ESMTPS ") for one in received] == [1] * 6


async def mutt(port: int, scheme: str, authority: Path) -> Ran:
    """Have mutt send a mail, TLS demanded and the certificate verified."""
    settings = {
        "smtp_url": f"{scheme}://localhost:{port}/",
        "ssl_force_tls": "yes",
        "ssl_starttls": "yes",
        "certificate_file": str(authority),
        "from": "ada@corp.example",
        "envelope_from_address": "ada@corp.example",
        "use_envelope_from": "yes",
        "copy": "no",
        "record": "",
    }
    commands = [word for name, value in settings.items() for word in ("-e", f'set {name}="{value}"')]
    return await run(
        require("mutt"), "-n", "-F", "/dev/null", *commands, "-s", "Hello", "--", "bob@shop.example", stdin="Hello\n"
    )


# --- renewed certificates ---------------------------------------------------------------------------------------------


async def test_certificate_is_renewed_while_sessions_go_on(gateway: Launch, next_mta: NextMta, tmp_path: Path) -> None:
    """Both ways of TLS and every receiver show the new one, and an open session sends its mail."""
    secured = Secured(tmp_path, "implicit", "starttls", receivers=2)
    running = await gateway(next_mta.port, settings=secured.settings)
    implicit, starttls = secured.ports
    trusting = secured.authority.client()
    open_before = await asyncio.to_thread(
        smtplib.SMTP_SSL, "localhost", implicit, "client.corp.example", timeout=30, context=trusting
    )
    assert await serial(implicit) == await serial(starttls, "-starttls", "smtp") == secured.pair.serial
    renewed = secured.authority.issue("localhost")
    replaced(secured.certificate, renewed.certificate)
    await asyncio.sleep(0.3)  # as between the two files that certbot replaces
    replaced(secured.key, renewed.key)
    told = await running.event("certificate_reloaded", 2)
    assert {event["listener"] for event in told} == {f"127.0.0.1:{port}" for port in secured.ports}
    assert running.events("certificate_refused") == []
    await everywhere(implicit, renewed.serial)
    await everywhere(starttls, renewed.serial, "-starttls", "smtp")
    await asyncio.to_thread(open_before.sendmail, "ada@corp.example", ["bob@shop.example"], MAIL)
    await asyncio.to_thread(open_before.quit)
    assert len(await next_mta.until(1)) == 1
    for port in secured.ports:
        assert await running.metric(f'dlp_certificate_current{{listener="127.0.0.1:{port}"}}') == 1
        expires = await running.metric(f'dlp_certificate_expiry_seconds{{listener="127.0.0.1:{port}"}}')
        assert datetime.fromtimestamp(expires, UTC).isoformat() == told[0]["not_after"]


async def everywhere(port: int, expected: str, *arguments: str) -> None:
    """Wait until every one of several connections in a row, to whichever receiver, is shown a certificate."""
    async with asyncio.timeout(30):
        row = 0
        while row < 6:
            row = row + 1 if await serial(port, *arguments) == expected else 0


async def test_bad_pair_stops_nothing(gateway: Launch, next_mta: NextMta, tmp_path: Path) -> None:
    """It is told and refused, a reload too; the old one goes on, even in a receiver that replaces a dead one."""
    secured = Secured(tmp_path, "implicit")
    running = await gateway(next_mta.port, settings=secured.settings)
    (port,) = secured.ports
    good, other = secured.pair, secured.authority.issue("localhost")
    replaced(secured.key, other.key)
    (told,) = await running.event("certificate_refused")
    assert told["problems"] == [
        f"{secured.certificate}: The key in server.key does not belong to this certificate; name the one that does."
    ]
    assert await serial(port) == good.serial
    assert await running.metric(f'dlp_certificate_current{{listener="127.0.0.1:{port}"}}') == 0
    receiver = next(pid for pid, command in running.processes().items() if "dlp-gateway: receiver" in command)
    os.kill(receiver, signal.SIGKILL)
    await running.event("receiver_restarted", seconds=60)
    assert await serial(port) == good.serial
    running.reload()
    (refused,) = await running.event("reload_refused")
    assert refused["problems"] == told["problems"]
    replaced(secured.certificate, other.certificate)
    await running.event("certificate_reloaded")
    await everywhere(port, other.serial)
    assert await running.metric(f'dlp_certificate_current{{listener="127.0.0.1:{port}"}}') == 1
    good.write(tmp_path)
    running.reload()  # a reload takes a new one up too, by new receivers
    await running.event("reloaded")
    await everywhere(port, good.serial)


@pytest.mark.parametrize(
    ("begins", "ends", "why"), [(-9, -1, "expired"), (1, 9, "not-yet-valid"), (-80, 3, "expires-soon")]
)
async def test_certificate_out_of_its_time_is_used_and_told(
    gateway: Launch, next_mta: NextMta, tmp_path: Path, swaks: Send, begins: int, ends: int, why: str
) -> None:
    """Mail flows for clients that do not mind, and the log says what clients will say."""
    secured = Secured(tmp_path, "starttls-required")
    secured.authority.issue("localhost", begins=begins * DAY, ends=ends * DAY).write(tmp_path)
    running = await gateway(next_mta.port, settings=secured.settings)
    (told,) = await running.event("certificate_validity")
    assert (told["why"], told["level"]) == (why, "warning")
    assert (await swaks(secured.ports[0], *ENDS, "--tls")).returncode == 0
    checked = await s_client(secured.ports[0], "-starttls", "smtp", "-CAfile", str(secured.ca), "-verify_return_error")
    assert (checked.returncode == 0) is (why == "expires-soon")
    await next_mta.until(1)


async def test_unusable_certificate_refuses_to_start(tmp_path: Path) -> None:
    """Exit 78 and a sentence; the key is not quoted."""
    secured = Secured(tmp_path, "implicit")
    replaced(secured.key, secured.authority.issue("localhost").key)
    made = Gateway(tmp_path / "gateway", 25, settings=secured.settings)
    done = await made.run("serve")
    assert done.returncode == 78
    assert b"does not belong to this certificate; name the one that does." in done.stderr
    assert b"Traceback" not in done.stderr


# --- shared senders ---------------------------------------------------------------------------------------------------

SECRET = "s3" * 12


def shared(folder: Path) -> Secured:
    """Return a listener as for a mail service: a certificate, a secret in the header, inside senders."""
    (folder / "secret").write_text(f"{SECRET}\n")
    return Secured(
        folder,
        "starttls-required",
        client_certificate={"names": ["mail.service.example"], "ca_file": str(folder / "ca.pem")},
        tenant_header={"name": "X-Corp-Gateway", "value_file": str(folder / "secret")},
        reverse_path="inside",
    )


async def test_shared_sender_shows_all_that_is_asked(
    gateway: Launch, next_mta: NextMta, tmp_path: Path, swaks: Send
) -> None:
    """With and without each of the conditions; what leaves has no trace of the secret, nor has the log."""
    secured = shared(tmp_path)
    running = await gateway(next_mta.port, settings=secured.settings)
    (port,) = secured.ports
    header = ("--header", f"X-Corp-Gateway: {SECRET}")

    def shown(*names: str) -> tuple[str, ...]:
        certificate, key = secured.client(*names)
        return "--tls", "--tls-cert", certificate, "--tls-key", key

    service, other = shown("mail.service.example"), shown("other.example")
    good = await swaks(port, *ENDS, *service, *header)
    assert good.returncode == 0, good.stdout
    for arguments, reply in (
        ((*ENDS, *header), "530 5.7.0 Must issue a STARTTLS command first"),
        ((*ENDS, *header, "--tls"), "530 5.7.0 A client certificate is needed here"),
        ((*ENDS, *header, *other), "550 5.7.1 Your certificate names no host that may send here"),
        ((*ENDS, *service), "550 5.7.1 This is not mail of a tenant that may send here"),
        ((*ENDS, *service, *header, "--header", "X-CORP-GATEWAY: x"), "550 5.7.1 This is not mail of a tenant"),
        (("--from", "eve@example.net", *ENDS[2:], *service, *header), "553 5.7.1 Only senders of this organisation"),
        (("--from", "<>", *ENDS[2:], "--h-From", "eve@example.net", *service, *header), "550 5.7.1 A notice needs"),
    ):
        refused = await swaks(port, *arguments)
        assert reply in refused.stdout
    notice = await swaks(port, "--from", "<>", *ENDS[2:], "--h-From", "ada@corp.example", *service, *header)
    assert notice.returncode == 0, notice.stdout
    received = await next_mta.until(2)
    assert len(received) == 2
    assert not any(SECRET.encode() in one.content or b"X-Corp-Gateway" in one.content for one in received)
    assert SECRET not in running.errors.read_text()
    reasons = {event["why"] for event in running.events("session_refused")}
    assert reasons == {
        *("plain-text", "no-client-certificate", "client-certificate"),
        *("tenant-missing", "tenant-twice", "sender-outside", "author-outside"),
    }


async def test_postfix_with_a_client_certificate_relays(
    gateway: Launch, next_mta: NextMta, tmp_path: Path, front_postfix: Callable[..., Postfix], swaks: Send
) -> None:
    """Our own MTA in front shows its certificate (smtp_tls_cert_file) and adds the header."""
    secured = shared(tmp_path)
    await gateway(next_mta.port, settings=secured.settings)
    certificate, key = secured.client("mail.service.example")
    (tmp_path / "checks").write_text(f"/^Subject:/ PREPEND X-Corp-Gateway: {SECRET}\n")
    postfix = front_postfix(
        secured.ports[0],
        smtp_tls_security_level="verify",
        smtp_tls_verify_cert_match="localhost",
        smtp_tls_CAfile=str(secured.ca),
        smtp_tls_cert_file=certificate,
        smtp_tls_key_file=key,
        smtp_header_checks=f"regexp:{tmp_path / 'checks'}",
    )
    assert (await swaks(postfix.port, *ENDS)).returncode == 0
    (received,) = await next_mta.until(1)
    assert received.recipients == ("bob@shop.example",)
    assert b"X-Corp-Gateway" not in received.content


async def test_openssl_without_a_valid_client_certificate_is_let_in_no_further(
    gateway: Launch, next_mta: NextMta, tmp_path: Path
) -> None:
    """Without one it may speak SMTP; with one of another CA the handshake fails, and the log says why."""
    secured = shared(tmp_path)
    running = await gateway(next_mta.port, settings=secured.settings)
    dialogue = "EHLO client.example\r\nMAIL FROM:<ada@corp.example>\r\nQUIT\r\n"
    way = ("-starttls", "smtp", "-quiet")
    none = await s_client(secured.ports[0], *way, stdin=dialogue)
    assert "530 5.7.0 A client certificate is needed here" in none.stdout
    certificate, key = Authority("Somebody else").issue("mail.service.example").write(tmp_path, "forged")
    forged = await s_client(secured.ports[0], *way, "-cert", str(certificate), "-key", str(key), stdin=dialogue)
    assert forged.returncode != 0  # 1, or what the reset of the connection leaves
    assert forged.stdout == ""
    refused = await running.event("session_refused", 2)
    (told,) = [one for one in refused if one["why"] == "client-certificate-unverified"]
    assert told["client"] == "127.0.0.1"
