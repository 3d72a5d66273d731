"""What the pipeline asks of the world around it, and the values that pass between them: ports and outcomes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from dlp_gateway.detect.base import Facts, Inspection
from dlp_gateway.mail.edit import Edited
from dlp_gateway.mail.envelope import NOTHING_ASKED, DsnRequest, Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.reply import Reply
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.recollection import Fate, Lesson, Questions, Recollection, Sending, Values
from quarantine.model import Deposit
from quarantine.store import Also


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What the smarthost said of one transaction: a reply for each recipient, in the order given.

    A smarthost that cannot be reached is a 451 4.4.1 for each. `unknown`: the connection was lost after the final dot
    and before the reply, so the smarthost may or may not have the mail for these recipients. `notifies`: it knows what
    the author asked for, and sends the DSNs about whom it took (RFC 3461); else that is ours to do. `put_off`: no host
    could take it now, and none was sent any of it. `host` is who said all that, "" if nobody could be reached.
    """

    replies: tuple[tuple[str, Reply], ...]
    unknown: frozenset[str] = frozenset()
    notifies: bool = False
    put_off: bool = False
    host: str = field(default="", compare=False)

    @property
    def in_doubt(self) -> bool:
        """Whether the outcome is unknown for at least one recipient."""
        return bool(self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the smarthost said to RCPT, told before the final dot: who will get the mail, who not now, who never.

    `host` as in `Delivery`.
    """

    accepted: tuple[str, ...]
    deferred: tuple[tuple[str, Reply], ...]
    refused: tuple[tuple[str, Reply], ...]
    host: str = field(default="", compare=False)


class Smarthost(Protocol):
    """The next hop: one host, or several that stand in for each other."""

    @property
    def reachable(self) -> bool:
        """Whether there is a host that is worth trying: False after failures on end, until one answers a probe."""
        ...

    async def deliver(
        self,
        content: bytes | Edited,
        *,
        reverse_path: str,
        recipients: tuple[str, ...],
        body_8bit: bool,
        smtputf8: bool,
        dsn: DsnRequest = NOTHING_ASKED,
        before_final_dot: Callable[[Progress], Awaitable[None]] | None = None,
    ) -> Delivery:
        """Run one mail transaction; never raises for what the network or the peer does.

        `dsn` is passed on to a smarthost that understands it.
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
class Entry:
    """What the journal keeps of one message; never a found value, never text of the message.

    `id` is the envelope's, `message_id` the header field's. `findings` are kinds with their counts. `owner` is whom of
    ours to tell of a mail that an outsider wrote, "" if nobody. For notices to the author: how many outsiders are
    `hidden` from each other, his `language` ("" if unknown, see `content.language`), and whether the mail is
    `automatic` (`mail.automatic`); the last two are told of mail that does not simply pass. `measured` are the findings
    by confidence, for `simulate`: a kind, and how many values were found with low confidence or better, with medium or
    better, and with high; () in entries of versions that did not write it. `lesson` is not kept, it is learned from.
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
    hidden: int = 0
    language: str = ""
    automatic: bool = False
    owner: str = ""
    measured: tuple[tuple[str, int, int, int], ...] = ()
    lesson: Lesson | None = None


#: What a retry is told while the first hand-over is still under way.
UNDER_WAY: Final = Reply(code=451, enhanced="4.3.2", text="This message is just being handed over; try again later")


class Journal(Protocol):
    """What passed, what is remembered of it, and what must not happen twice."""

    async def announce(self, sending: Sending, *, is_exposed: bool, is_objected: bool) -> int:
        """Commit that a mail to several is under way, with what it will have been at the worst; return its number.

        To be called before `recollect`, which counts those with a smaller number: of two at once one sees the other.
        """
        ...

    async def add_values(self, sending: Sending, values: Values, window: timedelta) -> Values:
        """Commit what a mail is about to send outside; return what its sender sent of that sort within the window.

        Of two mails at once the later one is told of the other's values.
        """
        ...

    async def withdraw(self, sending: Sending, values: Values = ()) -> None:
        """Commit that an announced mail is none that is remembered, and that it does not send these values."""
        ...

    async def recollect(self, sending: Sending, questions: Questions) -> Recollection:
        """Return what is remembered that concerns a message."""
        ...

    async def remember(self, sending: Sending, thread: bytes, fate: Fate) -> None:
        """Commit a mail to several, before it leaves (addresses as keyed digests); its parts are one mail.

        It is no longer announced then.
        """
        ...

    def fingerprint(self, envelope: Envelope, content: bytes) -> bytes:
        """Return the keyed digest by which a retry is known: client or login, reverse-path, recipient set, content."""
        ...

    async def any_unanswered(self) -> bool:
        """Whether any reply within the hour did not arrive, to whomever, so that a message may be a retry."""
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


class Departures(Protocol):
    """Clients that went away without our reply and of whom a note is being made, at all receivers."""

    def enter(self, sender: str, moment: int) -> int | None:
        """A sender's client left whose message came at `moment`, in microseconds; return its place, if there is one."""
        ...

    def leave(self, place: int) -> None:
        """The note is made, or could not be."""
        ...

    def any_before(self, sender: str, moment: int) -> bool:
        """Whether a note is being made of a message of the same sender that came before."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who logged in. `bound_to` are the addresses and domains that it may write as, None for any."""

    name: str
    bound_to: tuple[str, ...] | None = None


class LoginUnavailable(Exception):  # noqa: N818  the state of a house, not an error of the caller's
    """Nobody can tell now whether a password is right; `why` is a word for the log."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Authenticator(Protocol):
    """Who knows the passwords: a file of users, Dovecot, a directory."""

    async def verify(self, name: str, password: str, *, client: str) -> Login | None:
        """Return who that is, None if name or password is wrong; raises `LoginUnavailable`. `client` is its address.

        An unknown name takes as long as a wrong password.
        """
        ...

    async def close(self) -> None:
        """Give back what is open."""
        ...


#: Octets of the digest by which the same wrong password is known again: too few to find out from it which one it was.
GUESS_WIDTH: Final = 2

#: Before all that can happen.
NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Failed logins that are remembered: of a client's network, of a name, and of this name from that network.

    `at` is when the last of the network's was counted.
    """

    network: int = 0
    name: int = 0
    both: int = 0
    at: datetime = NEVER


class LoginFailures(Protocol):
    """The memory of failed logins that all receivers share; its methods raise `StoreError`."""

    async def failures(self, network: str, name: str, since: datetime) -> Failures:
        """Return the failures of which the last was counted after `since`."""
        ...

    async def count_failure(
        self, network: str, name: str, password: str, since: datetime, now: datetime
    ) -> tuple[Failures, Failures]:
        """Commit one more and return all, before it and with it; those from before `since` are forgotten.

        Of several at once, at whichever receivers, no two have the same place in the count. The same wrong password
        again is no guess (a telephone with an old password asks for ever): it counts once.
        """
        ...

    async def forgive(self, network: str, name: str) -> None:
        """Commit that the failures of this name from this network were slips of its owner."""
        ...


class Denial(StrEnum):
    """Why nobody is logged in: wrong, too many tries, too many sessions that wait for a refusal, or cannot be told."""

    WRONG = "failed"
    CUT_OFF = "cut-off"
    CROWDED = "crowded"
    UNAVAILABLE = "unavailable"


class Logins(Protocol):
    """What the SMTP session asks when a client says AUTH."""

    async def attempt(self, name: str, password: str, *, client: str, network: str) -> Login | Denial:
        """Return who that is, or why not; a refusal comes as late as it should. Never raises.

        `network` is what counts as one client: an IPv4 address or an IPv6 /64.
        """
        ...


class Why(StrEnum):
    """Why a message was deferred or rejected: a closed list that `smtp.replies` answers."""

    SMARTHOST = "smarthost"
    STORE = "store"
    OVERLOAD = "overload"
    INTERNAL = "internal"
    LOOP = "loop"
    AUTHOR = "author"
    INSIDE_ONLY = "inside-only"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """The smarthost has it for at least one recipient; `reply` is its answer, `id` our id."""

    id: str
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class InCustody:
    """Held; or, if not `held`, delayed or split, and leaving by itself.

    `refuse` asks for a 550 instead of a 250 (the policy says so).
    """

    id: str
    refuse: bool = False
    held: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """Nobody has it but the client; `reply` is the smarthost's, if that was why."""

    id: str
    why: Why
    reply: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Refused for good: by policy with an explanation for the author, by the smarthost with its reply, or unread.

    Unread: a loop, an author that is not the login's, or a notice of ours that would go outside.
    """

    id: str
    why: Why
    explanation: str = ""
    reply: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """Answered as the transaction that it repeats."""

    reply: Reply


Outcome = Forwarded | InCustody | Deferred | Rejected | Repeated
