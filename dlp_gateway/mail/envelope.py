"""The envelope: what MAIL and RCPT said (RFC 5321 2.3.1), never what the header says."""

import secrets
import time
from dataclasses import dataclass
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread over the telephone


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One mail transaction.

    `id` is ours (see `new_id`). `reverse_path` is "" for the null reverse-path (RFC 5321 4.5.5). `recipients` are the
    forward-paths in the order given, without duplicates. `client` is the peer's IP address, `login` the authenticated
    name or "". `bound_to` are the addresses and domains that this login may write as, None for any (see `mail.author`).
    `protocol` is how the mail came, as `with` in a trace field names it (RFC 3848). `received_at` is aware
    and in UTC.
    """

    id: str
    reverse_path: str
    recipients: tuple[str, ...]
    client: str
    login: str
    body_8bit: bool
    smtputf8: bool
    received_at: datetime
    protocol: str = "ESMTP"
    bound_to: tuple[str, ...] | None = None


def new_id() -> str:
    """Return a new id of 18 characters `[0-9a-z]`, sortable by time (48 bits of milliseconds, 42 of chance)."""
    number = (time.time_ns() // 1_000_000) << 42 | secrets.randbits(42)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(85, -1, -5))
