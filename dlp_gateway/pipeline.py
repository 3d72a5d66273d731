"""The straight line of one message: parse, gather, inspect, decide, act, record (the ports it needs are in `ports`).

`docs/flow.md` tells the same in prose, in the same order. How the outcome is answered is a matter of `smtp.replies`;
here it is settled who is responsible for the mail when the answer is given (see the outcomes in `ports`).
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final, ParamSpec, TypeVar, assert_never

from dlp_gateway import deposits
from dlp_gateway.content import language
from dlp_gateway.detect.base import CONFIDENCE, Inspection
from dlp_gateway.forwarding import AFTER_AN_OUTAGE, UNREACHABLE, Forwarder, Outgoing
from dlp_gateway.mail.author import misnamed
from dlp_gateway.mail.automatic import is_automatic
from dlp_gateway.mail.edit import AddTrace, PruneAttendees, edited, hides
from dlp_gateway.mail.envelope import Envelope, Ret
from dlp_gateway.mail.header import body_start
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.notice import is_inside_only
from dlp_gateway.mail.parse import parse
from dlp_gateway.mail.reference import own_id
from dlp_gateway.mail.reply import Reply
from dlp_gateway.mail.trace import hops, received
from dlp_gateway.memory import Memory
from dlp_gateway.observe import log, metrics, trouble
from dlp_gateway.policy.copies import Sights, checked
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.verdict import Copy, Disposition, Verdict
from dlp_gateway.ports import (
    UNDER_WAY,
    Custody,
    Deferred,
    Entry,
    Forwarded,
    InCustody,
    Inspector,
    Journal,
    Outcome,
    Overloaded,
    Passage,
    Rejected,
    Repeated,
    Smarthost,
    Why,
)
from dlp_gateway.recollection import Lesson
from dlp_gateway.retries import Retries
from quarantine.model import State
from quarantine.store import StoreError

P = ParamSpec("P")
T = TypeVar("T")

_LARGE: Final = 500_000  # octets; below, all that is done in the loop takes a few milliseconds
#: What an octet of a header section counts for: addresses and encoded words are read a few times, and it takes up to
#: five microseconds each.
_HEADER: Final = 20
_LEAST: Final = tuple(CONFIDENCE.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passing:
    """A message on its way: as it came, the copies that would leave, and what was decided.

    `shown` says for each recipient which addresses his copy shows.
    """

    envelope: Envelope
    message: Message
    copies: tuple[Copy, ...]
    shown: dict[str, tuple[str, ...]]
    verdict: Verdict
    lesson: Lesson


class Pipeline:
    """What happens to each message between the client's final dot and our reply."""

    def __init__(
        self,
        *,
        policy: Policy,
        inspector: Inspector,
        smarthost: Smarthost,
        custody: Custody,
        journal: Journal,
        hostname: str,
        smarthost_name: str,
        hop_limit: int,
        accept_unreachable: bool = False,
        retries: Retries | None = None,
    ) -> None:
        """`accept_unreachable`: what no host of the smarthost's can take now is taken into custody.

        `retries` know of those of other receivers; left out: of this process alone.
        """
        self._policy = policy
        self._memory = Memory(policy, journal)
        self._inspector = inspector
        self._forwarder = Forwarder(smarthost, custody, hostname=hostname, smarthost_name=smarthost_name)
        self._custody = custody
        self._journal = journal
        self._hostname = hostname
        self._hop_limit = hop_limit
        self._accept_unreachable = accept_unreachable
        self._retries = retries or Retries(journal)

    async def process(self, envelope: Envelope, content: bytes) -> Outcome:
        """Take one message all the way; the outcome says who is responsible for it now."""
        try:
            with self._retries.attempt(envelope.id):
                return await self._process(envelope, content)
        except Overloaded:
            log.deferred(envelope.id, Why.OVERLOAD)
            return Deferred(id=envelope.id, why=Why.OVERLOAD)
        except StoreError as error:
            trouble.store_failed(error)
            return Deferred(id=envelope.id, why=Why.STORE)

    async def abandoned(self, envelope: Envelope, content: bytes) -> None:
        """The client went away during the hand-over."""
        with _noting():
            await self._retries.abandoned(envelope, content)

    async def unanswered(self, envelope: Envelope, content: bytes, reply: Reply, *, written: bool) -> None:
        """The client did not get a final reply; `written`: it may have."""
        with _noting():
            await self._retries.unanswered(envelope, content, reply, written=written)

    async def heard(self, envelope: Envelope, content: bytes) -> None:
        """The client read a reply that was said `again`."""
        with _noting():
            await self._retries.heard(envelope, content)

    async def close(self) -> None:
        """Finish, in a moment, what was not to wait for."""
        await self._forwarder.close()

    async def _process(self, envelope: Envelope, content: bytes) -> Outcome:
        log.received(envelope.id, envelope.client, recipients=len(envelope.recipients), size=len(content))
        metrics.received(len(content))
        reply = await self._retries.reply(envelope, content)
        if reply is not None:
            log.repeated(envelope.id, envelope.client)
            metrics.repeated()
            return Repeated(reply=replace(reply, again=reply != UNDER_WAY))
        may_return = envelope.dsn.ret is Ret.FULL or (envelope.dsn.ret is None and envelope.reverse_path)
        if may_return and not self._returnable(envelope):
            # RFC 3461 5.2.1 would pass on what came, and most MTAs return all of it if nothing did (4.3); but then a
            # whole mail, one to insiders only too, came to somebody whom no rule looked at.
            envelope = replace(envelope, dsn=replace(envelope.dsn, ret=Ret.HDRS))
        # A large one is read by a worker, so its parts are not kept here.
        effort = _reading(content, body_start(content))
        message = await _beside(effort, parse, content, briefly=len(content) >= _LARGE)
        if hops(message) > self._hop_limit:
            log.rejected(envelope.id, Why.LOOP)
            return Rejected(id=envelope.id, why=Why.LOOP)
        if misnamed(envelope, message):
            log.rejected(envelope.id, Why.AUTHOR)
            return Rejected(id=envelope.id, why=Why.AUTHOR)
        if is_inside_only(message) and not all(map(self._policy.inside.contains, envelope.recipients)):
            log.rejected(envelope.id, Why.INSIDE_ONLY)
            return Rejected(id=envelope.id, why=Why.INSIDE_ONLY)
        with metrics.stage("gather"):
            remembered = await self._memory.recollect(envelope, message)
        try:
            with metrics.stage("inspect"):
                inspection = await self._inspector.inspect(envelope, message, remembered.recollection.facts)
                remembered, inspection = await self._memory.add_up(remembered, inspection)
            with metrics.stage("decide"):
                verdict = await _beside(effort, decide, self._policy, envelope, message, inspection)
            with metrics.stage("act"):
                lesson = self._memory.lesson(remembered, verdict, inspection)
                passing = await _beside(_effort(message, verdict), self._edit, envelope, message, verdict, lesson)
            _tell(envelope, passing.verdict, inspection)
            # Committed before it leaves, so that the first answer to a mass mail, or a second attempt, is recognised.
            await self._memory.remember(remembered, passing.verdict, inspection)
        except (Overloaded, StoreError):  # the client comes again; nobody has seen anything
            await self._memory.withdraw(remembered)
            raise
        return await self._carry_out(passing, inspection)

    def _edit(self, envelope: Envelope, message: Message, verdict: Verdict, lesson: Lesson) -> _Passing:
        """Put the edits together, one set for each copy, and look at every copy as a stranger would."""
        verdict = checked(verdict, message)
        trace = AddTrace(field=received(envelope, self._hostname, envelope.protocol))
        copies = [(copy.recipients, copy.edits) for copy in verdict.copies] or [(envelope.recipients, verdict.edits)]
        sights = Sights(message)
        seen: dict[str, tuple[str, ...]] = {}
        for recipients, edits in copies:
            seen |= dict.fromkeys(recipients, sights.of(edits))
        return _Passing(
            envelope=envelope,
            message=message,
            copies=tuple([Copy(recipients=recipients, edits=(trace, *edits)) for recipients, edits in copies]),
            shown=seen,
            verdict=verdict,
            lesson=lesson,
        )

    async def _carry_out(self, passing: _Passing, inspection: Inspection) -> Outcome:
        verdict, envelope = passing.verdict, passing.envelope
        match verdict.disposition:
            case Disposition.FORWARD | Disposition.REWRITE if not verdict.copies:
                return await self._forward(passing, inspection)
            case Disposition.FORWARD | Disposition.REWRITE:  # split: each copy is ours to deliver, and due now
                await self._take(passing, inspection, State.DUE, due_at=envelope.received_at)
                return InCustody(id=envelope.id, held=False)
            case Disposition.DELAY:
                await self._take(passing, inspection, State.DUE, due_at=envelope.received_at + verdict.delay)
                return InCustody(id=envelope.id, held=False)
            case Disposition.HOLD:
                await self._take(passing, inspection, State.HELD, due_at=envelope.received_at)
                return InCustody(id=envelope.id, refuse=verdict.refuse_held)
            case Disposition.REJECT:
                reasons = [reason for reason in verdict.reasons if reason.enforced]
                strictest = max(reasons, key=lambda reason: reason.disposition)
                log.rejected(envelope.id, Why.POLICY, tuple(reason.rule for reason in reasons))
                self._journal.record(_entry(passing, inspection, "rejected"))
                return Rejected(id=envelope.id, why=Why.POLICY, explanation=strictest.explanation)
            case _:
                assert_never(verdict.disposition)

    async def _take(
        self, passing: _Passing, inspection: Inspection, state: State, *, due_at: datetime, why: str = ""
    ) -> None:
        """Commit it to custody; `why` it is there, where no rule says so."""
        verdict = passing.verdict
        rules = tuple(dict.fromkeys(reason.rule for reason in verdict.reasons if reason.enforced))
        deposit = deposits.whole(
            passing.envelope,
            passing.message,
            passing.copies,
            state=state,
            reasons=(*rules, why) if why else rules,
            due_at=due_at,
            expires_at=passing.envelope.received_at + verdict.expire_after if state is State.HELD else None,
            returnable=self._returnable(passing.envelope),
        )
        entry = _entry(passing, inspection, "custody")
        with metrics.stage("custody"):
            await self._custody.take((deposit,), self._journal.rows(entry))
        log.in_custody(passing.envelope.id, why or verdict.disposition.label, len(passing.envelope.recipients))

    async def _forward(self, passing: _Passing, inspection: Inspection) -> Outcome:
        """Hand over to the smarthost and say what came of it."""
        envelope = passing.envelope
        message, edits = passing.message, passing.copies[0].edits
        effort = len(message.raw) if PruneAttendees in map(type, edits) else message.body_start
        effort *= _HEADER if hides(edits) else 1
        content = await _beside(effort, edited, message.raw, edits)
        entry = _account(passing, inspection)  # made before anybody has the mail: what fails here fails without harm
        delivery = await self._forwarder.forward(
            Outgoing(
                envelope=envelope,
                message=message,
                edits=edits,
                content=content,
                returnable=self._returnable(envelope),
            )
        )
        replies = dict(delivery.replies)
        if accepted := [reply for reply in replies.values() if reply.positive]:
            log.forwarded(envelope.id, accepted[0], len(accepted))
            self._journal.record(entry(passages=_passages(passing, replies, "forwarded")))
            return Forwarded(id=envelope.id, reply=accepted[0])
        if delivery.put_off and self._accept_unreachable:
            due_at = datetime.now(UTC) + AFTER_AN_OUTAGE
            await self._take(passing, inspection, State.DUE, due_at=due_at, why=UNREACHABLE)
            return InCustody(id=envelope.id, held=False)
        self._journal.record(entry(passages=_passages(passing, replies, "deferred")))
        if replies and all(reply.permanent for reply in replies.values()):
            refusal = next(iter(replies.values()))
            log.rejected(envelope.id, Why.SMARTHOST, reply=refusal)
            return Rejected(id=envelope.id, why=Why.SMARTHOST, reply=refusal)
        first = next((reply for reply in replies.values() if reply.transient), None)
        log.deferred(envelope.id, Why.SMARTHOST, first)
        return Deferred(id=envelope.id, why=Why.SMARTHOST, reply=first)

    def _returnable(self, envelope: Envelope) -> bool:
        """Whether a DSN may bring the whole mail back: not to an outsider, to whom nobody decided that it may go."""
        return self._policy.inside.contains(envelope.reverse_path)


@contextmanager
def _noting() -> Iterator[None]:
    """Tell of a departure that could not be written down: a retry will be a second copy, and that is all."""
    try:
        yield
    except StoreError as error:
        trouble.store_failed(error)


def _reading(content: bytes, header: int) -> int:
    """Return how many octets it is like to read a message whose header section has so many."""
    return len(content) + _HEADER * header


def _effort(message: Message, verdict: Verdict) -> int:
    """Return how many octets have to be looked at to edit a message: where nobody is hidden, those of the header."""
    if not verdict.copies and not hides(verdict.edits):
        return message.body_start
    return _reading(message.raw, message.body_start) * max(1, len(verdict.copies))


async def _beside(size: int, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Return what `work` returns; for a large message in a thread, so that the loop serves others meanwhile."""
    return work(*given, **named) if size < _LARGE else await asyncio.to_thread(work, *given, **named)


def _kinds(inspection: Inspection) -> tuple[tuple[str, int], ...]:
    counts: dict[str, int] = {}
    for finding in inspection.findings:
        counts[finding.kind] = counts.get(finding.kind, 0) + finding.count
    return tuple(counts.items())


def _measured(inspection: Inspection) -> tuple[tuple[str, int, int, int], ...]:
    """Return the counts of each kind by confidence, as rules ask for them."""
    counts: dict[str, list[int]] = {}
    for finding in inspection.findings:
        known = counts.setdefault(finding.kind, [0, 0, 0])
        for place, least in enumerate(_LEAST):
            if not finding.score < least:
                known[place] += max(0, finding.count)
    return tuple([(kind, low, medium, high) for kind, (low, medium, high) in counts.items()])


def _tell(envelope: Envelope, verdict: Verdict, inspection: Inspection) -> None:
    for tell in (metrics.decided, partial(log.decided, envelope.id)):
        tell(
            verdict.disposition,
            reasons=verdict.reasons,
            findings=inspection.findings,
            failures=inspection.failures,
            unreadable=inspection.unreadable,
            hidden=verdict.hidden,
        )


def _entry(passing: _Passing, inspection: Inspection, outcome: str) -> Entry:
    """Return the journal's entry of a mail of which the smarthost said nothing."""
    return _account(passing, inspection)(passages=_passages(passing, {}, outcome))


def _account(passing: _Passing, inspection: Inspection) -> Callable[..., Entry]:
    """Return the journal's entry, but for its `passages`."""
    envelope, reasons = passing.envelope, passing.verdict.reasons
    passes = passing.verdict.disposition is Disposition.FORWARD  # then nobody is told anything, and nobody looks
    return partial(
        Entry,
        id=envelope.id,
        message_id=own_id(passing.message),
        received_at=envelope.received_at,
        reverse_path=envelope.reverse_path,
        client=envelope.client,
        login=envelope.login,
        disposition=passing.verdict.disposition,
        reasons=tuple(dict.fromkeys([reason.rule for reason in reasons if reason.enforced])),
        observed=tuple(dict.fromkeys([reason.rule for reason in reasons if not reason.enforced])),
        findings=_kinds(inspection),
        hidden=passing.verdict.hidden,
        language="" if passes else language.of_author(passing.message),
        automatic=not passes and is_automatic(passing.message),
        owner=passing.verdict.owner,
        measured=_measured(inspection),
        lesson=passing.lesson,
    )


def _passages(passing: _Passing, replies: dict[str, Reply], outcome: str) -> tuple[Passage, ...]:
    """Return what became of each recipient; `outcome` holds for those of whom the smarthost said nothing else."""

    def passage(recipient: str) -> Passage:
        reply = replies.get(recipient)
        if reply is None:
            return Passage(recipient=recipient, shown=passing.shown[recipient], outcome=outcome, reply="")
        word = "forwarded" if reply.positive else "refused" if reply.permanent else "deferred"
        return Passage(recipient=recipient, shown=passing.shown[recipient], outcome=word, reply=str(reply))

    return tuple([passage(recipient) for recipient in passing.envelope.recipients])
