"""A configuration, a custody with mail in it, and the command line as a user calls it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dlp_gateway import settings
from dlp_gateway.cli import main
from dlp_gateway.mail.edit import PruneRecipients, RemoveBcc, to_json
from dlp_gateway.processes import composition
from quarantine.model import CopyDeposit, Deposit, State

GATEWAY = """\
listeners: [{address: "127.0.0.1:2525", networks: [127.0.0.0/8]}]
smarthost: {host: 127.0.0.1, port: 2526, tls: none}
custody: {url: "sqlite:///custody.db", key_file: keys/custody.key}
admin: {address: "127.0.0.1:1"}
policy: policy.yaml
"""
POLICY = "version: 1\ninside: [corp.example]\n"

#: A subject and a recipient that would clear a terminal and set its title.
HOSTILE = "\x1b[2Joffer\x07\x1b]0;gone\x07\x9b31m"
MAIL = (
    b"From: Ann <ann@corp.example>\r\nTo: One <one@shop.example>, two@clinic.example\r\nBcc: boss@corp.example\r\n"
    b"Subject: " + HOSTILE.encode() + b"\r\n\r\nsecret text \x1b[2J\r\n"
)

Run = Callable[..., Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The ids of what lies in custody: two held mails for different reasons, and one that is due."""

    bulk: str
    licence: str
    due: str


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """gateway.yaml with a policy beside it."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "policy.yaml").write_text(POLICY)
    path = tmp_path / "gateway.yaml"
    path.write_text(GATEWAY)
    return path


@pytest.fixture
def run(config: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a function that calls `dlp-gateway` with arguments, in this process, in the folder of the configuration."""
    monkeypatch.chdir(config.parent)
    monkeypatch.delenv("DLP_GATEWAY_CONFIG", raising=False)

    def call(*arguments: object, stdin: bytes = b"") -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin, catch_exceptions=False)

    return call


def lines(result: Result) -> list[dict[str, Any]]:
    """Return the JSON objects that a command printed, one a line."""
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def kept(config: Path) -> Kept:
    """Put mail into custody."""
    kept = Kept(bulk="bulk-1", licence="licence-1", due="due-1")
    now = datetime.now(UTC)
    edits = to_json((RemoveBcc(), PruneRecipients(hidden=("one@shop.example",), to="ann@corp.example")))

    def deposit(name: str, reason: str, age: timedelta, state: State) -> Deposit:
        copy = CopyDeposit(
            reverse_path="ann@corp.example",
            recipients=("One@shop.example", "two@clinic.example"),
            edits=edits,
            options="{}",
            state=state,
            due_at=now + timedelta(hours=1),
        )
        return Deposit(
            id=name,
            content=MAIL,
            subject=HOSTILE,
            reverse_path="ann@corp.example",
            reasons=(reason,),
            group="",
            created_at=now - age,
            expires_at=now + timedelta(days=14),
            copies=(copy,),
        )

    async def fill() -> None:
        read = settings.load(config)
        key = await composition.prepared_custody(read)
        store = await composition.custody(read, key.public, key)
        await store.take(
            (
                deposit(kept.bulk, "bulk-visible", timedelta(days=3), State.HELD),
                deposit(kept.licence, "identity-documents.licence", timedelta(hours=1), State.HELD),
                deposit(kept.due, "deferred", timedelta(minutes=1), State.DUE),
            )
        )
        await store.close()

    asyncio.run(fill())
    return kept
