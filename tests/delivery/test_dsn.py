"""DSNs about mail that left custody, or did not: what was asked for when it came, told once, with the settlement."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dlp_gateway.delivery import DeliveryWorker
from dlp_gateway.deposits import Transport
from dlp_gateway.mail.envelope import NOTHING_ASKED, DsnRequest, Notify, RecipientRequest, Ret
from quarantine.memory import MemoryStore
from quarantine.model import Query, State
from tests.delivery.custody import MAIL, OPTIONS, custody, even_clock, make_due, states
from tests.fakes import LATER, NEVER, ScriptedSmarthost

ITEM = "0000000000000000a1"
WARNING = replace(OPTIONS, warn_after=timedelta(hours=4))


def options(dsn: DsnRequest = NOTHING_ASKED, *, returnable: bool = False) -> str:
    """Return what custody keeps beside a copy."""
    return Transport(body_8bit=False, smtputf8=False, dsn=dsn, returnable=returnable).to_json()


def asked(**wishes: Notify) -> DsnRequest:
    """Return what was asked for a@x.example and the like."""
    return DsnRequest(recipients={f"{name}@x.example": RecipientRequest(notify=wish) for name, wish in wishes.items()})


async def reports(store: MemoryStore) -> list[bytes]:
    """Return the DSNs in custody, oldest first."""
    return [await store.content(item.id) for item in await store.items(Query(reason="dsn"))]


async def attempt(store: MemoryStore, smarthost: ScriptedSmarthost) -> list[bytes]:
    """Let one attempt be made, and return the DSNs that there are then."""
    await make_due(store)
    await DeliveryWorker(store, smarthost, WARNING, even_clock()).deliver_due()
    return await reports(store)


async def test_the_request_reaches_the_smarthost() -> None:
    """A held or deferred mail is sent with what was asked when it came."""
    request = replace(asked(a=Notify.SUCCESS, b=Notify.NEVER), ret=Ret.FULL, envelope_id="x+2By")
    store, smarthost = await custody(options=options(request)), ScriptedSmarthost(notifies=True)
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert (smarthost.asked, await reports(store)) == ([request], [])


async def test_rows_from_before_are_delivered() -> None:
    """A custody that was filled by a gateway without DSN."""
    store = await custody(options='{"body_8bit": false, "smtputf8": false}')
    smarthost = ScriptedSmarthost(rcpt={"b@x.example": NEVER})
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert (await states(store), len(await reports(store))) == ([State.DELIVERED, State.FAILED], 1)


async def test_a_success_out_of_custody_is_told() -> None:
    """Where it was asked for and the smarthost sends none; the other recipient's author asked for nothing."""
    store, smarthost = await custody(options=options(asked(a=Notify.SUCCESS))), ScriptedSmarthost()
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    (report,) = await reports(store)
    assert b"Final-Recipient: rfc822; a@x.example\r\nAction: relayed\r\nStatus: 2.0.0\r\n" in report
    assert b"b@x.example" not in report


async def test_who_waits_long_is_told_once() -> None:
    """Not before its time, not at the next attempts, and after a release anew."""
    store, smarthost = await custody(age=timedelta(hours=3)), ScriptedSmarthost(rcpt={"a@x.example": LATER})
    assert await attempt(store, smarthost) == []
    store, smarthost = await custody(age=timedelta(hours=5)), ScriptedSmarthost(rcpt={"a@x.example": LATER})
    (report,) = await attempt(store, smarthost)
    assert b"Action: delayed\r\nStatus: 4.2.0\r\n" in report
    assert b"b@x.example" not in report
    assert b"Will-Retry-Until: " in report
    assert len(await attempt(store, smarthost)) == 1
    smarthost.rcpt = {"a@x.example": NEVER}
    assert [b"Action: failed" in one for one in await attempt(store, smarthost)].count(True) == 1


@pytest.mark.parametrize(
    ("dsn", "reverse_path", "expected"),
    [
        (NOTHING_ASKED, "ann@corp.example", 1),
        (asked(a=Notify.DELAY), "ann@corp.example", 1),
        (asked(a=Notify.FAILURE | Notify.SUCCESS), "ann@corp.example", 0),
        (asked(a=Notify.NEVER), "ann@corp.example", 0),
        (NOTHING_ASKED, "", 0),
    ],
)
async def test_who_hears_of_a_delay(dsn: DsnRequest, reverse_path: str, expected: int) -> None:
    """Who asked for it or for nothing (RFC 3461 5.2.5), and never the null reverse-path."""
    store = await custody(age=timedelta(hours=5), options=options(dsn), reverse_path=reverse_path)
    assert len(await attempt(store, ScriptedSmarthost(rcpt={"a@x.example": LATER}))) == expected


async def test_no_delay_is_told_where_the_operator_wants_none() -> None:
    """`custody.retry.warn_after: 0s`."""
    store = await custody(age=timedelta(hours=5))
    await DeliveryWorker(store, ScriptedSmarthost(rcpt={"a@x.example": LATER}), OPTIONS).deliver_due()
    assert await reports(store) == []


async def test_a_delay_whose_outcome_is_unknown_is_none() -> None:
    """It may have arrived: a human decides, and the author is not told that he must wait."""
    store = await custody(age=timedelta(hours=5))
    assert await attempt(store, ScriptedSmarthost(final=None)) == []


@pytest.mark.parametrize(
    ("age", "reply", "status"), [(timedelta(), NEVER, b"5.1.1"), (timedelta(days=6), LATER, b"4.4.7")]
)
async def test_the_status_of_who_failed(age: timedelta, reply: object, status: bytes) -> None:
    """Refused, or given up after `max_age` (RFC 3463 3.5)."""
    store = await custody(age=age)
    (report,) = await attempt(store, ScriptedSmarthost(rcpt={"a@x.example": reply}))  # type: ignore[dict-item]
    assert b"Action: failed\r\nStatus: " + status in report


@pytest.mark.parametrize("notify", [Notify.NEVER, Notify.SUCCESS, Notify.DELAY])
async def test_a_failure_that_nobody_wants_to_hear_of(notify: Notify) -> None:
    """It is FAILED all the same, for a reviewer to see."""
    store = await custody(options=options(asked(a=notify)))
    assert await attempt(store, ScriptedSmarthost(rcpt={"a@x.example": NEVER})) == []
    assert await states(store) == [State.FAILED, State.DELIVERED]


@pytest.mark.parametrize("returnable", [False, True])
async def test_what_comes_back_is_what_left(returnable: bool) -> None:  # noqa: FBT001  a parameter
    """Not the addresses that a rewrite hid, nor Bcc fields: the reverse-path may be an outsider's."""
    request = DsnRequest(ret=Ret.FULL)
    store = await custody(options=options(request, returnable=returnable))
    (report,) = await attempt(store, ScriptedSmarthost(rcpt={"a@x.example": NEVER}))
    assert b"c@x.example" in MAIL
    assert b"c@x.example" not in report
    assert b"b@x.example" not in report
    assert (b"\r\n\r\nHi\r\n" in report) is returnable
    assert (b"\r\nFrom: ann@corp.example\r\n" in report) is returnable


async def test_a_released_mail_keeps_its_request() -> None:
    """Held for a week, then let go: what was asked for still holds."""
    store = await custody(State.HELD, age=timedelta(days=7), options=options(asked(b=Notify.NEVER)))
    await store.release(ITEM, actor="ann", reason="", now=datetime.now(UTC))
    smarthost = ScriptedSmarthost(rcpt={"a@x.example": NEVER, "b@x.example": NEVER})
    (report,) = await attempt(store, smarthost)
    assert [name in report for name in (b"a@x.example", b"b@x.example")] == [True, False]
    assert smarthost.asked[0].of("b@x.example").notify is Notify.NEVER


async def test_a_second_failure_after_a_release_is_told_again() -> None:
    """One DSN for each failure, none for its expiry fourteen days later."""
    store, smarthost = await custody(), ScriptedSmarthost(rcpt={"a@x.example": NEVER})
    assert len(await attempt(store, smarthost)) == 1
    await store.release(ITEM, actor="ann", reason="", now=datetime.now(UTC))
    assert len(await attempt(store, smarthost)) == 2
    await store.expire(now=datetime.now(UTC) + timedelta(days=15))
    await DeliveryWorker(store, smarthost, WARNING).keep_house()
    assert len(await reports(store)) == 2
