"""What the pipeline asks the journal's memory about a message, and what it tells it, as the rules in force need it.

Here a message becomes a `Sending`, the part of it that is compared and remembered; the look-ups are the journal's.
"""

from dataclasses import dataclass, replace
from typing import Final

from dlp_gateway import packs
from dlp_gateway.detect.acquaintance import FIRST_TIME, LOOK_ALIKE, TWIN
from dlp_gateway.detect.base import Inspection, Sent
from dlp_gateway.detect.exposure import WINDOW, WRITTEN
from dlp_gateway.detect.organisations import party
from dlp_gateway.detect.recipients import ORGANISATIONS, UNFAMILIAR
from dlp_gateway.detect.redistribution import OUTSIDERS as REDISTRIBUTED
from dlp_gateway.detect.reply_all import AGAIN, AUDIENCE, CLOSED, FOREIGN, STOPPED, STRUCK
from dlp_gateway.detect.sent import added_up
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.redistribution import passed_on_authors
from dlp_gateway.mail.reference import answered_ids, content_id, thread_id
from dlp_gateway.mail.subject import NO_TOPIC, topic_of
from dlp_gateway.policy.groups import ANY, within_one
from dlp_gateway.policy.model import Policy, Rewrite
from dlp_gateway.policy.verdict import Disposition, Verdict
from dlp_gateway.ports import Journal
from dlp_gateway.recollection import Fate, Lesson, Questions, Recollection, Sending, Values

#: Display names that are compared; a mail with more is a mailing.
_NAMES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A message and what was recollected of it, kept until it is known what becomes of it.

    `values` are identifiers that it sends and its sender did not send before, written down already.
    """

    sending: Sending
    recollection: Recollection
    values: Values = ()


class Memory:
    """Asks and tells the journal what the rules of one policy need."""

    def __init__(self, policy: Policy, journal: Journal) -> None:
        self._policy = policy
        self._journal = journal
        self._questions = questions(policy)
        self._hiding = frozenset(
            one.rule.id for one in policy.rules if isinstance(one.action, Rewrite) and one.action.how != "blind"
        )
        self._ours = DomainSet(policy.seen_by_all)
        self._free_mail = frozenset(packs.free_mail())
        self._asks_who_wrote = policy.asks(REDISTRIBUTED)

    async def recollect(self, envelope: Envelope, message: Message) -> Remembered:
        """Look up what is remembered that concerns a message; one to several is announced first."""
        one = sending(self._policy, envelope, message)
        if self._asks_who_wrote and one.addressed:
            authors = passed_on_authors(envelope, message, self._ours, self._policy.lists)
            one = replace(one, authors=authors) if authors else one
        if len(one.shown) > 1 or len(one.addressed) > 1 or one.authors:
            one = await self._announced(one)
        return Remembered(sending=one, recollection=await self._journal.recollect(one, self._questions))

    async def _announced(self, one: Sending) -> Sending:
        """Write down that a mail is under way that others must know of, with what it will have been at the worst."""
        is_mass = len(one.shown) >= self._questions.mass_send
        parties = (party(address, self._free_mail) for address in one.shown)
        first = next(parties, "")
        is_exposing = any(other != first for other in parties) and not within_one(
            one.shown, (ANY,), self._policy.groups
        )
        is_asked = self._questions.threads or self._questions.exposure
        if not ((is_asked and (is_exposing or is_mass or self._is_answer_to_many(one))) or one.authors):
            return one
        return replace(one, announced=await self._journal.announce(one, is_exposed=is_exposing, is_objected=is_mass))

    async def add_up(self, remembered: Remembered, inspection: Inspection) -> tuple[Remembered, Inspection]:
        """Write down the identifiers that a mail is about to send, and count them with those sent before."""
        values = _values(inspection)
        if not values:
            return remembered, inspection
        before = await self._journal.add_values(remembered.sending, values, self._questions.memory.window)
        own = tuple(one for one in inspection.findings if not one.kind.startswith("sent."))
        return (
            replace(remembered, values=tuple(value for value in values if value not in frozenset(before))),
            replace(inspection, findings=(*own, *added_up(own, Sent(key=b"", known=before)))),
        )

    async def withdraw(self, remembered: Remembered) -> None:
        """Take back what was written down of a mail that came to no end."""
        if remembered.sending.announced or remembered.values:
            await self._journal.withdraw(remembered.sending, remembered.values)

    async def remember(self, remembered: Remembered, verdict: Verdict, inspection: Inspection) -> None:
        """Commit a mail to several before it leaves, so that the next one is compared with it.

        What does not leave by itself sends no values; what becomes of a held mail is told later.
        """
        one = remembered.sending
        if remembered.values and verdict.disposition in {Disposition.HOLD, Disposition.REJECT}:
            await self._journal.withdraw(replace(one, announced=0), remembered.values)
        is_exposing = _is_exposing(one, inspection)
        is_mass = len(one.shown) >= self._questions.mass_send
        if is_exposing or is_mass or self._is_answer_to_many(one) or verdict.hidden or one.authors:
            stops = verdict.disposition in {Disposition.HOLD, Disposition.REJECT}
            leaves = verdict.disposition in {Disposition.FORWARD, Disposition.REWRITE}
            # What is hidden for an earlier mail's sake is no new offence, or a daily mail would be suspect for ever.
            is_hidden = self._hides_audience(verdict)
            is_offence = is_hidden and (is_mass or not remembered.recollection.facts.struck)
            fate = Fate(
                is_objected=is_offence or (stops and is_mass),
                is_stopped=stops and is_mass,
                is_exposed=leaves and is_exposing and not is_hidden and not self._is_familiar(remembered),
                is_kept=verdict.disposition in {Disposition.DELAY, Disposition.HOLD},
            )
            await self._journal.remember(one, remembered.recollection.thread, fate)
        elif one.announced:
            await self._journal.withdraw(one)

    def lesson(self, remembered: Remembered, verdict: Verdict, inspection: Inspection) -> Lesson:
        """Return what is learned from the message if it leaves."""
        one = remembered.sending
        is_exposing = _is_exposing(one, inspection)
        return Lesson(
            sending=one,
            is_group=is_exposing and len(one.shown) <= self._questions.memory.groups.largest,
            is_exposed=is_exposing and not self._is_familiar(remembered),
            is_hidden=self._hides_audience(verdict),
            values=_values(inspection) if one.outside else (),
        )

    def _is_answer_to_many(self, one: Sending) -> bool:
        return one.is_answer and max(len(one.shown), len(one.addressed)) >= self._questions.memory.storm.recipients

    def _hides_audience(self, verdict: Verdict) -> bool:
        """Whether those in To and Cc are hidden from each other; a rule that conceals blind ones does not do that."""
        return verdict.hidden > 0 and any(one.enforced and one.rule in self._hiding for one in verdict.reasons)

    def _is_familiar(self, remembered: Remembered) -> bool:
        """Whether the outsiders whom a mail shows work together, as the policy or the journal knows."""
        is_named = within_one(remembered.sending.shown, (ANY,), self._policy.groups)
        return is_named or remembered.recollection.facts.familiar > 0


def questions(policy: Policy) -> Questions:
    """Return what the rules of a policy want to know."""
    return Questions(
        memory=policy.memory,
        mass_send=policy.mass_send,
        threads=any(map(policy.asks, (AUDIENCE, AGAIN, FOREIGN, CLOSED, STRUCK, STOPPED))),
        exposure=any(map(policy.asks, (WINDOW, WRITTEN))),
        groups=policy.memory.groups.exempt and any(map(policy.asks, (UNFAMILIAR, WINDOW, WRITTEN))),
        strangers=any(map(policy.asks, (FIRST_TIME, LOOK_ALIKE, TWIN))),
        look_alikes=any(map(policy.asks, (LOOK_ALIKE, TWIN))),
        sent=policy.asks("sent.*"),
    )


def sending(policy: Policy, envelope: Envelope, message: Message) -> Sending:
    """Return what of a message is compared with what is remembered."""
    recipients = tuple(map(canonical, envelope.recipients))
    shown = policy.outsiders([recipient.address for recipient in message.visible])
    addressed = policy.outsiders(recipients)
    answered = answered_ids(message)
    # Nobody asks for the topic of a mail to one, and most mails are.
    is_several = len(shown) > 1 or len(addressed) > 1
    topic = topic_of(message) if is_several else NO_TOPIC
    return Sending(
        id=envelope.id,
        at=envelope.received_at,
        message_id=thread_id(message) or (content_id(message) if is_several else ""),
        answered=answered,
        topic=topic.text,
        is_answer=topic.is_answer or bool(answered),
        is_ours=bool(answered) and policy.inside.contains(answered[0]),
        reverse_path=canonical(envelope.reverse_path),
        login=envelope.login,
        client=envelope.client,
        recipients=recipients,
        outside=tuple([place for place, one in enumerate(recipients) if not policy.inside.contains(one)]),
        addressed=addressed,
        shown=shown,
        names=tuple([(canonical(one.address), one.name) for one in message.visible if one.name])
        if len(message.visible) <= _NAMES
        else (),
    )


def _is_exposing(one: Sending, inspection: Inspection) -> bool:
    """Whether a mail, as its author wrote it, shows outsiders of several organisations to each other."""
    return len(one.shown) > 1 and sum(found.count for found in inspection.findings if found.kind == ORGANISATIONS) > 1


def _values(inspection: Inspection) -> Values:
    """Return the identifiers of a mail to outsiders that are added up."""
    found = inspection.findings
    return tuple([(one.kind.partition(".")[2], one.token) for one in found if one.token is not None])
