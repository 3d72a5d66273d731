"""Ports of the pipeline for tests: a smarthost that answers by script, and a journal in memory."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dlp_gateway.detect.base import Facts, Thread
from dlp_gateway.mail.edit import Edited
from dlp_gateway.mail.envelope import NOTHING_ASKED, DsnRequest, Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.ports import UNDER_WAY, Delivery, Entry, Progress
from dlp_gateway.recollection import Fate, Questions, Recollection, Sending, Values
from quarantine.store import Also

TAKEN = Reply(code=250, enhanced="2.0.0", text="queued")
LATER = Reply(code=450, enhanced="4.2.0", text="greylisted")
NEVER = Reply(code=550, enhanced="5.1.1", text="no such user")
UNREACHABLE = Reply(code=451, enhanced="4.4.1", text="no connection")


@dataclass
class ScriptedSmarthost:
    """Answers RCPT by `rcpt` (default: taken) and the final dot by `final`; keeps what it took in `mails`.

    `final` None: the connection is lost between the final dot and the reply; `keeps` says whether it has the mail then.
    `notifies`: it knows what DSNs are; what was `asked` of them in each transaction is kept either way. `put_off`:
    where nobody is taken, nothing was sent.
    """

    rcpt: dict[str, Reply] = field(default_factory=dict)
    final: Reply | None = TAKEN
    keeps: bool = True
    notifies: bool = False
    asked: list[DsnRequest] = field(default_factory=list)
    mails: list[tuple[str, tuple[str, ...], bytes]] = field(default_factory=list)
    reachable: bool = True
    put_off: bool = False

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
        """One transaction."""
        self.asked.append(dsn)
        said = {recipient: self.rcpt.get(recipient, TAKEN) for recipient in recipients}
        accepted = tuple(recipient for recipient, reply in said.items() if reply.positive)
        if not accepted:
            return Delivery(replies=tuple(said.items()), put_off=self.put_off)
        if before_final_dot is not None:
            await before_final_dot(
                Progress(
                    accepted=accepted,
                    deferred=tuple((one, reply) for one, reply in said.items() if reply.transient),
                    refused=tuple((one, reply) for one, reply in said.items() if reply.permanent),
                )
            )
        if self.final is None or self.final.positive:
            self.mails += [(reverse_path, accepted, bytes(content))] if self.keeps else []
        final = self.final or Reply(code=451, enhanced="4.4.2", text="connection lost")
        return Delivery(
            replies=tuple((one, final if one in accepted else reply) for one, reply in said.items()),
            unknown=frozenset(accepted) if self.final is None else frozenset(),
            notifies=self.notifies,
        )


@dataclass
class MemoryJournal:
    """Remembers in memory what the real one commits."""

    entries: list[Entry] = field(default_factory=list)
    mass_sends: dict[str, frozenset[str]] = field(default_factory=dict)
    answers: dict[bytes, Reply] = field(default_factory=dict)

    async def recollect(self, sending: Sending, questions: Questions) -> Recollection:
        """Return the first known mass send."""
        for message_id in sending.answered:
            if audience := self.mass_sends.get(message_id):
                again = len(audience & set(sending.addressed))
                return Recollection(facts=Facts(thread=Thread(audience=len(audience), addressed_again=again)))
        return Recollection()

    async def announce(self, sending: Sending, *, is_exposed: bool, is_objected: bool) -> int:
        """Whoever is alone need not be announced."""
        return 0

    async def add_values(self, sending: Sending, values: Values, window: timedelta) -> Values:
        """Nobody sent anything before."""
        return ()

    async def withdraw(self, sending: Sending, values: Values = ()) -> None:
        """Nothing is announced."""

    async def remember(self, sending: Sending, thread: bytes, fate: Fate) -> None:
        """Keep the audience."""
        self.mass_sends[sending.message_id] = frozenset((*sending.shown, *sending.addressed))

    def fingerprint(self, envelope: Envelope, content: bytes) -> bytes:
        """Return what makes two transactions the same."""
        return repr((envelope.client, envelope.reverse_path, sorted(envelope.recipients), content)).encode()

    async def any_unanswered(self) -> bool:
        """Whether there is an answer that was not read."""
        return bool(self.answers)

    async def recall(self, fingerprint: bytes) -> Reply | None:
        """Return the answer that was not read."""
        return self.answers.get(fingerprint)

    async def remember_unanswered(self, fingerprint: bytes, reply: Reply, at: datetime) -> None:
        """Keep the answer."""
        self.answers[fingerprint] = reply

    async def remember_under_way(self, fingerprint: bytes, at: datetime) -> None:
        """Keep that it is being handed over."""
        self.answers[fingerprint] = UNDER_WAY

    async def forget_unanswered(self, fingerprint: bytes) -> None:
        """Keep nothing."""
        self.answers.pop(fingerprint, None)

    def record(self, entry: Entry) -> None:
        """Keep the entry."""
        self.entries.append(entry)

    def rows(self, entry: Entry) -> Also:
        """Keep the entry when custody takes the mail."""

        def write(_connection: object) -> None:
            self.entries.append(entry)

        return write
