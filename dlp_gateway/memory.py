"""What the pipeline asks the journal's memory about a message, and what it tells it, as the rules in force need it.

Here a message becomes a `Sending`, the part of it that is compared and remembered; the look-ups are the journal's.
"""

from dataclasses import dataclass, replace
from typing import Final

from dlp_gateway.detect.acquaintance import FIRST_TIME, LOOK_ALIKE, TWIN
from dlp_gateway.detect.base import Inspection
from dlp_gateway.detect.exposure import WINDOW, WRITTEN
from dlp_gateway.detect.recipients import ORGANISATIONS, UNFAMILIAR
from dlp_gateway.detect.redistribution import OUTSIDERS as REDISTRIBUTED
from dlp_gateway.detect.reply_all import AGAIN, AUDIENCE, CLOSED, FOREIGN, STOPPED, STRUCK
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.redistribution import passed_on_authors
from dlp_gateway.mail.reference import answered_ids, own_id
from dlp_gateway.mail.subject import NO_TOPIC, topic_of
from dlp_gateway.policy.groups import ANY, within_one
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.verdict import Disposition, Verdict
from dlp_gateway.ports import Journal
from dlp_gateway.recollection import Fate, Lesson, Questions, Recollection, Sending

#: Display names that are compared; a mail with more is a mailing.
_NAMES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A message and what was recollected of it, kept until it is known what becomes of it."""

    sending: Sending
    recollection: Recollection


class Memory:
    """Asks and tells the journal what the rules of one policy need."""

    def __init__(self, policy: Policy, journal: Journal) -> None:
        self._policy = policy
        self._journal = journal
        self._questions = questions(policy)
        self._ours = DomainSet(policy.seen_by_all)
        self._asks_who_wrote = policy.asks(REDISTRIBUTED)

    async def recollect(self, envelope: Envelope, message: Message) -> Remembered:
        """Look up what is remembered that concerns a message."""
        one = sending(self._policy, envelope, message)
        if self._asks_who_wrote and one.addressed:
            authors = passed_on_authors(envelope, message, self._ours, self._policy.lists)
            one = replace(one, authors=authors) if authors else one
        return Remembered(sending=one, recollection=await self._journal.recollect(one, self._questions))

    async def remember(self, remembered: Remembered, verdict: Verdict, inspection: Inspection) -> None:
        """Commit a mail to several before it leaves, so that the next one is compared with it."""
        one = remembered.sending
        is_exposing = _is_exposing(one, inspection)
        is_mass = len(one.shown) >= self._questions.mass_send
        many = self._questions.memory.storm.recipients
        is_answer_to_many = one.is_answer and max(len(one.shown), len(one.addressed)) >= many
        if is_exposing or is_mass or is_answer_to_many or verdict.hidden or one.authors:
            stops = verdict.disposition in {Disposition.HOLD, Disposition.REJECT}
            leaves = verdict.disposition in {Disposition.FORWARD, Disposition.REWRITE}
            # What is hidden for an earlier mail's sake is no new offence, or a daily mail would be suspect for ever.
            is_offence = verdict.hidden > 0 and (is_mass or not remembered.recollection.facts.struck)
            fate = Fate(
                is_objected=is_offence or (stops and is_mass),
                is_stopped=stops and is_mass,
                is_exposed=leaves and is_exposing and not verdict.hidden and not self._is_familiar(remembered),
                is_kept=verdict.disposition in {Disposition.DELAY, Disposition.HOLD},
            )
            await self._journal.remember(one, remembered.recollection.thread, fate)

    def lesson(self, remembered: Remembered, verdict: Verdict, inspection: Inspection) -> Lesson:
        """Return what is learned from the message if it leaves."""
        one = remembered.sending
        values = ((found.kind.partition(".")[2], found.token) for found in inspection.findings)
        is_exposing = _is_exposing(one, inspection)
        return Lesson(
            sending=one,
            is_group=is_exposing and len(one.shown) <= self._questions.memory.groups.largest,
            is_exposed=is_exposing and not self._is_familiar(remembered),
            is_hidden=verdict.hidden > 0,
            values=tuple((identifier, token) for identifier, token in values if token is not None and one.outside),
        )

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
    shown = policy.outsiders(recipient.address for recipient in message.visible)
    addressed = policy.outsiders(recipients)
    answered = answered_ids(message)
    # Nobody asks for the topic of a mail to one, and most mails are.
    topic = topic_of(message) if len(shown) > 1 or len(addressed) > 1 else NO_TOPIC
    return Sending(
        id=envelope.id,
        at=envelope.received_at,
        message_id=own_id(message),
        answered=answered,
        topic=topic.text,
        is_answer=topic.is_answer or bool(answered),
        is_ours=bool(answered) and policy.inside.contains(answered[0]),
        reverse_path=canonical(envelope.reverse_path),
        login=envelope.login,
        client=envelope.client,
        recipients=recipients,
        outside=tuple(place for place, one in enumerate(recipients) if not policy.inside.contains(one)),
        addressed=addressed,
        shown=shown,
        names=tuple((canonical(one.address), one.name) for one in message.visible if one.name)
        if len(message.visible) <= _NAMES
        else (),
    )


def _is_exposing(one: Sending, inspection: Inspection) -> bool:
    """Whether a mail, as its author wrote it, shows outsiders of several organisations to each other."""
    organisations = sum(found.count for found in inspection.findings if found.kind == ORGANISATIONS)
    return len(one.shown) > 1 and organisations > 1
