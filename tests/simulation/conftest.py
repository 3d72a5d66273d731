"""Policies, mails in folders, and what both become."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from dlp_gateway import packs
from dlp_gateway.policy import load
from dlp_gateway.policy.model import Policy

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
OUTSIDERS = tuple(f"c{number}@shop{number}.example" for number in range(14))

Write = Callable[..., bytes]


def policy(text: str = "", *, inside: str = "corp.example") -> Policy:
    """Return a policy with all built-in packs, unless its text names others."""
    return load.parse(f"version: 1\ninside: [{inside}]\n{text}", "policy.yaml", builtin=packs.builtin())


def mail(
    *to: str,
    number: int = 0,
    sender: str = "ann@corp.example",
    answers: str = "",
    text: str = "Hello\n",
    fields: str = "",
) -> bytes:
    """Return a mail, `number` hours after Monday's first."""
    answered = f"In-Reply-To: <{answers}@corp.example>\n" if answers else ""
    date = format_datetime(MONDAY + timedelta(hours=number))
    return (
        f"{fields}From: {sender}\nTo: {', '.join(to)}\nDate: {date}\nMessage-ID: <m{number}@corp.example>\n{answered}"
        f"Subject: Offer\n\n{text}"
    ).encode()


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    """An empty Maildir."""
    for name in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    return tmp_path / "Maildir"
