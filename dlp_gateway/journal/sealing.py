"""The journal's keys: entries are sealed with a key that only custody's private key can bring back."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from quarantine.crypto import MessageKey, Opener, PublicKey, Sealer

#: How long a process seals with one key.
LIFETIME: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalKey:
    """A key and the row by which a reader gets it back."""

    id: str
    made_at: datetime
    key: MessageKey = field(repr=False)
    row: dict[str, Any] = field(repr=False)


def fresh_key(sealer: Sealer, now: datetime) -> JournalKey:
    """Return a new key; its row must be committed before the first entry that is sealed with it."""
    name = secrets.token_hex(16)
    key, sealed = sealer.new_key(_context(name))
    row = {"id": name, "custody_key": sealer.public.id, "made_at": now, "sealed": sealed}
    return JournalKey(id=name, made_at=now, key=key, row=row)


def reopened(opener: Opener, name: str, sealed: bytes) -> MessageKey:
    """Return the key of a row; raises `DamagedError`."""
    return opener.key(_context(name), sealed)


def shared_key(public: PublicKey) -> MessageKey:
    """Return the key for what every receiver must read again within the hour: it comes from the secret they share."""
    return MessageKey(public.index("journal key", "unanswered"), "unanswered")


def _context(name: str) -> str:
    return f"journal key {name}"
