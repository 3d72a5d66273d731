"""What happened to whose mail: custody's transitions and the journal's rewrites, as one piece of news for each mail."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from dlp_gateway.ledger import Account
from dlp_gateway.policy.verdict import Disposition
from quarantine.model import DEPOSITOR, Standing, State, Transition

#: The reason by which a notice is known in custody; another one beside it tells the kind.
NOTICE: Final = "notice"
_KIND: Final = "notice-"
_OWNER: Final = "owner-"


class Kind(StrEnum):
    """What an author may be told, or the owner of an address."""

    HELD = "held"
    REWRITTEN = "rewritten"
    RELEASED = "released"
    DISCARDED = "discarded"
    EXPIRED = "expired"
    DELAYED = "delayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing to tell an author, or an owner of what he did not write.

    `parts` are transactions of one mail, whose sender splits long lists; first first.
    `recipients` are those to whom it happened, `released` and `waiting` say how many others go on or still wait;
    `moment` is when it leaves (DELAYED) or expires (HELD) by itself, if it does. `as_written`: it leaves without the
    changes that hide people, since a reviewer asked for that by name.
    """

    kind: Kind
    parts: tuple[Account, ...]
    recipients: int
    released: int = 0
    waiting: int = 0
    moment: datetime | None = None
    as_written: bool = False

    @property
    def account(self) -> Account:
        """The mail, or the first of its parts."""
        return self.parts[0]

    @property
    def label(self) -> str:
        """The kind as logs, metrics and custody have it: what an owner is told is another kind of notice."""
        return label(self.kind, self.account)

    @property
    def hidden(self) -> int:
        """How many people no longer see each other; each part of a mail shows the same ones."""
        return 0 if self.as_written else max(part.hidden for part in self.parts)

    @property
    def ids(self) -> tuple[str, ...]:
        """Our ids of all parts."""
        return tuple(part.id for part in self.parts)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The rules of all parts, each once."""
        return tuple(dict.fromkeys(rule for part in self.parts for rule in part.reasons))


def label(kind: str, account: Account) -> str:
    """Return the name of a kind of notice about this mail."""
    return f"{_OWNER}{kind}" if account.owner else kind


def reasons_of(kind: str) -> tuple[str, ...]:
    """Return the reasons with which a notice of that kind lies in custody."""
    return (NOTICE, f"{_KIND}{kind}")


def kind_of(reasons: Iterable[str]) -> str:
    """Return the kind of a notice in custody, "" for other mail."""
    return next((reason.removeprefix(_KIND) for reason in reasons if reason.startswith(_KIND)), "")


def in_custody(
    transitions: Iterable[Transition], accounts: Mapping[str, Account], standings: Mapping[str, Standing]
) -> Iterator[News]:
    """Yield the news of mail in custody, by item in the order of what happened; what has no account is no author's."""
    changes: dict[str, Counter[Kind]] = {}
    for one in transitions:
        account = accounts.get(one.item)
        kind = None if account is None else _kind(one, account)
        if kind is not None:
            changes.setdefault(one.item, Counter())[kind] += 1
    for item, changed in changes.items():
        if item in standings:
            yield from _of_item(accounts[item], changed, standings[item])


def of_rewrites(accounts: Iterable[Account]) -> Iterator[News]:
    """Yield the news of mail that left with its recipients hidden from each other."""
    for account in accounts:
        if account.hidden:
            yield News(kind=Kind.REWRITTEN, parts=(account,), recipients=account.recipients)


def merged(news: Iterable[News]) -> tuple[News, ...]:
    """Put together what happened alike to the parts of one mail: same reader and Message-ID.

    An author has a DSN for each part.
    """
    found: dict[object, News] = {}
    for one in news:
        account = one.account
        alone = not account.message_id or (one.kind is Kind.EXPIRED and not account.owner)
        key = (one.kind, account.entry) if alone else (one.kind, account.whom, account.message_id)
        known = found.get(key)
        found[key] = one if known is None else _joined(known, one)
    return tuple(found.values())


def _kind(one: Transition, account: Account) -> Kind | None:
    """Return what a transition means to the author, or None for what he hears otherwise, or need not know."""
    match one.before, one.after:
        case None, State.HELD:
            return Kind.HELD
        case None, State.DUE if account.disposition is Disposition.DELAY:
            return Kind.DELAYED
        case State.HELD, State.DUE:
            return Kind.RELEASED
        case ((State.HELD | State.DUE), State.DISCARDED) if one.actor != DEPOSITOR:
            return Kind.DISCARDED
        case State.HELD, State.EXPIRED:
            return Kind.EXPIRED
    return None


def _of_item(account: Account, changed: Counter[Kind], standing: Standing) -> Iterator[News]:
    """Yield the DSN for those who expired, and one more piece of news, for all others together."""
    waiting, due = standing.states.get(State.HELD, 0), standing.states.get(State.DUE, 0)
    told = News(kind=Kind.HELD, parts=(account,), recipients=0, released=changed[Kind.RELEASED], waiting=waiting)
    if changed[Kind.EXPIRED]:
        yield replace(told, kind=Kind.EXPIRED, recipients=changed[Kind.EXPIRED])
    if changed[Kind.DISCARDED]:
        yield replace(told, kind=Kind.DISCARDED, recipients=changed[Kind.DISCARDED])
    elif changed[Kind.HELD]:
        if waiting:  # else it was decided about since, and that is the next round's news
            yield replace(told, recipients=waiting, waiting=0, moment=standing.expires_at)
    elif changed[Kind.RELEASED]:
        if account.told:  # who never heard that it was held would only wonder
            as_written = standing.originals > 0
            yield replace(
                told, kind=Kind.RELEASED, recipients=changed[Kind.RELEASED], released=0, as_written=as_written
            )
    elif changed[Kind.DELAYED] and due:
        yield replace(told, kind=Kind.DELAYED, recipients=due, moment=standing.due_at)


def _joined(one: News, other: News) -> News:
    moments = [moment for moment in (one.moment, other.moment) if moment is not None]
    return replace(
        one,
        parts=(*one.parts, *other.parts),
        recipients=one.recipients + other.recipients,
        released=one.released + other.released,
        waiting=one.waiting + other.waiting,
        moment=min(moments, default=None),
        as_written=one.as_written or other.as_written,
    )
