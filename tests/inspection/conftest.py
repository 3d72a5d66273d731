"""A plug-in that misbehaves as the subject of the mail tells it to, and envelopes and mails to feed it with."""

import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse

PLUGIN = '''
"""A detector for tests: does what the subject says."""

import os
import signal
import socket
import subprocess
import sys
import time

from dlp_gateway.detect.base import Finding


class Misbehaving:
    name = "misbehaving"
    kinds = frozenset({"misbehaving.seen"})

    def detect(self, material):
        subject = next((text.text for text in material.texts if text.where == "header:Subject"), "")
        order, _, argument = subject.partition(" ")
        if order == "hang":
            time.sleep(3600)
        if order == "spin":
            while True:
                pass
        if order == "eat":
            hoard = []
            while True:
                hoard.append(bytearray(10_000_000))
        if order == "raise":
            raise RuntimeError(subject)
        if order == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if order == "leave":
            sys.exit(argument)
        if order == "print":
            print(subject)
            print(subject, file=sys.stderr)
            os.write(1, subject.encode())
        if order == "undeclared":
            yield found("x", kind="misbehaving.other")
        if order == "flood":
            yield from (found(f"r{number}") for number in range(20_000))
        if order == "tell":
            yield found(argument)
        if order == "write":
            with open(argument, "w") as file:
                file.write("x" * 100_000)
        if order == "hear":  # opening a pipe waits for whoever opens its other end
            os.close(os.open(argument, os.O_RDONLY))
        if order == "speak":
            os.close(os.open(argument, os.O_WRONLY))
        if order == "connect":
            socket.socket()
        if order == "run":
            subprocess.run([sys.executable, "-c", ""])
        if order == "wait":
            time.sleep(float(argument))
        yield found("seen")


def found(rule, kind="misbehaving.seen"):
    return Finding(kind=kind, detector="misbehaving", rule=rule, count=1, score=1.0, where="header:Subject")
'''


@pytest.fixture
def misbehaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install the plug-in for this process and for workers; return the name of its entry point."""
    folder = tmp_path / "packages"
    information = folder / "misbehaving-1.dist-info"
    information.mkdir(parents=True)
    (folder / "misbehaving.py").write_text(textwrap.dedent(PLUGIN))
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[dlp_gateway.detectors]\nmisbehaving = misbehaving:Misbehaving\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return "misbehaving"


@pytest.fixture
def envelope() -> Envelope:
    """A plain transaction."""
    return Envelope(
        id="0123456789abcdefgh",
        reverse_path="ann@corp.example",
        recipients=("bob@a.example",),
        client="192.0.2.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime(2026, 11, 21, 22, 0, tzinfo=UTC),
    )


@pytest.fixture
def mail() -> Callable[..., Message]:
    """Make a mail with a subject and a body of a size."""

    def make(subject: str, *, size: int = 100) -> Message:
        body = b"Nothing to see in this line of the body.\r\n" * (size // 42 + 1)
        head = f"To: bob@a.example\r\nSubject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        return parse(head.encode() + body)

    return make
