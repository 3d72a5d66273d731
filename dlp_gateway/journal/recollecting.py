"""What earlier mails to several mean for this one: an answer to all, a storm, a second attempt, a window. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dlp_gateway.detect.base import Exposure, Facts, Thread
from dlp_gateway.policy.memory import Storm
from dlp_gateway.recollection import Questions

#: Of a mass mail's outsiders an answer without references goes to so many, in hundredths, or it answers another mail.
_OVERLAP: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """A mail to several, in digests. `root` is its thread's, b"" if it begins one; `shown` may be in no other's sight.

    Of this mail, `sender` is always there; `is_objected`, `is_stopped` and `is_exposed` are told later.
    """

    message: bytes
    at: datetime
    sender: bytes
    topic: bytes
    root: bytes
    is_answer: bool
    is_objected: bool
    is_stopped: bool
    is_exposed: bool
    shown: frozenset[bytes]
    addressed: frozenset[bytes]

    @property
    def audience(self) -> frozenset[bytes]:
        """All outsiders whom it shows or goes to."""
        return self.shown | self.addressed


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """Mailings that concern one mail: earlier `parts` of it, what it answers, its thread, topic and sender."""

    parts: tuple[Mailing, ...]
    answered: tuple[Mailing, ...]
    in_thread: tuple[Mailing, ...]
    on_topic: tuple[Mailing, ...]
    by_sender: tuple[Mailing, ...]


def facts(this: Mailing, found: Remembered, questions: Questions, *, is_ours: bool, familiar: int) -> Facts:
    """Return what is known of a mail; `is_ours`: what it answers was written in our house.

    A working group may answer all of itself, and show itself to itself; who gets it besides, blind, may not be of it.
    """
    if familiar and this.addressed <= this.shown:
        return Facts(familiar=familiar)
    # Who puts all of them in Bcc, as we ask for, answers to all by no slip of the hand.
    addressed = this.addressed.union(*(part.addressed for part in found.parts)) if this.shown else frozenset[bytes]()
    same_topic = tuple(one for one in found.on_topic if _is_same_circle(one, this))
    parents = found.answered or same_topic
    # Who answers a mail that nobody of ours wrote shows no circle of his own: its author did.
    own = () if this.root and not parents and not is_ours else found.by_sender
    objected = (*own, *found.answered, *found.in_thread, *same_topic)
    return Facts(
        thread=_thread(parents, addressed, questions.mass_send),
        foreign=len(this.shown) if this.is_answer and not parents and not is_ours else 0,
        closed=_closed(this, (*found.in_thread, *same_topic), questions.memory.storm),
        struck=_struck(this, (one for one in objected if one.is_objected), questions),
        stopped=_struck(this, (one for one in objected if one.is_stopped), questions),
        familiar=familiar,
        exposure=None if familiar else _exposure(this, found.by_sender, questions),
    )


def elsewhere(this: Mailing, found: Remembered, authors: frozenset[bytes]) -> int:
    """Return to how many outsiders earlier parts of an outsider's mail went and this one does not, authors aside."""
    return len(frozenset[bytes]().union(*(part.addressed for part in found.parts)) - this.addressed - authors)


def _is_same_circle(earlier: Mailing, this: Mailing) -> bool:
    """Whether a mail of the same topic is one that this one answers, by its own words, to its circle.

    Two colleagues who write "Invoice" to the same customers do not answer each other.
    """
    audience = earlier.audience
    return this.is_answer and bool(audience) and 100 * len(audience & this.audience) >= _OVERLAP * len(audience)


def _thread(parents: Iterable[Mailing], addressed: frozenset[bytes], mass_send: int) -> Thread | None:
    """Return the mass send of which most outsiders are addressed again."""
    reached = [(len(one.audience & addressed), len(one.audience)) for one in parents if _is_mass(one, mass_send)]
    if not reached:
        return None
    again, audience = max(reached)
    return Thread(audience=audience, addressed_again=again)


def _is_mass(one: Mailing, mass_send: int) -> bool:
    return len(one.shown) >= mass_send


def _closed(this: Mailing, others: Sequence[Mailing], storm: Storm) -> int:
    """Return to how many outsiders this answer goes if its thread is closed, be it by this answer."""
    if not this.is_answer or len(this.audience) < storm.recipients:
        return 0
    answers = sorted(
        (one.at, one.sender)
        for one in (*others, this)
        if one.is_answer
        and len(one.audience) >= storm.recipients
        and this.at - storm.closed - storm.within <= one.at <= this.at
    )
    begin = 0
    for place, (at, _) in enumerate(answers):
        while answers[begin][0] <= at - storm.within:
            begin += 1
        is_storm = len({sender for _, sender in answers[begin : place + 1]}) >= storm.senders
        if is_storm and at > this.at - storm.closed:
            return len(this.audience)
    return 0


def _is_near(earlier: Mailing, this: Mailing, period: timedelta) -> bool:
    """Whether it was within the period: by a clock that was set back since, it may stand so long after this one."""
    return abs(this.at - earlier.at) < period


def _struck(this: Mailing, objected: Iterable[Mailing], questions: Questions) -> int:
    """Return how many outsiders of one of these mails, as far as they count still, this one shows again."""
    lately = (one for one in objected if _is_near(one, this, questions.memory.strike))
    return max((len(one.audience & this.shown) for one in lately), default=0)


def _exposure(this: Mailing, by_sender: tuple[Mailing, ...], questions: Questions) -> Exposure | None:
    """Return what the sender's window adds up to, if this mail adds to it and others did.

    Small mails are added up: what a mass mail shows is judged, and mostly hidden, by rules that look at it alone.
    """
    earlier = [one for one in by_sender if _is_near(one, this, questions.memory.window)]
    before = frozenset[bytes]().union(*(one.shown for one in earlier if one.is_exposed))
    written = before.union(*(one.shown for one in earlier if one.is_objected))
    if not written or len(this.shown) < 2:
        return None
    return Exposure(
        before=len(before) if this.shown - before and not _is_mass(this, questions.mass_send) else 0,
        joint=len(before | this.shown),
        written=len(written | this.shown) if this.shown - written else 0,
    )
