"""What earlier mails tell about a new one, and what is learned from those that left: the memory's one way in and out.

A look-up costs a third of a millisecond, so that few mails may need one: those that show outsiders to each other or
answer to many, and those to strangers. The rest is answered out of the process's own memory.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, delete, select

from dlp_gateway.detect.base import NO_FACTS, Facts, Sent
from dlp_gateway.journal import (
    announcements,
    circles,
    correspondents,
    lessons,
    mailings,
    recollecting,
    sent_values,
    tables,
)
from dlp_gateway.journal.correspondents import NOBODY, Correspondents, Seen
from dlp_gateway.journal.digests import Digests
from dlp_gateway.journal.recollecting import Mailing, Remembered
from dlp_gateway.journal.sent_values import Value
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import Entry, Passage
from dlp_gateway.recollection import Fate, Lesson, Questions, Recollection, Sending
from quarantine.crypto import PublicKey
from quarantine.database import Database
from quarantine.groups import Groups

T = TypeVar("T")

#: Rows that are dropped in one transaction of `prune`.
_BATCH: Final = 500

_NOTHING: Final = Recollection(facts=NO_FACTS)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def day_of(moment: datetime) -> int:
    """Return the day since 1970, in UTC."""
    return (moment - _EPOCH).days


class Memory:
    """The memory of one process. Rows are shared by all; what it has met it does not look up again."""

    def __init__(self, database: Database, public: PublicKey) -> None:
        self._database = database
        self._digests = Digests(public)
        self._correspondents = Correspondents(self._digests)
        self._groups: Groups[Callable[[Connection], Any], Any] = Groups(self._commit)

    # --- one mail -----------------------------------------------------------------------------------------------------

    async def recollect(self, sending: Sending, questions: Questions) -> Recollection:
        """Return what is remembered that concerns a message."""
        recollection = await self._recollect_mailings(sending, questions)
        if not sending.outside or not (questions.strangers or questions.sent):
            return recollection
        met, sent = NOBODY, None
        if questions.strangers:
            met = await self._correspondents.look_up(self._database, sending, questions)
        if questions.sent:
            sent = Sent(key=self._digests.sent_key(self._sender(sending)))
        if recollection is _NOTHING and met is NOBODY:  # most mails
            return Recollection(facts=Facts(sent=sent)) if sent else _NOTHING
        facts = replace(
            recollection.facts, strangers=met.strangers, look_alikes=met.look_alikes, twins=met.twins, sent=sent
        )
        return Recollection(facts=facts, thread=recollection.thread)

    async def _recollect_mailings(self, sending: Sending, questions: Questions) -> Recollection:
        is_group = questions.groups and 1 < len(sending.shown) <= questions.memory.groups.largest
        is_several = len(sending.shown) > 1 or (sending.is_answer and len(sending.addressed) > 1)
        is_asked = is_several and (questions.threads or questions.exposure or is_group)
        if not (is_asked or sending.authors):
            return _NOTHING
        this = mailings.mailing(sending, self._digests)
        answered = tuple(self._digests.message(one, "") for one in sending.answered)

        def look(connection: Connection) -> tuple[Mailing, Remembered, int]:
            found = mailings.find(
                connection, this, answered, questions.memory, sending.announced, parts_only=not is_asked
            )
            since = day_of(sending.at - questions.memory.groups.within)
            return *found, circles.familiar(connection, this.shown, since) if is_group else 0

        this, found, familiar = await self._database.look(look)
        facts = Facts()
        if is_asked:
            facts = recollecting.facts(this, found, questions, is_ours=sending.is_ours, familiar=familiar)
        if sending.authors:
            authors = self._digests.addresses(sending.authors)
            facts = replace(facts, elsewhere=recollecting.elsewhere(this, found, authors))
        return Recollection(facts=facts, thread=this.root)

    async def announce(self, sending: Sending, *, is_exposed: bool, is_objected: bool) -> int:
        """Commit that a mail to several is under way, and what it will have been at the worst; return its number."""
        this = mailings.mailing(sending, self._digests)
        this = replace(this, is_exposed=is_exposed, is_objected=is_objected)
        return await self._write(lambda connection: announcements.announce(connection, this))

    async def add_values(self, sending: Sending, values: tuple[Value, ...], window: timedelta) -> tuple[Value, ...]:
        """Commit what a mail is about to send outside; return what its sender sent of that sort within the window."""
        sender = self._sender(sending)
        return await self._write(lambda connection: sent_values.add(connection, sender, values, sending.at, window))

    async def withdraw(self, sending: Sending, values: tuple[Value, ...]) -> None:
        """Commit that an announced mail is none that is remembered, and that it does not send these values."""
        sender, message = self._sender(sending), self._digests.message(sending.message_id, sending.id)

        def withdraw(connection: Connection) -> None:
            if sending.announced:
                announcements.withdraw(connection, message, sending.announced)
            sent_values.withdraw(connection, sender, values, sending.at)

        await self._write(withdraw)

    def _sender(self, sending: Sending) -> bytes:
        return self._digests.sender(sending.reverse_path, sending.login, sending.client)

    async def remember(self, sending: Sending, thread: bytes, fate: Fate) -> None:
        """Commit a mail to several before it leaves; it is no longer under way then."""
        this = replace(mailings.mailing(sending, self._digests), root=thread)

        def remember(connection: Connection) -> None:
            mailings.remember(connection, this, fate, sending.id)
            if sending.announced:
                announcements.withdraw(connection, this.message, sending.announced)

        await self._write(remember)

    async def _write(self, body: Callable[[Connection], T]) -> T:
        """Commit what `body` writes, together with what others write at the same time."""
        answer: T = await self._groups.add(body)
        return answer

    async def _commit(self, bodies: list[Callable[[Connection], Any]]) -> list[Any]:
        return await self._database.transact(lambda connection: [body(connection) for body in bodies])

    # --- learning -----------------------------------------------------------------------------------------------------

    def learning(self, entries: Iterable[Entry]) -> "Learning":
        """Return what mail that left teaches, or, if it lies in custody, will have taught."""
        seen: dict[int, list[Seen]] = {}
        writes: list[Callable[[Connection], None]] = []
        for entry in entries:
            outcomes = {one.outcome for one in entry.passages}
            if entry.lesson is None:
                continue
            sending, is_held = entry.lesson.sending, entry.disposition is Disposition.HOLD
            if "custody" in outcomes:
                writes.append(partial(self._keep, lesson=entry.lesson, is_held=is_held))
            if "forwarded" in outcomes:
                day = day_of(sending.at)
                taken = [sending.recipients[place] for place in sending.outside if _left(entry.passages[place])]
                seen.setdefault(day, []).extend(self._correspondents.seen(sending, taken, day))
                if entry.lesson.is_group and not entry.lesson.is_hidden:
                    writes.append(partial(circles.learn, shown=self._digests.addresses(sending.shown), day=day))
        met = [self._correspondents.learning(pairs, day) for day, pairs in sorted(seen.items())]
        return Learning(tuple(writes), tuple(met))

    def _keep(self, connection: Connection, *, lesson: Lesson, is_held: bool) -> None:
        """Keep what a mail in custody will have taught; what it sends is known already if it leaves by itself."""
        sending = lesson.sending
        outside = [sending.recipients[place] for place in sending.outside]
        lessons.keep(
            connection,
            sending.id,
            sending.at,
            pairs=(one.pair for one in self._correspondents.seen(sending, outside)),
            members=self._digests.addresses(sending.shown) if lesson.is_group else (),
            is_exposed=lesson.is_exposed,
            is_hidden=lesson.is_hidden,
            is_held=is_held,
            sender=self._sender(sending),
            sent=lesson.values if is_held else (),
        )

    async def settle(self) -> int:
        """Learn from mail that left custody since; return from how many."""
        return await self._database.transact(_settle) if await self._database.look(lessons.any_waits) else 0

    async def prune(self, before: datetime, window: timedelta) -> None:
        """Forget what is older than `before`, and values sent once their window is over."""
        now, day = datetime.now(UTC), day_of(before)
        async with self._database.writing() as connection:
            await connection.execute(delete(tables.mailings).where(tables.mailings.c.at < before))
            await connection.run_sync(announcements.forget, max(before, now - announcements.KEPT))
            await connection.execute(delete(tables.lessons).where(tables.lessons.c.at < before))
            await connection.execute(delete(tables.circle_members).where(tables.circle_members.c.last < day))
            await connection.execute(delete(tables.sent_values).where(tables.sent_values.c.written_at < now - window))
        pairs, forms = tables.correspondents.c, tables.likenesses.c
        while True:
            async with self._database.writing() as connection:
                old = select(pairs.pair).where(pairs.last_day < day).limit(_BATCH)
                gone = (await connection.execute(old)).scalars().all()
                await connection.execute(delete(tables.likenesses).where(forms.pair.in_(gone)))
                await connection.execute(delete(tables.correspondents).where(pairs.pair.in_(gone)))
            if len(gone) < _BATCH:
                return


@dataclass(frozen=True, slots=True)
class Learning:
    """What some mails teach: made without the database, written in a transaction, kept in mind when that is done."""

    writes: tuple[Callable[[Connection], None], ...]
    met: tuple[correspondents.Learning, ...]

    def write(self, connection: Connection) -> None:
        """Write it in the caller's transaction."""
        for write in self.writes:
            write(connection)
        for one in self.met:
            one.write(connection)

    def committed(self) -> None:
        """It is on disk."""
        for one in self.met:
            one.committed()


def _settle(connection: Connection) -> int:
    settled = lessons.take_settled(connection)
    sent: dict[tuple[bytes, datetime], list[Value]] = {}
    for one in settled:
        mailings.settled(connection, one.item, is_released=one.is_released, is_exposed=one.is_exposed)
        if one.left_at is None:
            continue
        correspondents.note(connection, one.pairs, day_of(one.at))
        if one.members:
            circles.learn(connection, one.members, day_of(one.at))
        if one.sent:  # a reviewer may have let it wait for days: the window is about when it left
            sent.setdefault((one.sender, one.left_at), []).extend(one.sent)
    sent_values.learn(connection, sent)
    return len(settled)


def _left(passage: Passage) -> bool:
    return passage.outcome == "forwarded"
