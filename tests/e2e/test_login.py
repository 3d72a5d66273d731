"""Logging in, seen from outside: real mail clients, real back-ends, and what they and attackers do wrong."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Launch, Ran, require, run
from tests.e2e.dovecot import Dovecot
from tests.e2e.next_mta import NextMta
from tests.e2e.slapd import BASE, SEARCHER, Slapd
from tests.e2e.submission import SECRET, Submission, plain, submission

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

Send = Callable[..., Awaitable[Ran]]

ANN = "ann@corp.example"
MAIL = b"From: Ann <ann@corp.example>\r\nTo: bob@shop.example\r\nSubject: Hello\r\n\r\nHello Bob\r\n"
IMPATIENT = {"delay": "1ms", "longest_delay": "1ms"}


@pytest.fixture
def users(tmp_path: Path) -> dict[str, Any]:
    """Give a `login` section with a file of users, and no long waits."""
    return {"backend": "users", "users_file": str(tmp_path / "users"), "limits": IMPATIENT}


@pytest.fixture
async def submitting(gateway: Launch, next_mta: NextMta, tmp_path: Path, users: dict[str, Any]) -> Submission:
    """Give a gateway with Ann, who is bound to her address, and a scanner, which is not."""
    people = {ANN: (ANN,), "scanner": ()}
    return await submission(gateway, next_mta.port, tmp_path, users, users=people)


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    """Give a Dovecot that knows Ann."""
    require("dovecot")
    one = Dovecot({ANN: SECRET})
    try:
        one.start()
        yield one
    finally:
        one.stop()


@pytest.fixture
def slapd() -> Iterator[Slapd]:
    """Give a directory that knows Ann."""
    require("slapd")
    one = Slapd({"": SECRET[::-1], "ann": SECRET})
    try:
        one.start()
        yield one
    finally:
        one.stop()


# --- mail clients -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("way", ["--tls", "--tls-on-connect"])
async def test_swaks_sends(submitting: Submission, next_mta: NextMta, swaks: Send, mechanism: str, way: str) -> None:
    """With both mechanisms, after STARTTLS and under implicit TLS."""
    port = submitting.starttls if way == "--tls" else submitting.implicit
    login = ("--auth", mechanism, "--auth-user", ANN, "--auth-password", SECRET)
    done = await swaks(port, way, *login, "--from", ANN, "--to", "bob@shop.example", "--h-From", ANN)
    assert done.returncode == 0, done.stdout
    (transaction,) = await next_mta.until(1)
    assert re.match(rb"Received: by gateway\.corp\.example with ESMTPSA id ", transaction.content)
    assert transaction.mail.startswith("FROM:<ann@corp.example>")
    assert "AUTH=" not in transaction.mail


@pytest.mark.parametrize("mechanism", ["plain", "login"])
async def test_msmtp_sends(submitting: Submission, next_mta: NextMta, msmtp: Send, mechanism: str) -> None:
    """With the certificate checked against its authority."""
    options = (
        "--tls=on",
        "--tls-starttls=on",
        f"--tls-trust-file={submitting.identity.authority}",
        f"--auth={mechanism}",
        f"--user={ANN}",
        f"--passwordeval=echo {SECRET}",
    )
    mail = MAIL.replace(b"\r\n", b"\n").decode()
    done = await msmtp(submitting.starttls, mail, *options, f"--from={ANN}", "bob@shop.example")
    assert done.returncode == 0, done.stderr
    assert (await next_mta.until(1))[0].reverse_path == ANN


async def test_mutt_sends(submitting: Submission, next_mta: NextMta, tmp_path: Path) -> None:
    """Over smtps, as a person at a terminal."""
    program = require("mutt")
    settings = (
        f"set smtp_url=smtps://{ANN.replace('@', '%40')}@localhost:{submitting.implicit}/",
        f"set smtp_pass='{SECRET}'",
        f"set ssl_ca_certificates_file={submitting.identity.authority}",
        f"set certificate_file={tmp_path}/certificates",
        "set smtp_authenticators='plain'",
        f"set from={ANN}",
        "set use_envelope_from=yes",
        "set record=''",
        "set copy=no",
    )
    options = [word for one in settings for word in ("-e", one)]
    done = await run(program, "-n", "-F", "/dev/null", *options, "-s", "Hello", "--", "bob@shop.example", stdin="Hi\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (await next_mta.until(1))[0].reverse_path == ANN


async def test_openssl_speaks_it_by_hand(submitting: Submission) -> None:
    """`openssl s_client` shows the offer and the 235 after STARTTLS, and refuses what is not under TLS."""
    program = require("openssl")
    words = f"EHLO client.example\r\nAUTH LOGIN\r\n{plain(ANN, SECRET)}\r\n*\r\nAUTH PLAIN {plain(ANN, SECRET)}\r\n"
    command = (
        *(program, "s_client", "-quiet", "-crlf", "-starttls", "smtp", "-verify_return_error"),
        *("-CAfile", str(submitting.identity.authority), "-connect", f"localhost:{submitting.starttls}"),
    )
    dialog = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert dialog.stdin is not None
    assert dialog.stdout is not None
    heard = b""
    for line in words.replace("\r\n", "\n").splitlines(keepends=True):
        dialog.stdin.write(line.encode())
        heard += await _until_reply(dialog.stdout)
    dialog.stdin.write(b"QUIT\n")
    heard += await dialog.stdout.read()
    await dialog.wait()
    assert b"AUTH PLAIN LOGIN\r\n" in heard
    assert re.findall(rb"^\d{3} ", heard, re.MULTILINE)[-5:] == [b"334 ", b"334 ", b"501 ", b"235 ", b"221 "]


async def _until_reply(stream: asyncio.StreamReader) -> bytes:
    heard = b""
    while not re.search(rb"^\d{3} .*\r?\n\Z", heard, re.MULTILINE):
        heard += await asyncio.wait_for(stream.readline(), 20)
    return heard


async def test_smtplib_sends_where_a_rule_makes_an_exception(
    gateway: Launch, next_mta: NextMta, tmp_path: Path, users: dict[str, Any]
) -> None:
    """`unless: {login: …}` works end to end: what is held for others passes for the login that it names."""
    rule = {
        "id": "orders",
        "when": {"finding": "recipients.outsiders"},
        "unless": {"login": ["scanner"]},
        "then": "review",
    }
    policy = {"version": 1, "inside": ["corp.example"], "rules": [rule]}
    people = {ANN: (ANN,), "scanner": ()}
    running = await submission(gateway, next_mta.port, tmp_path, users, users=people, policy=policy)
    for name in (ANN, "Scanner"):
        client = await running.client()
        assert (await client.log_in(name, SECRET))[:9] == "235 2.7.0"
        assert (await client.mail(ANN, ("bob@shop.example",), MAIL))[-1][:3] == "250"
        await client.command("QUIT")
        client.close()
    await next_mta.until(1)
    assert len(next_mta.transactions) == 1
    assert b"with ESMTPSA" in next_mta.transactions[0].content
    shown = json.loads((await running.gateway.run("quarantine", "list", "--json")).stdout)
    assert (shown["state"], shown["reasons"]) == ("held", ["orders"])


# --- who may write as whom --------------------------------------------------------------------------------------------


async def test_a_login_writes_as_itself_only(submitting: Submission, next_mta: NextMta) -> None:
    """The reverse-path at MAIL, From and Sender after the content; receipts from the null reverse-path pass."""
    client = await submitting.client()
    assert (await client.command("MAIL FROM:<ann@corp.example>"))[:9] == "530 5.7.0"
    await client.log_in(ANN, SECRET)
    assert (await client.command("MAIL FROM:<boss@corp.example>"))[:9] == "553 5.7.1"
    for content, expected in (
        (MAIL.replace(b"ann@", b"boss@"), "550 5.7.1"),
        (MAIL.replace(b"From: ", b"From: boss@corp.example, "), "550 5.7.1"),
        (b"Sender: boss@corp.example\r\n" + MAIL, "550 5.7.1"),
        (b"From: boss@corp.example\r\n" + MAIL, "550 5.7.1"),
        (MAIL, "250 2.0.0"),
    ):
        assert (await client.mail("Ann+lists@corp.example", ("bob@shop.example",), content))[-1][:9] == expected
    assert (await client.mail("", ("bob@shop.example",), MAIL))[-1][:3] == "250"
    client.close()
    assert len(next_mta.transactions) == 2
    assert len(submitting.gateway.events("rejected")) == 4


# --- who may not log in -----------------------------------------------------------------------------------------------


async def test_bad_exchanges_are_answered_and_the_session_goes_on(submitting: Submission) -> None:
    """Bad base64, cancelled, unknown, too long, in a transaction, before EHLO: a code each."""
    client = await submitting.client()
    for line, expected in (
        ("AUTH", "501 5.5.4"),
        ("AUTH CRAM-MD5", "504 5.5.4"),
        ("AUTH PLAIN !!!", "501 5.5.2"),
        ("AUTH PLAIN =", "535 5.7.8"),
        ("AUTH PLAIN " + "A" * 20_000, "500 5.5.6"),
        (f"AUTH plain {plain(ANN, SECRET, 'boss')}", "535 5.7.8"),
        (f"AUTH PLAIN {plain(ANN, '')}", "535 5.7.8"),
    ):
        assert (await client.command(line))[:9] == expected, line[:20]
    for response, expected in (("*", "501 5.7.0"), ("é", "501 5.5.2"), ("B" * 12_292, "500 5.5.6")):
        assert (await client.command("AUTH LOGIN"))[:4] == "334 "
        assert (await client.command(response))[:9] == expected
    assert (await client.log_in(ANN, SECRET))[:9] == "235 2.7.0"
    assert (await client.log_in(ANN, SECRET))[:9] == "503 5.5.1"
    client.close()


async def test_wrong_passwords_are_counted_across_receivers_and_then_cut_off(
    gateway: Launch, next_mta: NextMta, tmp_path: Path, users: dict[str, Any]
) -> None:
    """Sessions that try in two processes share one count; nothing tells whose name it was; a success is no reset."""
    users["limits"] = IMPATIENT | {"failures": 6, "cut_off": "1m"}
    running = await submission(gateway, next_mta.port, tmp_path, users, users={ANN: (ANN,)}, receivers=2)
    heard = []
    for number in range(12):
        client = await running.client()
        heard.append((await client.log_in(f"guess{number}" if number % 2 else ANN, f"{number} wrong"))[:9])
        client.close()
    assert heard == ["535 5.7.8"] * 6 + ["421 4.7.0"] * 6
    client = await running.client()
    assert (await client.log_in(ANN, SECRET))[:9] == "421 4.7.0"
    client.close()
    failed = running.gateway.events("login_failed")
    assert [event["failures"] for event in failed] == [1, 2, 3, 4, 5, 6]
    assert len(running.gateway.events("login_cut_off")) == 1
    assert await running.gateway.metric('dlp_logins_total{result="failed"}') == 6
    assert await running.gateway.metric('dlp_logins_total{result="cut-off"}') == 7
    assert "guess1" not in running.gateway.errors.read_text()
    assert ANN not in running.gateway.errors.read_text()
    assert b"guess1" not in b"".join(path.read_bytes() for path in running.gateway.folder.glob("custody.db*"))


async def test_sessions_at_once_have_no_more_tries_than_one_after_another(
    gateway: Launch, next_mta: NextMta, tmp_path: Path, users: dict[str, Any]
) -> None:
    """Sixty that guess in the same moment, in two processes with several passwords at a time: twenty are told."""
    running = await submission(gateway, next_mta.port, tmp_path, users, users={ANN: (ANN,)}, receivers=2)
    clients = await asyncio.gather(*(running.client() for _ in range(60)))
    heard = await asyncio.gather(*(one.log_in(ANN, f"{number} wrong") for number, one in enumerate(clients)))
    for client in clients:
        client.close()
    assert sorted(reply[:9] for reply in heard) == ["421 4.7.0"] * 40 + ["535 5.7.8"] * 20
    client = await running.client()
    assert (await client.log_in(ANN, SECRET))[:9] == "421 4.7.0"
    client.close()
    assert await running.gateway.metric('dlp_logins_total{result="failed"}') == 20
    assert len(running.gateway.events("login_cut_off")) == 1


async def test_the_same_old_password_is_one_failure(submitting: Submission) -> None:
    """A telephone that asks for ever with an old password does not cut its whole office off."""
    for _ in range(25):
        client = await submitting.client()
        assert (await client.log_in(ANN, "the old one"))[:9] == "535 5.7.8"
        client.close()
    client = await submitting.client()
    assert (await client.log_in(ANN, SECRET))[:9] == "235 2.7.0"
    client.close()


# --- back-ends that fail ----------------------------------------------------------------------------------------------


async def test_a_users_file_that_breaks_leaves_the_old_users_in_force(submitting: Submission, tmp_path: Path) -> None:
    """Deleted or broken while it runs: the log says so, and who could log in still can; mended, it is read."""
    file = tmp_path / "users"
    good = file.read_bytes()

    async def answer(name: str = ANN) -> str:
        client = await submitting.client()
        reply = await client.log_in(name, SECRET)
        client.close()
        return reply[:9]

    assert await answer() == "235 2.7.0"
    file.write_bytes(good + b"bob not-a-hash\n")
    assert await answer() == "235 2.7.0"
    (event,) = await submitting.gateway.event("users_refused")
    assert event["problems"] == [
        f"{file}:3:5: This is no Argon2id hash, or a far too dear one; `dlp-gateway users passwd` makes a new one."
    ]
    file.unlink()
    assert await answer() == "235 2.7.0"
    await submitting.gateway.event("users_refused", 2)
    file.write_bytes(good.replace(b"scanner", b"printer"))
    file.chmod(0o600)
    assert [await answer("printer"), await answer("scanner")] == ["235 2.7.0", "535 5.7.8"]
    removed = await submitting.gateway.run("users", "remove", "printer")
    assert removed.returncode == 0, removed.stderr
    assert await answer("printer") == "535 5.7.8"
    assert [event["users"] for event in submitting.gateway.events("users_read")] == [2, 2, 1]


async def test_a_users_file_that_is_missing_stops_the_start(
    gateway: Launch, next_mta: NextMta, tmp_path: Path, users: dict[str, Any]
) -> None:
    """Exit 78 and what to do, not a gateway in which nobody can log in."""
    with pytest.raises(RuntimeError, match=r"status 78: .*users: There is no such file; `dlp-gateway users add NAME`"):
        await submission(gateway, next_mta.port, tmp_path, users)


async def test_a_reload_takes_up_the_section_or_leaves_the_old_one(submitting: Submission, tmp_path: Path) -> None:
    """A users' file that cannot be used refuses the reload, and logins go on; other limits are in force after one."""
    running = submitting.gateway
    text = running.config.read_text()
    running.config.write_text(text.replace(str(tmp_path / "users"), str(tmp_path / "nobody")))
    running.reload()
    (event,) = await running.event("reload_refused")
    assert event["problems"] == [f"{tmp_path}/nobody: There is no such file; `dlp-gateway users add NAME` makes it."]
    client = await submitting.client()
    assert (await client.log_in(ANN, SECRET))[:9] == "235 2.7.0"
    client.close()
    running.config.write_text(text.replace("longest_delay", "failures: 3\n    longest_delay"))
    running.reload()
    await running.event("stopped")  # the receiver of before, which accepts until it is told
    heard = []
    for number in range(4):
        client = await submitting.client()
        heard.append((await client.log_in(ANN, f"wrong {number}"))[:3])
        client.close()
    assert heard == ["535", "535", "535", "421"]


@pytest.mark.parametrize("way", ["socket", "address"])
async def test_dovecot_is_asked(gateway: Launch, next_mta: NextMta, tmp_path: Path, dovecot: Dovecot, way: str) -> None:
    """Over its socket and TCP: right, wrong, stopped in the midst (454), and back again without a restart of ours."""
    place = {"socket": str(dovecot.socket)} if way == "socket" else {"address": f"127.0.0.1:{dovecot.port}"}
    login = {"backend": "dovecot", "dovecot": place | {"own_address": True}, "limits": IMPATIENT}
    running = await submission(gateway, next_mta.port, tmp_path, login)

    async def answer(secret: str = SECRET) -> str:
        client = await running.client()
        reply = await client.log_in(ANN, secret)
        if reply.startswith("235"):
            assert (await client.command("MAIL FROM:<boss@corp.example>"))[:9] == "553 5.7.1"
            assert (await client.command(f"MAIL FROM:<{ANN}>"))[:3] == "250"
        client.close()
        return reply[:9]

    assert [await answer(), await answer("wrong"), await answer()] == ["235 2.7.0", "535 5.7.8", "235 2.7.0"]
    dovecot.halt()
    assert [await answer(), await answer("wrong")] == ["454 4.7.0", "454 4.7.0"]
    dovecot.start()
    assert await answer() == "235 2.7.0"
    assert len(running.gateway.events("login_unavailable")) == 1
    assert len(running.gateway.events("login_available")) == 1
    assert len(running.gateway.events("login_failed")) == 1


async def test_a_directory_is_asked(gateway: Launch, next_mta: NextMta, tmp_path: Path, slapd: Slapd) -> None:
    """Search and bind under StartTLS: right, wrong, injected, empty; down is 454; then back again."""
    secret = tmp_path / "searcher"
    secret.write_text(SECRET[::-1])
    directory = {
        "url": slapd.url,
        "ca_file": str(slapd.tls.authority),
        "base": BASE,
        "bind_dn": SEARCHER,
        "bind_password_file": str(secret),
        "addresses": ["mail"],
        "timeout": "5s",
    }
    running = await submission(
        gateway, next_mta.port, tmp_path, {"backend": "ldap", "ldap": directory, "limits": IMPATIENT}
    )

    async def answer(name: str, secret: str = SECRET) -> str:
        client = await running.client()
        reply = await client.log_in(name, secret)
        if reply.startswith("235"):
            assert (await client.command("MAIL FROM:<boss@corp.example>"))[:9] == "553 5.7.1"
            assert (await client.mail(ANN, ("bob@shop.example",), MAIL))[-1][:3] == "250"
        client.close()
        return reply[:9]

    assert await answer("ann") == "235 2.7.0"
    for name, word in (
        ("ann", "wrong"),
        ("*", SECRET),
        ("ann)(uid=*", SECRET),
        ("a*", SECRET),
        ("ann", ""),
        ("no", ""),
    ):
        assert await answer(name, word) == "535 5.7.8", name
    slapd.halt()
    assert [await answer("ann"), await answer("ann", "wrong")] == ["454 4.7.0", "454 4.7.0"]
    slapd.start()
    assert await answer("ann") == "235 2.7.0"
    assert await running.gateway.metric('dlp_logins_total{result="unavailable"}') == 2


async def test_a_directory_with_another_certificate_is_not_told_passwords(
    gateway: Launch, next_mta: NextMta, tmp_path: Path, slapd: Slapd
) -> None:
    """Whoever is not who the authority says is not bound to: 454, and the log says why."""
    directory = {"url": slapd.secure_url, "user": "uid={name},ou=people," + BASE, "timeout": "5s"}
    running = await submission(gateway, next_mta.port, tmp_path, {"backend": "ldap", "ldap": directory})
    client = await running.client()
    assert (await client.log_in("ann", SECRET))[:9] == "454 4.7.0"
    client.close()
    (event,) = await running.gateway.event("login_unavailable")
    assert event["why"] == "tls"
