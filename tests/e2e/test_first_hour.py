"""An administrator's first hour: init, check, serve, send-test, doctor, with a real Postfix behind."""

import asyncio
import json
import os
import pty
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.e2e.conftest import Launch, require, run
from tests.e2e.dovecot import Dovecot
from tests.e2e.gateway import COMMAND, Gateway
from tests.e2e.next_mta import NextMta
from tests.e2e.postfix import Postfix, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ME: Final = "me@home.example"


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    """Give a Dovecot that answers who may log in."""
    require("dovecot")
    one = Dovecot({"ann": "made-up-word"})
    try:
        one.start()
        yield one
    finally:
        one.stop()


class Terminal:
    """A command on a terminal: waits for what it asks, and types the answer."""

    def __init__(self, *arguments: str) -> None:
        self._leader, follower = pty.openpty()
        environment = {**os.environ, "TERM": "dumb", "COLUMNS": "200", "NO_COLOR": "1"}
        self._process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=follower, stdout=follower, stderr=follower, env=environment
        )
        os.close(follower)
        os.set_blocking(self._leader, False)
        self.shown = ""
        self._read = 0

    def answer(self, question: str, words: str) -> None:
        """Wait for a question and answer it."""
        end = time.monotonic() + 60
        while (found := self.shown.find(question, self._read)) < 0:
            assert time.monotonic() < end, f"never asked {question!r}: {self.shown[self._read :]}"
            self._listen()
        self._read = found + len(question)
        os.write(self._leader, f"{words}\n".encode())

    def end(self) -> int:
        """Wait for the end and return the exit status."""
        while self._process.poll() is None:
            self._listen()
        self._listen()
        os.close(self._leader)
        return self._process.returncode

    def _listen(self) -> None:
        time.sleep(0.02)
        try:
            while chunk := os.read(self._leader, 65_536):
                self.shown += chunk.decode("utf-8", "replace").replace("\r\n", "\n")
        except (BlockingIOError, OSError):
            return


class Written(Gateway):
    """A gateway whose files `init` wrote."""

    def __init__(self, folder: Path, place: Path) -> None:
        super().__init__(folder, 1)
        self.config, self.policy = place / "gateway.yaml", place / "policy.yaml"
        settings: dict[str, Any] = yaml.safe_load(self.config.read_text())
        self.port = int(settings["listeners"][0]["address"].rpartition(":")[2])
        text = self.config.read_text().replace(
            '#admin: {address: "127.0.0.1:8025"}', f'admin: {{address: "127.0.0.1:{self.admin_port}"}}'
        )
        self.config.write_text(text.replace("# processes: {receivers: 2}", "processes: {receivers: 1}"))


def told(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    """Return the JSON lines of a command."""
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_from_nothing_to_a_tested_gateway(tmp_path: Path, next_postfix: Postfix) -> None:
    """The commands of docs/first-hour.md in their order: each ends with 0 and says what the next one needs."""
    place, port = tmp_path / "dlp", free_port()
    init = await run(
        *COMMAND,
        *("init", "--folder", str(place), "--inside", "corp.example", "--smarthost", f"127.0.0.1:{next_postfix.port}"),
        *("--listen", f"127.0.0.1:{port}", "--hostname", "gateway.corp.example", "--schema"),
    )
    assert init.returncode == 0, init.stderr
    gateway = Written(tmp_path / "run", place)
    checked = await gateway.run("check", "--live")
    assert checked.returncode == 0, checked.stdout
    assert b"ok: smarthost 127.0.0.1" in checked.stdout
    await gateway.start()
    try:
        ready = await gateway.run("healthcheck")
        assert b"nothing is held or changed" in ready.stdout
        assert gateway.events("observing")
        assert gateway.events("started")[0]["mode"] == "observe"
        assert await gateway.metric('dlp_policy_mode{mode="observe"}') == 1
        # Observed: everything arrives, as it was sent, and what would have been done is told.
        sent = await gateway.run("send-test", "--to", ME, "--json")
        assert sent.returncode == 0, sent.stdout
        outcomes = {one["rule"]: one for one in told(sent)}
        passed = [one for one in outcomes.values() if one["passed"]]
        assert {one["disposition"] for one in passed} == {"forward"}
        assert (outcomes["bulk-visible"]["would"], outcomes["payment.card"]["would"]) == ("rewrite", "hold")
        arrivals = await next_postfix.until(len(passed))
        assert {one.recipient for one in arrivals} == {ME}
        assert all(b"\r\nSubject: [DLP Gateway test] " in one.content for one in arrivals)
        assert any(re.search(rb"customer10@shop10-[0-9a-f]{8}\.example", one.content) for one in arrivals)
        # Enforced: the same samples are held or rewritten, and nothing is left behind for a reviewer.
        gateway.policy.write_text(gateway.policy.read_text().replace("mode: observe", "mode: enforce"))
        gateway.reload()
        assert (await gateway.event("reloaded"))[0]["mode"] == "enforce"
        await asyncio.sleep(0.5)
        sent = await gateway.run("send-test", "--to", ME)
        assert sent.returncode == 0, sent.stdout
        text = sent.stdout.decode()
        assert "hold, because of payment.card" in text
        assert "rewrite, because of bulk-visible" in text
        assert f"{ME} (forwarded) sees postmaster@corp.example" in text
        assert "samples came out as the policy says" in text
        held = told(await gateway.run("quarantine", "list", "--json", "--state", "held"))
        assert held == []
        discarded = told(await gateway.run("quarantine", "list", "--json", "--state", "discarded"))
        assert {one["recipients"][0]["address"] for one in discarded} == {ME}
        # And what support would ask for, without anybody's name.
        report = await gateway.run("doctor", "--json", "--log", str(gateway.errors))
        (doctor,) = told(report)
        assert doctor["gateway"]["ready"] is True
        assert doctor["gateway"]["metrics"]['dlp_messages_total{disposition="rewrite"}'] >= 1
        assert b"me@home" not in report.stdout
        assert b"postmaster@" not in report.stdout
    finally:
        await gateway.stop()


async def test_kept_samples_wait_for_a_reviewer(gateway: Launch, next_mta: NextMta) -> None:
    """With --keep a review can be tried; one rule alone may be shown."""
    running = await gateway(next_mta.port)
    sent = await running.run("send-test", "--to", ME, "--rule", "payment.card", "--keep", "--json")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert [one["rule"] for one in told(sent)] == ["", "payment.card"]
    (held,) = told(await running.run("quarantine", "list", "--json", "--state", "held"))
    assert held["id"] == told(sent)[1]["id"]
    assert held["subject"].startswith("[DLP Gateway test]")


async def test_a_gateway_that_did_not_read_its_policy_again_is_found_out(gateway: Launch, next_mta: NextMta) -> None:
    """The file says one thing, the gateway does another: exit 69 before anything is sent, with the remedy."""
    running = await gateway(next_mta.port)
    running.write_policy({"version": 1, "mode": "observe", "inside": ["corp.example"]})
    sent = await running.run("send-test", "--to", ME, "--rule", "payment.card")
    assert sent.returncode == 69
    assert b"has another policy in force than policy.yaml says. Reload it" in sent.stderr
    assert next_mta.transactions == []


async def test_a_named_rule_that_cannot_be_tried_is_no_success(gateway: Launch, next_mta: NextMta) -> None:
    """Whoever names a rule wants to see it: exit 1, and why there was no sample."""
    running = await gateway(next_mta.port)
    sent = await running.run("send-test", "--to", ME, "--rule", "reply-all")
    assert sent.returncode == 1
    assert b"not tried  reply-all: it needs an answer to 10 outsiders" in sent.stdout
    assert b"The sample came out as the policy says; 1 rule was not tried." in sent.stdout


async def test_samples_under_tls_with_a_login(gateway: Launch, next_mta: NextMta, tmp_path: Path) -> None:
    """The certificate need not be anybody's but the listener's own; a wrong password ends with 69 and the reply."""
    pair = tmp_path / "cert.pem", tmp_path / "key.pem"
    await run(
        *(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
        ),
        *("-subj", "/CN=gateway.corp.example", "-out", str(pair[0]), "-keyout", str(pair[1])),
    )
    port = free_port()
    listener = {
        "address": f"127.0.0.1:{port}",
        "tls": "starttls-required",
        "certificate": str(pair[0]),
        "key": str(pair[1]),
        "auth": "required",
    }
    users = tmp_path / "users"
    users.touch(mode=0o600)
    login = {"backend": "users", "users_file": str(users)}
    running = await gateway(next_mta.port, settings={"listeners": [listener], "login": login})
    words = "made-up-but-long"
    added = await running.run("users", "add", "ann", "--stdin", stdin=f"{words}\n".encode())
    assert added.returncode == 0, added.stderr
    (tmp_path / "password").write_text(f"{words}\n")
    arguments = ("send-test", "--to", ME, "--rule", "payment.card", "--login", "ann", "--password-file")
    sent = await running.run(*arguments, str(tmp_path / "password"))
    assert sent.returncode == 0, sent.stdout + sent.stderr
    (tmp_path / "password").write_text("wrong\n")
    refused = await running.run(*arguments, str(tmp_path / "password"))
    assert refused.returncode == 69
    assert b"The gateway refuses the login of ann: 535" in refused.stderr
    assert (await running.run("send-test", "--to", ME)).returncode == 2


def test_the_guided_init_asks_checks_and_writes(tmp_path: Path, next_postfix: Postfix) -> None:
    """On a terminal: a wrong answer is told and asked again, the smarthost is tried, both files come out right."""
    place = tmp_path / "dlp"
    terminal = Terminal("init", "--guided", "--folder", str(place))
    terminal.answer("Your own mail domains", "com")
    assert "public suffix" not in terminal.shown
    terminal.answer("This is a public suffix", "corp.example")
    terminal.answer("Are all subdomains of corp.example yours", "y")
    terminal.answer("Partners", "partner.example")
    terminal.answer("Number", "1")
    terminal.answer("Listen on", "127.0.0.1:2525")
    terminal.answer("The gateway's own full name", "gateway.corp.example")
    terminal.answer("Is there a certificate for it", "n")
    terminal.answer("Networks whose hosts may send", "10.0.0.1/8")
    terminal.answer("This is an address inside a network", "127.0.0.0/8")
    terminal.answer("The next mail server", f"127.0.0.1:{next_postfix.port}")
    terminal.answer("May I try", "y")
    terminal.answer("Login at it", "")
    terminal.answer("Reviewers", "rita@shop.example")
    terminal.answer("must have an address in one of your own domains", "rita@corp.example")
    assert terminal.end() == 0, terminal.shown
    assert re.search(r"  ok: It answers at 127\.0\.0\.1", terminal.shown)
    assert "NOTHING is held or changed" in terminal.shown
    assert "dlp-gateway check --live" in terminal.shown
    policy = yaml.safe_load((place / "policy.yaml").read_text())
    assert (policy["mode"], policy["inside"], policy["partners"]) == (
        "observe",
        ["corp.example", "*.corp.example"],
        ["partner.example"],
    )
    done = subprocess.run([*COMMAND, "check", "--config", place / "gateway.yaml"], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_guided_init_for_logins(tmp_path: Path) -> None:
    """TLS is not asked but demanded, the password goes into a file of its own, and users come next."""
    place, pem = tmp_path / "dlp", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", "/CN=gateway.corp.example", "-out", pem, "-keyout", tmp_path / "key.pem"),
        ],
        check=True,
        capture_output=True,
    )
    terminal = Terminal("init", "--guided", "--folder", str(place), "--inside", "corp.example")
    terminal.answer("Your own mail domains", "")
    terminal.answer("Are all subdomains", "n")
    terminal.answer("Partners", "")
    terminal.answer("Number", "4")
    terminal.answer("Listen on", "127.0.0.1:5870")
    terminal.answer("The gateway's own full name", "gateway.corp.example")
    terminal.answer("PEM file with the certificate", str(tmp_path / "nowhere.pem"))
    terminal.answer("Write it down all the same", "n")
    terminal.answer("PEM file with the certificate", str(pem))
    terminal.answer("PEM file with its key", str(tmp_path / "key.pem"))
    terminal.answer("Networks from which they may log in", "")
    terminal.answer("The next mail server", "mail.example.net:587")
    terminal.answer("May I try", "n")
    terminal.answer("Does it have TLS", "y")
    terminal.answer("Login at it", "relay")
    terminal.answer("Password of relay", "made-up-word")
    terminal.answer("Reviewers", "")
    assert terminal.end() == 0, terminal.shown
    assert "made-up-word" not in terminal.shown
    assert "dlp-gateway users add NAME" in terminal.shown
    settings = yaml.safe_load((place / "gateway.yaml").read_text())
    assert settings["listeners"][0]["auth"] == "required"
    assert settings["smarthost"]["tls"] == "required"
    assert "made-up-word" not in (place / "gateway.yaml").read_text()
    secret = place / settings["smarthost"]["password_file"]
    assert secret.read_text() == "made-up-word\n"
    assert secret.stat().st_mode & 0o007 == 0
    done = subprocess.run([*COMMAND, "check", "--config", place / "gateway.yaml"], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    assert b"Nobody can log in yet" in done.stdout


async def test_another_mail_server_in_our_place(tmp_path: Path, next_postfix: Postfix) -> None:
    """The usual conflict on port 25: a real Postfix listens there, and `check --live` says so by its greeting."""
    place = tmp_path / "dlp"
    await run(
        *COMMAND,
        *("init", "--folder", str(place), "--inside", "corp.example", "--smarthost", "mail.example.net"),
        *("--listen", f"127.0.0.1:{next_postfix.port}", "--hostname", "gateway.corp.example"),
    )
    done = await run(*COMMAND, "check", "--live", "--config", str(place / "gateway.yaml"))
    assert done.returncode == 69
    assert "Another mail server listens there and says: 220 mta.example ESMTP Postfix" in done.stdout


async def test_live_asks_who_knows_the_passwords(tmp_path: Path, next_postfix: Postfix, dovecot: Dovecot) -> None:
    """A real Dovecot answers about somebody who is nobody; when it is down, `check --live` says where to look."""
    pem, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    await run(
        *(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
        ),
        *("-subj", "/CN=gateway.corp.example", "-addext", "subjectAltName=DNS:gateway.corp.example"),
        *("-out", str(pem), "-keyout", str(key)),
    )
    listener = {
        "address": f"127.0.0.1:{free_port()}",
        "tls": "starttls-required",
        "certificate": str(pem),
        "key": str(key),
        "auth": "required",
    }
    login = {"backend": "dovecot", "dovecot": {"socket": str(dovecot.socket)}}
    gateway = Gateway(tmp_path / "run", next_postfix.port, settings={"listeners": [listener], "login": login})
    checked = await gateway.run("check", "--live")
    assert checked.returncode == 0, checked.stdout
    assert b"ok: login, dovecot: It answers." in checked.stdout
    await asyncio.to_thread(dovecot.halt)
    checked = await gateway.run("check", "--live")
    assert checked.returncode == 69
    assert b"problem: login, dovecot: It cannot be reached. Is it running" in checked.stdout
