"""What authors were told and what they have yet to hear: the port between notices and the journal, and its values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from dlp_gateway.policy.verdict import Disposition
from quarantine.store import Also


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A mail as the journal knows it, for a notice to its author, or to the owner of the address that passes it on.

    `entry` names the journal's row, `id` the envelope, `whom` is the digest of who hears of it, `message_id` is the
    field's, with angle brackets, or "". `recipients` are those who were not refused. `told` is what was heard of it
    last, or "". `owner` is our address through which a mail of an outsider came, "" for other mail; `passed_on` says to
    how many other outsiders it goes.
    """

    entry: str
    id: str
    author: str
    whom: bytes
    message_id: str
    received_at: datetime
    disposition: Disposition
    reasons: tuple[str, ...]
    recipients: int
    hidden: int
    language: str
    automatic: bool
    told: str
    owner: str = ""
    passed_on: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How many notices somebody got since when, and how many of each kind wait for a summary; `entry` is one of them.

    `whom` is the digest of an author's or an owner's address, or a name of the writer's own.
    """

    whom: bytes
    since: datetime
    told: int
    waiting: Mapping[str, int] = field(default_factory=dict)
    entry: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is committed with the notices of one round, or not at all.

    `seen` is the number of the last transition looked at, `before` the one of the round before: if another was quicker,
    nothing is committed. `looked_at` are entries of rewritten mail, `told` says by entry which notice its author
    got. `windows` take the place of those of the same people, `closed` are gone. `digest_at`: when reviewers got one.
    """

    before: int
    seen: int
    looked_at: tuple[str, ...] = ()
    told: Mapping[str, str] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()
    closed: tuple[bytes, ...] = ()
    digest_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """How far the writer came: the last transition that it looked at, and when reviewers got their last digest."""

    seen: int
    digest_at: datetime


class Ledger(Protocol):
    """What the writer of notices remembers, in custody's database."""

    async def marks(self) -> Marks | None:
        """Return how far it came; None before its first round."""
        ...

    def begin(self, marks: Marks) -> Also:
        """Return the hook that sets the first marks, if nobody did."""
        ...

    async def accounts(self, items: tuple[str, ...]) -> dict[str, Account]:
        """Return what the journal knows of these items of custody, by id; needs the private key."""
        ...

    async def untold(self, limit: int) -> dict[str, Account | None]:
        """Return by entry the mail that left with a rewrite and that nobody looked at yet, oldest first.

        None for an entry that is damaged. Needs the private key.
        """
        ...

    async def told_since(self, accounts: tuple[Account, ...], kind: str, since: datetime) -> frozenset[str]:
        """Return those entries whose reader got that kind about the same mail (by Message-ID) since then."""
        ...

    async def rewrites(self, account: Account, since: datetime) -> int:
        """Return how many mails of this author left with a rewrite since then, up to this one and with it."""
        ...

    async def windows(self, people: tuple[bytes, ...]) -> dict[bytes, Window]:
        """Return the windows of these people that there are."""
        ...

    async def ended(self, *, before: datetime, now: datetime, limit: int) -> tuple[tuple[Window, Account | None], ...]:
        """Return windows that began before `before` (or, the clock was set back, after `now`), with their entry."""
        ...

    def keep(self, progress: Progress) -> Also:
        """Return the hook that commits what one round came to; raises `StoreError` if another round was quicker."""
        ...
