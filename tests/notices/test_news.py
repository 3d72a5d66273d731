"""From what happened to one piece of news for each mail: a table, and every transition that custody knows."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.ledger import Account
from dlp_gateway.notices.news import Kind, News, in_custody, kind_of, merged, reasons_of
from dlp_gateway.policy.verdict import Disposition
from quarantine.model import CUSTODIAN, DELIVERY, DEPOSITOR, TRANSITIONS, Standing, State, Transition

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HELD, DUE, DISCARDED, EXPIRED = State.HELD, State.DUE, State.DISCARDED, State.EXPIRED
Step = tuple[State | None, State]


def account(name: str, disposition: Disposition = Disposition.HOLD, told: str = "", message_id: str = "") -> Account:
    """Return a mail."""
    return Account(
        entry=f"{name}.1",
        id=name,
        author="ann@corp.example",
        whom=b"ann",
        message_id=message_id,
        received_at=NOON,
        disposition=disposition,
        reasons=(name,),
        recipients=3,
        hidden=0,
        language="",
        automatic=False,
        told=told,
    )


def steps(item: str, *taken: Step, actor: str = "rita") -> list[Transition]:
    """Return what happened to an item."""
    return [
        Transition(number=number, at=NOON, actor=actor, item=item, reasons=(), before=before, after=after)
        for number, (before, after) in enumerate(taken, 1)
    ]


def standing(**states: int) -> Standing:
    """Return how an item stands."""
    counts = {State(name): count for name, count in states.items()}
    return Standing(states=counts, due_at=NOON + timedelta(minutes=10), expires_at=NOON + timedelta(days=14))


def found(happened: Iterable[Transition], one: Account, now: Standing) -> list[tuple[str, int, int, int]]:
    """Return kind, recipients, others released and others waiting of each piece of news."""
    news = in_custody(happened, {one.id: one}, {one.id: now})
    return [(piece.kind.value, piece.recipients, piece.released, piece.waiting) for piece in news]


@pytest.mark.parametrize(("originals", "hidden"), [(0, 37), (3, 0)])
def test_whom_a_released_mail_hides(originals: int, hidden: int) -> None:
    """Those whom the rewrite hides, unless a reviewer sends it as it was written."""
    held = replace(account("m1", told="held"), hidden=37)
    (news,) = in_custody(steps("m1", (HELD, DUE)), {"m1": held}, {"m1": replace(standing(due=3), originals=originals)})
    assert (news.kind, news.hidden) == (Kind.RELEASED, hidden)


@pytest.mark.parametrize(
    ("taken", "now", "expected"),
    [
        (((None, HELD), (None, HELD)), {"held": 2}, [("held", 2, 0, 0)]),
        (((None, HELD), (None, HELD), (HELD, DUE)), {"held": 1, "due": 1}, [("held", 1, 1, 0)]),
        (((None, HELD), (HELD, DUE)), {"due": 1}, []),
        (((None, HELD),), {"discarded": 1}, []),  # decided about since: the next round's news
        (((HELD, DUE), (HELD, DUE)), {"due": 2, "held": 1}, [("released", 2, 0, 1)]),
        (((HELD, DUE), (HELD, DISCARDED)), {"due": 1, "held": 1, "discarded": 1}, [("discarded", 1, 1, 1)]),
        (((HELD, EXPIRED),), {"expired": 1}, [("expired", 1, 0, 0)]),
        (
            ((HELD, EXPIRED), (HELD, DISCARDED)),
            {"expired": 1, "discarded": 1},
            [("expired", 1, 0, 0), ("discarded", 1, 0, 0)],
        ),
        (((None, DUE),), {"due": 1}, []),
        (((DUE, State.DELIVERED), (DUE, State.FAILED), (State.FAILED, EXPIRED)), {"expired": 1}, []),
        (((State.FAILED, DUE), (State.IN_DOUBT, DUE), (State.FAILED, DISCARDED)), {"due": 2}, []),
    ],
)
def test_what_becomes_news(
    taken: tuple[Step, ...], now: dict[str, int], expected: list[tuple[str, int, int, int]]
) -> None:
    """The decisions about one mail within one round, as its author is told of them."""
    assert found(steps("m1", *taken), account("m1", told="held"), standing(**now)) == expected


def test_a_delay_is_news_of_a_delayed_mail_only() -> None:
    """What the smarthost defers is due as well; and what has left already is no news."""
    delayed = account("m1", Disposition.DELAY)
    assert found(steps("m1", (None, DUE)), delayed, standing(due=1)) == [("delayed", 1, 0, 0)]
    assert found(steps("m1", (None, DUE)), delayed, standing(delivered=1)) == []
    assert found(steps("m1", (None, DUE)), account("m1", Disposition.FORWARD), standing(due=1)) == []


@given(
    taken=st.lists(st.sampled_from([*sorted(TRANSITIONS), (None, HELD), (None, DUE)]), max_size=8),
    actor=st.sampled_from(["rita", DEPOSITOR, DELIVERY, CUSTODIAN]),
    told=st.sampled_from(["", "held"]),
    disposition=st.sampled_from(Disposition),
    now=st.dictionaries(st.sampled_from([state.value for state in State]), st.integers(1, 3), max_size=3),
)
def test_at_most_a_report_and_one_notice(
    taken: list[Step], actor: str, told: str, disposition: Disposition, now: dict[str, int]
) -> None:
    """Whatever happened to a mail within a round, its author hears once, and beside it of who expired."""
    kinds = [
        kind for kind, *_ in found(steps("m1", *taken, actor=actor), account("m1", disposition, told), standing(**now))
    ]
    assert len([kind for kind in kinds if kind != "expired"]) <= 1
    assert kinds.count("expired") <= 1


def test_who_is_not_known_is_no_news() -> None:
    """A notice, a DSN, a mail that the journal forgot, an item that is gone."""
    happened = steps("m1", (None, HELD))
    assert list(in_custody(happened, {}, {"m1": standing(held=1)})) == []
    assert list(in_custody(happened, {"m1": account("m1")}, {})) == []


def test_parts_of_a_mail_are_put_together() -> None:
    """Counts are added, the earliest time counts, reasons and ids are all there; a report is for each part."""
    made = [
        News(
            kind=kind,
            parts=(account(f"m{number}", message_id="<1@corp.example>"),),
            recipients=number,
            released=1,
            waiting=2,
            moment=NOON + timedelta(days=number),
        )
        for kind in (Kind.DISCARDED, Kind.EXPIRED)
        for number in (2, 1, 3)
    ]
    discarded, *expired = merged(made)
    assert (discarded.recipients, discarded.released, discarded.waiting) == (6, 3, 6)
    assert discarded.moment == NOON + timedelta(days=1)
    assert (discarded.ids, discarded.reasons) == (("m2", "m1", "m3"), ("m2", "m1", "m3"))
    assert [one.ids for one in expired] == [("m2",), ("m1",), ("m3",)]


def test_mail_without_an_id_is_never_put_together() -> None:
    """Two alerts of a device are two mails."""
    made = [News(kind=Kind.HELD, parts=(account(name),), recipients=1) for name in ("m1", "m2")]
    assert len(merged(made)) == 2


def test_a_notice_in_custody_tells_its_kind() -> None:
    """By its reasons, which stand in clear; other mail has none."""
    assert kind_of(("dsn", *reasons_of("expired"))) == "expired"
    assert kind_of(("payment.card", "dsn", "notice")) == ""
