"""Tells authors what became of their mail, and reviewers what waits: follows custody's log, writes through custody.

Runs in the supervisor. One round reads what happened since the last one, by whichever process, and takes the notices
into custody in the transaction that moves the mark: a crash neither loses nor doubles one. Who is told: the
reverse-path, if it is inside and no program's; of what an outsider wrote and an address of ours passes on, the owner of
that address. A notice leaves with the null reverse-path (RFC 5321 4.5.5), so that
neither another gateway nor this one ever answers it; one that cannot be delivered is counted, and nobody is told.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from dlp_gateway.ledger import Account, Ledger, Marks, Progress, Window
from dlp_gateway.notices import letters, owners, reviewers
from dlp_gateway.notices.expiry import report
from dlp_gateway.notices.limits import EVERYBODY, HOUR, REVIEWERS, Gate
from dlp_gateway.notices.news import Kind, News, in_custody, kind_of, merged, of_rewrites
from dlp_gateway.notices.round import NoticeOptions, Occasion, Round, why_not
from dlp_gateway.observe import log, metrics
from quarantine.model import Item, Query, State, Transition
from quarantine.store import Store, StoreError

#: Transitions, rewritten mails and windows in one round: some tenths of a second, and some megabytes.
_BATCH: Final = 500
#: How often an error of our own may cost a round, before each thing has a round of its own.
_OWN_FAILURES: Final = 5
#: How long the parts of one mail count as one: clients and servers split long lists of recipients.
_SAME_MAIL: Final = timedelta(hours=1)
#: How far a mark may be ahead of the clock, which NTP moves a little; more was written before it was set back.
_AHEAD: Final = timedelta(minutes=1)
#: Items of a state that a digest looks at.
_LOOKED_AT: Final = 200

#: What a round may be about.
_PARTS: Final = ("happened", "rewritten", "over", "digest")

_ENDS: Final = frozenset({State.DELIVERED, State.FAILED, State.EXPIRED})


class NoticeWorker:
    """The loop that tells."""

    def __init__(self, store: Store, ledger: Ledger, options: NoticeOptions) -> None:
        self._store = store
        self._ledger = ledger
        self._options = options
        self._stopping = asyncio.Event()
        self._failures = 0

    def use(self, options: NoticeOptions) -> None:
        """Go by other options from the next round on."""
        self._options = options

    def stop(self) -> None:
        """Finish the round that is under way, and no other."""
        self._stopping.set()

    async def begin(self) -> None:
        """Set the first mark, if there is none: what happened before anybody could be told is nobody's news."""
        if await self._ledger.marks() is None:
            marks = Marks(seen=await self._store.last_transition(), digest_at=datetime.now(UTC))
            await self._store.take((), also=self._ledger.begin(marks))

    async def run(self) -> None:
        """Tell until `stop`; custody that cannot be used is waited for."""
        while not self._stopping.is_set():
            more = False
            try:
                if self._failures < _OWN_FAILURES:
                    more = await self.tell()
                else:
                    await self.tell_singly()
                self._failures = 0
            except StoreError as error:
                log.store_unavailable(error)
                metrics.store_error()
            except Exception as error:  # noqa: BLE001  the worker loop: the next round may go well
                _note_internal(error)
                self._failures += 1
            if not more:
                await self._pause()

    async def tell(self) -> bool:
        """Go one round; return whether there may be more to tell at once."""
        marks = await self._ledger.marks()
        if marks is None:
            await self.begin()
            return False
        now = datetime.now(UTC)
        occasion = await self._occasion(marks, now, _BATCH, _PARTS)
        await self._go_round(occasion, marks, now)
        return len(occasion.happened) >= _BATCH or len(occasion.rewritten) >= _BATCH

    async def tell_singly(self) -> None:
        """Go a round for each thing that there is to tell: what we fail at then is passed over, all else is told."""
        for part in _PARTS:
            try:
                for _ in range(_BATCH):
                    if not await self._tell_one(part):
                        break
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001  as in `run`: there is more to tell than this
                _note_internal(error)

    async def _tell_one(self, part: str) -> bool:
        """Go a round for the first thing that there is; return whether there was one."""
        marks, now = await self._ledger.marks(), datetime.now(UTC)
        if marks is None:
            return False
        occasion = await self._occasion(marks, now, 1, (part,))
        try:
            return await self._go_round(occasion, marks, now)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  as in `run`: nobody hears of this, and the log says so
            _note_internal(error)
        await self._commit(await self._round(now, (), (), self._options), marks, occasion, passed_over=True)
        return True

    # --- one round ----------------------------------------------------------------------------------------------------

    async def _occasion(self, marks: Marks, now: datetime, limit: int, parts: tuple[str, ...]) -> Occasion:
        """Look for what there is to tell, in these parts of it."""
        digest_at = self._digest_at(marks, now) if "digest" in parts and self._options.reviewers else None
        return Occasion(
            happened=await self._store.transitions(after=marks.seen, limit=limit) if "happened" in parts else (),
            rewritten=await self._ledger.untold(limit) if "rewritten" in parts else {},
            over=await self._ledger.ended(before=now - HOUR, now=now, limit=limit) if "over" in parts else (),
            digest_at=digest_at,
        )

    def _digest_at(self, marks: Marks, now: datetime) -> datetime | None:
        """Return the time that a digest bears if it is due: the same time of day as ever, unless the clock was ahead.

        Then it is now: nobody can say how long ago the last one was.
        """
        if marks.digest_at > now + _AHEAD:
            return now
        periods = (now - marks.digest_at) // self._options.digest
        return marks.digest_at + periods * self._options.digest if periods >= 1 else None

    async def _go_round(self, occasion: Occasion, marks: Marks, now: datetime) -> bool:
        """Tell and commit it; return whether that made any difference."""
        options = self._options
        is_news = occasion.happened or occasion.rewritten
        news = await self._news(occasion.happened, occasion.rewritten) if is_news else ()
        this = await self._round(now, news, occasion.over, options)
        for window, account in occasion.over:
            await self._sum_up(this, window, account, options)
        await self._tell_authors(this, news, options)
        await self._alarm(this, news, options)
        if occasion.digest_at is not None:
            await self._write_digest(this, options)
        if not (is_news or occasion.digest_at or this.gate.changed or this.closed):
            return False
        await self._commit(this, marks, occasion)
        return True

    async def _news(self, happened: Sequence[Transition], rewritten: Mapping[str, Account | None]) -> tuple[News, ...]:
        items = tuple(dict.fromkeys(one.item for one in happened if not kind_of(one.reasons)))
        accounts = await self._ledger.accounts(items)
        standings = await self._store.standings(tuple(accounts))
        return merged((*in_custody(happened, accounts, standings), *of_rewrites(filter(None, rewritten.values()))))

    async def _round(
        self,
        now: datetime,
        news: Sequence[News],
        over: Sequence[tuple[Window, Account | None]],
        options: NoticeOptions,
    ) -> Round:
        people = {EVERYBODY, REVIEWERS, *(one.account.whom for one in news), *(window.whom for window, _ in over)}
        windows = await self._ledger.windows(tuple(people))
        gate = Gate(each=options.each, together=options.together, now=now, windows=windows)
        return Round(now=now, head=options.head, gate=gate)

    # --- authors ------------------------------------------------------------------------------------------------------

    async def _sum_up(self, this: Round, window: Window, account: Account | None, options: NoticeOptions) -> None:
        """Tell in one notice what was over somebody's limit, when his hour is over."""
        if window.whom == REVIEWERS and window.waiting and options.reviewers:
            if this.gate.sum_up(window):
                await self._write_digest(this, options)
        elif not window.waiting or account is None or not options.policy.inside.contains(options.reader(account)):
            this.closed.append(window.whom)
        elif this.gate.sum_up(window):
            reader, said = options.reader(account), options.said(account)
            if account.owner:
                this.write(owners.summary(window, account, reader, said))
            else:
                this.write(letters.summary(window, reader, said))

    async def _tell_authors(self, this: Round, news: Sequence[News], options: NoticeOptions) -> None:
        known: set[str] = set()
        for kind in (Kind.HELD, Kind.REWRITTEN):
            accounts = tuple(one.account for one in news if one.kind is kind)
            known |= await self._ledger.told_since(accounts, kind, this.now - _SAME_MAIL) if accounts else set()
        for one in news:
            account = one.account
            if reason := why_not(one, options):
                this.note(one, reason)
            elif account.entry in known and one.kind in {Kind.HELD, Kind.REWRITTEN}:
                this.note(one, "known")
                this.heard(one)
            elif not this.gate.admit(account.whom):
                this.gate.defer(account.whom, one.kind, account.entry)
                this.note(one, "collected")
            else:
                await self._tell_author(this, one, options)

    async def _tell_author(self, this: Round, one: News, options: NoticeOptions) -> None:
        account = one.account
        said = options.said(account)
        if account.owner:
            this.write(owners.to_owner(one, options.reader(account), said, options.policy))
        elif one.kind is Kind.EXPIRED:
            notice = await report(self._store, one, said, options.policy, options.head, this.now)
            if notice is not None:
                this.notices.append(notice)
            this.note(one, "queued" if notice else "unasked")
        else:
            rewrites = await self._ledger.rewrites(account, _month(account)) if one.kind is Kind.REWRITTEN else 1
            this.write(letters.to_author(one, said, options.policy, rewrites))
        this.heard(one)

    # --- reviewers ----------------------------------------------------------------------------------------------------

    async def _alarm(self, this: Round, news: Sequence[News], options: NoticeOptions) -> None:
        """Tell reviewers at once what is of high severity."""
        urgent = reviewers.urgent(news, options.policy, options.head.hostname) if options.reviewers else ()
        if urgent and this.gate.admit(REVIEWERS):
            for address in options.reviewers:
                this.write(reviewers.alarm(address, urgent, options.words(address)))
        elif urgent:
            this.gate.defer(REVIEWERS, reviewers.URGENT, "", len(urgent))

    async def _write_digest(self, this: Round, options: NoticeOptions) -> None:
        """Write to each reviewer what waits, if anything does; our own notices that nobody takes are none of it."""
        found: list[Item] = []
        for states in (frozenset({State.HELD}), frozenset({State.FAILED, State.IN_DOUBT})):
            found += await self._store.items(Query(states=states, limit=_LOOKED_AT))
        distinct = {item.id: item for item in found if not kind_of(item.reasons) and "dsn" not in item.reasons}
        accounts = await self._ledger.accounts(tuple(distinct))
        through = {name: account.owner for name, account in accounts.items()}
        waiting = [reviewers.of_item(item, options.policy, through.get(item.id, "")) for item in distinct.values()]
        if not waiting:
            return
        held = (await self._store.statistics()).recipients[State.HELD]
        for address in options.reviewers:
            this.write(reviewers.digest(address, waiting, held, options.words(address)))

    # --- the end of a round -------------------------------------------------------------------------------------------

    async def _commit(self, this: Round, marks: Marks, occasion: Occasion, *, passed_over: bool = False) -> None:
        """Take the notices and move the mark, both or neither; then count. `passed_over`: nobody waits for it more."""
        happened = occasion.happened
        progress = Progress(
            before=marks.seen,
            seen=happened[-1].number if happened else marks.seen,
            looked_at=tuple(occasion.rewritten),
            told=this.told,
            windows=tuple(this.gate.changed.values()),
            closed=tuple(window.whom for window, _ in occasion.over) if passed_over else tuple(this.closed),
            digest_at=occasion.digest_at,
        )
        await self._store.take(tuple(this.notices), also=self._ledger.keep(progress))
        for mail, kind, result in this.results:
            log.notice(mail, kind, result)
            metrics.notice(kind, result)
        for one in happened:
            kind = kind_of(one.reasons)
            if kind and one.after in _ENDS:
                metrics.notice(kind, one.after)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), self._options.poll.total_seconds())


def _note_internal(error: Exception) -> None:
    log.internal_error("", "notices", error)
    metrics.internal_error("notices")


def _month(account: Account) -> datetime:
    """Return when the month of a mail began on this machine, whose time zone stands in notices."""
    return account.received_at.astimezone().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
