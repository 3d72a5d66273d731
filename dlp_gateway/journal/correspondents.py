"""Who writes to whom: known pairs, and strangers who look like somebody known. Learned from mail that left, by day.

Beside the pairs of senders and recipients there are rows for each sender, each domain and the house itself, so that
nobody is judged before enough was seen.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Connection, LargeBinary, bindparam, case, literal, select, union_all

from dlp_gateway.detect.likeness import domain_forms, neighbour_forms, twin_forms
from dlp_gateway.detect.organisations import organisation
from dlp_gateway.journal.conflicts import inserting
from dlp_gateway.journal.digests import Digests, pair
from dlp_gateway.journal.tables import correspondents, likenesses
from dlp_gateway.mail.address import domain_of
from dlp_gateway.recollection import Questions, Sending
from quarantine.database import Database

#: On how many days somebody must have been written to before others are mistaken for him.
FREQUENT: Final = 3

#: Recipients outside beyond whom nothing is learned, and strangers beyond whom nobody is compared: that is a mailing.
RECIPIENTS: Final = 50
STRANGERS: Final = 10

#: A mailbox name that so many have ("office", "info") makes no twins.
COMMON: Final = 3

#: Pairs that a process remembers; some 200 octets each.
KEPT: Final = 65_536

_HOUSE: Final = pair(b"the house", b"")
_c: Final = correspondents.c

# Written once, since building a statement takes longer than running it: days by pair, and pairs by form.
_KNOWN: Final = union_all(
    select(_c.pair, _c.days, literal(b"", LargeBinary).label("form")).where(
        _c.pair.in_(bindparam("pairs", expanding=True, type_=LargeBinary))
    ),
    select(likenesses.c.pair, literal(0), likenesses.c.form).where(
        likenesses.c.form.in_(bindparam("forms", expanding=True, type_=LargeBinary))
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquaintance:
    """Places in the envelope: see `detect.base.Facts`."""

    strangers: tuple[int, ...] = ()
    look_alikes: tuple[int, ...] = ()
    twins: tuple[int, ...] = ()


NOBODY: Final = Acquaintance()


_Sort = Literal["sender", "domain", "person"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Something that was seen on a day: a pair of digests, and what may be mistaken for it, in plain.

    `sort` is "sender" for him who wrote (and for the house), "domain" or "person"; `name` a person's display name.
    """

    pair: bytes
    sort: _Sort
    author: bytes
    address: str = ""
    name: str = ""


class Correspondents:
    """One process's view of the pairs: those that it has met cost no look-up."""

    def __init__(self, digests: Digests) -> None:
        self._digests = digests
        self._met: dict[bytes, int] = {}  # pair → the last day that is written down

    def seen(self, sending: Sending, recipients: Collection[str], day: int | None = None) -> tuple[Seen, ...]:
        """Return what is learned from a mail that left for these recipients outside; given a day, what is new on it."""
        if not sending.reverse_path or not 0 < len(recipients) <= RECIPIENTS:
            return ()
        author, names = self._digests.address(sending.reverse_path), dict(sending.names)
        found: list[tuple[bytes, _Sort, bytes, str]] = [
            (_HOUSE, "sender", b"", ""),
            (pair(author, author), "sender", author, ""),
        ]
        for address in recipients:
            found += (
                (self._domain(address), "domain", b"", address),
                (pair(author, self._digests.address(address)), "person", author, address),
            )
        return tuple(
            Seen(pair=one, sort=sort, author=whose, address=address, name=names.get(address, "") if whose else "")
            for one, sort, whose, address in found
            if day is None or self._met.get(one, -1) < day
        )

    # --- learning -----------------------------------------------------------------------------------------------------

    def learning(self, seen: Iterable[Seen], day: int) -> "Learning":
        """Return what is to be noted of what is new on a day."""
        return Learning(self, {one.pair: one for one in seen}, day)

    def note(self, connection: Connection, new: Mapping[bytes, Seen], day: int) -> None:
        """Note pairs in the caller's transaction."""
        note(connection, new, day)
        if known := {one: found for one, found in new.items() if found.sort != "sender"}:
            days = _days(connection, tuple(known))
            # A day later as well: the third may have come from a mail that a reviewer released, without names.
            frequent = [found for one, found in known.items() if days[one] in {FREQUENT, FREQUENT + 1}]
            self._make_mistakable(connection, frequent)

    def meet(self, pairs: Iterable[bytes], day: int) -> None:
        """Keep in mind that pairs are noted for a day."""
        for one in pairs:
            self._met.pop(one, None)
            self._met[one] = day
        while len(self._met) > KEPT:
            del self._met[next(iter(self._met))]

    def _make_mistakable(self, connection: Connection, frequent: Iterable[Seen]) -> None:
        rows = [{"form": form, "pair": one.pair} for one in frequent for form in self._forms(one)]
        if rows:
            connection.execute(inserting(connection, likenesses).on_conflict_do_nothing(), rows)

    # --- looking up ---------------------------------------------------------------------------------------------------

    async def look_up(self, database: Database, sending: Sending, questions: Questions) -> Acquaintance:
        """Return who of the recipients is a stranger, and whom he resembles; nothing before enough was seen."""
        recipients = [sending.recipients[place] for place in sending.outside]
        if self._all_met(sending.reverse_path, recipients):  # most mails
            return NOBODY
        seen = {one.pair: one for one in self.seen(sending, recipients)}
        unmet = [one for pair, one in seen.items() if one.sort == "person" and pair not in self._met]
        if not unmet:
            return NOBODY
        domains = {organisation(domain_of(one.address)): one for one in seen.values() if one.sort == "domain"}
        compared = [*unmet, *domains.values()] if questions.look_alikes and len(unmet) <= STRANGERS else []
        forms = {one.pair: frozenset(self._forms(one)) for one in compared}
        wanted = frozenset[bytes]().union(*forms.values())
        days: dict[bytes, int] = {}
        holders: dict[bytes, set[bytes]] = {}
        values = {"pairs": tuple(seen), "forms": tuple(wanted)}
        for known, on_days, form in await database.look(lambda connection: connection.execute(_KNOWN, values).all()):
            if form:
                holders.setdefault(form, set()).add(known)
            else:
                days[known] = on_days
        self.meet((one.pair for one in unmet if one.pair in days), -1)
        strangers = [one for one in unmet if one.pair not in days]
        learning = questions.memory.learning
        if not strangers or days.get(next(pair for pair, one in seen.items() if one.author), 0) < learning:
            return NOBODY
        alike = {
            pair
            for pair, theirs in forms.items()
            if any(0 < len(holders.get(form, set()) - {pair}) < COMMON for form in theirs)
        }
        odd = {
            domain
            for domain, one in domains.items()
            if one.pair in alike and days.get(one.pair, 0) < FREQUENT and days.get(_HOUSE, 0) >= learning
        }
        places = dict(zip(recipients, sending.outside, strict=True))
        return Acquaintance(
            strangers=_places(places, strangers),
            look_alikes=_places(places, (one for one in strangers if organisation(domain_of(one.address)) in odd)),
            twins=_places(places, (one for one in strangers if one.pair in alike)),
        )

    def _all_met(self, reverse_path: str, recipients: Collection[str]) -> bool:
        author = self._digests.address(reverse_path)
        return all(pair(author, self._digests.address(one)) in self._met for one in recipients)

    # --- digests ------------------------------------------------------------------------------------------------------

    def _domain(self, address: str) -> bytes:
        return pair(b"domain", self._digests.address(organisation(domain_of(address))))

    def _forms(self, one: Seen) -> Iterator[bytes]:
        """Yield the digests of the forms by which somebody is mistaken: for a domain in the whole house."""
        if one.sort == "domain":
            forms = domain_forms(domain_of(one.address))
        else:
            forms = neighbour_forms(one.address) | twin_forms(one.address, one.name)
        for form in forms:
            yield self._digests.form(one.author, form)


@dataclass(frozen=True, slots=True)
class Learning:
    """Pairs that were seen on a day and are not noted for it yet."""

    correspondents: Correspondents
    new: Mapping[bytes, Seen]
    day: int

    def write(self, connection: Connection) -> None:
        """Note them in the caller's transaction."""
        self.correspondents.note(connection, self.new, self.day)

    def committed(self) -> None:
        """Do not note them for that day again."""
        self.correspondents.meet(self.new, self.day)


def note(connection: Connection, pairs: Iterable[bytes], day: int) -> None:
    """Write down that pairs were seen on a day; a day counts once, and an earlier one that comes late not at all."""
    rows = [{"pair": one, "last_day": day, "days": 1} for one in sorted(pairs)]
    if not rows:
        return
    insert = inserting(connection, correspondents)
    later = _c.last_day < insert.excluded.last_day
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[_c.pair],
            set_={
                "days": _c.days + case((later, 1), else_=0),
                "last_day": case((later, insert.excluded.last_day), else_=_c.last_day),
            },
        ),
        rows,
    )


def _days(connection: Connection, pairs: Collection[bytes]) -> dict[bytes, int]:
    """Return on how many days each pair was seen; those that never were are missing."""
    rows = connection.execute(select(_c.pair, _c.days).where(_c.pair.in_(tuple(pairs))))
    return {row.pair: row.days for row in rows}


def _places(places: Mapping[str, int], people: Iterable[Seen]) -> tuple[int, ...]:
    return tuple(sorted(places[one.address] for one in people))
