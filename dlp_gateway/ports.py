"""What the pipeline asks of the world around it, and the values that pass between them: ports and outcomes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from dlp_gateway.detect.base import Facts, Inspection
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.reply import Reply
from dlp_gateway.policy.memory import Memory
from dlp_gateway.policy.verdict import Disposition
from quarantine.model import Deposit
from quarantine.store import Also


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What the smarthost said of one transaction: a reply for each recipient, in the order given.

    A smarthost that cannot be reached is a 451 4.4.1 for each. `unknown`: the connection was lost after the final dot
    and before the reply, so the smarthost may or may not have the mail for these recipients.
    """

    replies: tuple[tuple[str, Reply], ...]
    unknown: frozenset[str] = frozenset()

    @property
    def in_doubt(self) -> bool:
        """Whether the outcome is unknown for at least one recipient."""
        return bool(self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the smarthost said to RCPT, told before the final dot: who will get the mail, who not now, who never."""

    accepted: tuple[str, ...]
    deferred: tuple[tuple[str, Reply], ...]
    refused: tuple[tuple[str, Reply], ...]


class Smarthost(Protocol):
    """The one next hop."""

    async def deliver(
        self,
        content: bytes,
        *,
        reverse_path: str,
        recipients: tuple[str, ...],
        body_8bit: bool,
        smtputf8: bool,
        before_final_dot: Callable[[Progress], Awaitable[None]] | None = None,
    ) -> Delivery:
        """Run one mail transaction; never raises for what the network or the peer does.

        `before_final_dot` is awaited when at least one recipient was accepted and before the final dot is sent; what it
        raises is raised here, after the connection was closed without the final dot, so that nobody gets the mail.
        """
        ...


class Overloaded(Exception):  # noqa: N818  the state of the house, not an error of the caller's
    """Too much inspection is under way; the client shall come back."""


class Inspector(Protocol):
    """Reads and measures a parsed message under a deadline."""

    async def inspect(self, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
        """Return findings and failures; raises only `Overloaded`."""
        ...


class Custody(Protocol):
    """The part of `quarantine.store.Store` that works with the public key alone."""

    async def take(self, deposits: tuple[Deposit, ...], also: Also | None = None) -> None:
        """Commit all deposits or raise `StoreError`."""
        ...

    async def discard(
        self, item: str, *, actor: str, reason: str, now: datetime, recipients: tuple[str, ...] = ()
    ) -> int:
        """Take a deposit back; return how many recipients changed."""
        ...

    async def reschedule(self, item: str, *, due_at: datetime) -> int:
        """Move when a deposit may first be delivered; return how many recipients changed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One recipient's line in the journal: `shown` are the addresses in To and Cc of the copy that he gets.

    `outcome` is "forwarded", "custody", "deferred", "refused" or "rejected"; `reply` the smarthost's words, printable.
    """

    recipient: str
    shown: tuple[str, ...]
    outcome: str
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What of a message is compared with what is remembered, and remembered of it. All addresses are canonical.

    `recipients` are the envelope's, in order; `outside` the places of those among them who are not inside, `addressed`
    those of them who are outsiders; `shown` the outsiders in To and Cc. `answered` are the ids that it answers, nearest
    first; `is_answer` says that it answers something, by them or by its subject, and `is_ours` that the nearest was
    written in our house. `names` are display names, by address.
    """

    id: str
    at: datetime
    message_id: str
    answered: tuple[str, ...]
    topic: str
    is_answer: bool
    is_ours: bool
    reverse_path: str
    login: str
    client: str
    recipients: tuple[str, ...]
    outside: tuple[int, ...]
    addressed: tuple[str, ...]
    shown: tuple[str, ...]
    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What the rules in force want to know; what none asks for is not looked up. `mass_send`: see `Policy`."""

    memory: Memory
    mass_send: int
    threads: bool
    exposure: bool
    groups: bool
    strangers: bool
    look_alikes: bool
    sent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """What is remembered that concerns a message; `thread` names the thread to the journal, b"" if it is new."""

    facts: Facts = field(default_factory=Facts)
    thread: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of a mail to several: `is_objected` if its audience was hidden, or it was stopped as a mass mail.

    `is_exposed`: it leaves and shows strangers to each other. `is_kept`: it is in custody, so that is not known yet.
    """

    is_objected: bool
    is_exposed: bool
    is_kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is learned from a mail once it has left: whom the sender knows, a group that works together, values sent.

    `is_exposed`: its author shows outsiders of several organisations to each other, and `is_group`: so few that they
    may be one; `is_hidden`: the copy that leaves does not. `values` are types and tokens, see `detect.sent`.
    """

    sending: Sending
    is_group: bool
    is_exposed: bool
    is_hidden: bool
    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the journal keeps of one message; never a found value, never text of the message.

    `id` is the envelope's, `message_id` the header field's. `findings` are kinds with their counts. `lesson` is not
    kept, it is learned from.
    """

    id: str
    message_id: str
    received_at: datetime
    reverse_path: str
    client: str
    login: str
    disposition: Disposition
    reasons: tuple[str, ...]
    observed: tuple[str, ...]
    findings: tuple[tuple[str, int], ...]
    passages: tuple[Passage, ...]
    lesson: Lesson | None = None


class Journal(Protocol):
    """What passed, what is remembered of it, and what must not happen twice."""

    async def recollect(self, sending: Sending, questions: Questions) -> Recollection:
        """Return what is remembered that concerns a message."""
        ...

    async def remember(self, sending: Sending, thread: bytes, fate: Fate) -> None:
        """Commit a mail to several, before it leaves (addresses as keyed digests); its parts are one mail."""
        ...

    def fingerprint(self, envelope: Envelope, content: bytes) -> bytes:
        """Return the keyed digest by which a retry is known: client or login, reverse-path, recipient set, content."""
        ...

    async def recall(self, fingerprint: bytes) -> Reply | None:
        """Return our final reply to the same transaction within the hour, if the client never got it."""
        ...

    async def remember_under_way(self, fingerprint: bytes, at: datetime) -> None:
        """Commit that the client went away while its message is being handed over: a retry meanwhile is told 451."""
        ...

    async def forget_unanswered(self, fingerprint: bytes) -> None:
        """Commit that a retry is a new attempt."""
        ...

    async def remember_unanswered(self, fingerprint: bytes, reply: Reply, at: datetime) -> None:
        """Commit that `reply` was final and that the client did not get it."""
        ...

    def record(self, entry: Entry) -> None:
        """Write the entry within a second or so; never blocks, never raises."""
        ...

    def rows(self, entry: Entry) -> Also:
        """Return the hook that writes the entry in custody's transaction."""
        ...


class Why(StrEnum):
    """Why a message was deferred or rejected: a closed list that `smtp.replies` answers."""

    SMARTHOST = "smarthost"
    STORE = "store"
    OVERLOAD = "overload"
    INTERNAL = "internal"
    LOOP = "loop"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """The smarthost has it for at least one recipient; `reply` is its answer, `id` our id."""

    id: str
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class InCustody:
    """Held or delayed; `refuse` asks for a 550 instead of a 250 (the policy says so)."""

    id: str
    refuse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """Nobody has it but the client; `reply` is the smarthost's, if that was why."""

    id: str
    why: Why
    reply: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Refused for good: by policy with an explanation for the author, by the smarthost with its reply, or as a loop."""

    id: str
    why: Why
    explanation: str = ""
    reply: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """Answered as the transaction that it repeats."""

    reply: Reply


Outcome = Forwarded | InCustody | Deferred | Rejected | Repeated
