"""The envelope: what MAIL and RCPT said (RFC 5321 2.3.1), never what the header says."""

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Flag, StrEnum, auto
from functools import reduce
from operator import or_
from typing import Final

from dlp_gateway.mail import xtext

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread over the telephone
_PAIRS: Final = tuple(high + low for high in _ALPHABET for low in _ALPHABET)


class Ret(StrEnum):
    """How much of the mail a DSN about a failure shall return (RFC 3461 4.3)."""

    FULL = "FULL"
    HDRS = "HDRS"


class Notify(Flag):
    """When the author of a mail wants a DSN about a recipient (RFC 3461 4.1)."""

    NEVER = 0
    SUCCESS = auto()
    FAILURE = auto()
    DELAY = auto()

    @classmethod
    def read(cls, text: str) -> "Notify | None":
        """Read NOTIFY's value: NEVER, or some of the others with a comma between; None if malformed."""
        if text.upper() == "NEVER":
            return cls.NEVER
        words = text.upper().split(",")
        if len(set(words)) < len(words) or not set(words) <= {flag.name for flag in cls}:
            return None
        return reduce(or_, (cls[word] for word in words))

    def __str__(self) -> str:
        return ",".join(flag.name or "" for flag in self) or "NEVER"


#: What an author hears of who asked for nothing (RFC 3461 5.2.5, 5.2.6).
_DEFAULT: Final = Notify.FAILURE | Notify.DELAY


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientRequest:
    """What RCPT said about DSNs: `notify` None if nothing, `original` is ORCPT as it came ("type;address"), or "".

    Raises ValueError for an `original` that is none.
    """

    notify: Notify | None = None
    original: str = ""

    def __post_init__(self) -> None:
        if self.original and xtext.original_recipient(self.original) is None:
            raise ValueError("dsn: no original recipient")

    def wants(self, event: Notify) -> bool:
        """Whether the author is to hear of `event`."""
        return event in self.wanted

    @property
    def wanted(self) -> Notify:
        """What the author is to hear of."""
        return _DEFAULT if self.notify is None else self.notify

    def joined(self, other: "RecipientRequest") -> "RecipientRequest":
        """Return what holds for a recipient named twice: he is one, and his author hears all that he asked for once."""
        both = self.notify
        if self.notify != other.notify:
            both = self.wanted | other.wanted
        return RecipientRequest(notify=both, original=self.original or other.original)


#: Nothing was said about DSNs for a recipient.
NO_REQUEST: Final = RecipientRequest()


@dataclass(frozen=True, slots=True, kw_only=True)
class DsnRequest:
    """What MAIL and RCPT said about DSNs (RFC 3461 4), to be passed on as it came.

    `envelope_id` is ENVID as it came, in xtext, or "". `recipients` has those about whom something was said; it is
    never changed. Raises ValueError for an `envelope_id` that is none.
    """

    ret: Ret | None = None
    envelope_id: str = ""
    recipients: Mapping[str, RecipientRequest] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.envelope_id and xtext.decode(self.envelope_id) is None:
            raise ValueError("dsn: no envelope id")

    def of(self, recipient: str) -> RecipientRequest:
        """Return what was said about one recipient."""
        return self.recipients.get(recipient, NO_REQUEST)

    def only(self, recipients: Iterable[str]) -> "DsnRequest":
        """Return the request without what it says about others than `recipients`."""
        said = {one: self.recipients[one] for one in recipients if one in self.recipients}
        return replace(self, recipients=said)


#: Nothing was said about DSNs at all.
NOTHING_ASKED: Final = DsnRequest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One mail transaction.

    `id` is ours (see `new_id`). `reverse_path` is "" for the null reverse-path (RFC 5321 4.5.5). `recipients` are the
    forward-paths in the order given, without duplicates. `client` is the peer's IP address, `login` the authenticated
    name or "". `bound_to` are the addresses and domains that this login may write as, None for any (see `mail.author`).
    `protocol` is how the mail came, as `with` in a trace field names it (RFC 3848). `received_at` is aware and in UTC.
    `dsn` is what was asked about DSNs.
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
    dsn: DsnRequest = NOTHING_ASKED
    bound_to: tuple[str, ...] | None = None


def new_id() -> str:
    """Return a new id of 18 characters `[0-9a-z]`, sortable by time (48 bits of milliseconds, 42 of chance)."""
    number = (time.time_ns() // 1_000_000) << 42 | int.from_bytes(os.urandom(6)) >> 6
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(80, -1, -10)])
