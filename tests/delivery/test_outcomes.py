"""Delivery from custody: every reply of the smarthost ends in the state that tells the truth."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dlp_gateway.delivery import DeliveryWorker
from dlp_gateway.observe import instruments
from quarantine.model import Query, State
from tests.delivery.custody import MAIL, OPTIONS, TRACE, custody, even_clock, states
from tests.fakes import LATER, NEVER, ScriptedSmarthost


async def test_due_mail_is_delivered_with_its_edits() -> None:
    """250 → delivered; what leaves is the original with the edits that were kept beside it."""
    store, smarthost = await custody(), ScriptedSmarthost()
    worker = DeliveryWorker(store, smarthost, OPTIONS)
    assert await worker.deliver_due()
    assert await states(store) == [State.DELIVERED, State.DELIVERED]
    assert smarthost.mails == [
        (
            "ann@corp.example",
            ("a@x.example", "b@x.example"),
            TRACE + MAIL.replace(b"Bcc: b@x.example\r\n", b"").replace(b", c@x.example", b""),
        )
    ]
    assert not await worker.deliver_due()


async def test_the_original_leaves_without_blind_copies() -> None:
    """Asked for by name: no rewrite, but neither Bcc fields nor a message without our trace leave."""
    store, smarthost = await custody(State.HELD), ScriptedSmarthost()
    await store.release("0000000000000000a1", actor="ann", reason="", now=datetime.now(UTC), original=True)
    assert await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert await states(store) == [State.DELIVERED, State.DELIVERED]
    (sent,) = smarthost.mails
    assert sent[2] == TRACE + MAIL.replace(b"Bcc: b@x.example\r\n", b"")


async def test_held_mail_stays() -> None:
    """What nobody released is not delivered."""
    store, smarthost = await custody(State.HELD), ScriptedSmarthost()
    assert not await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert smarthost.mails == []


async def test_each_recipient_gets_his_own_truth() -> None:
    """4xx → due again later, 5xx → failed with the reply kept and a DSN to the author."""
    store = await custody()
    smarthost = ScriptedSmarthost(rcpt={"a@x.example": LATER, "b@x.example": NEVER})
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    item = (await store.items(Query(ids=("0000000000000000a1",))))[0]
    later, never = item.recipients
    assert (later.state, never.state) == (State.DUE, State.FAILED)
    assert later.due_at > datetime.now(UTC) + timedelta(seconds=30)
    assert "no such user" in never.reply
    report = (await store.items(Query(reason="dsn")))[0]
    assert [one.address for one in report.recipients] == ["ann@corp.example"]


async def test_a_failed_dsn_makes_no_dsn() -> None:
    """The null reverse-path ends every chain."""
    store = await custody()
    await DeliveryWorker(store, ScriptedSmarthost(rcpt={"b@x.example": NEVER}), OPTIONS).deliver_due()
    refusing = ScriptedSmarthost(rcpt={"ann@corp.example": NEVER})
    await DeliveryWorker(store, refusing, OPTIONS).deliver_due()
    assert len(await store.items(Query())) == 2


def in_doubt() -> float:
    """Return how many recipients were counted as in doubt."""
    lines = instruments.expose()[0].decode().splitlines()
    return float(next(line for line in lines if line.startswith("dlp_in_doubt_total ")).split()[1])


@pytest.mark.parametrize(("retry", "expected"), [(False, State.IN_DOUBT), (True, State.DUE)])
async def test_a_connection_lost_after_the_dot_is_in_doubt(retry: bool, expected: State) -> None:  # noqa: FBT001
    """(j) Whether it arrived is unknown: a human is asked, or it is sent again, as the settings say."""
    before = in_doubt()
    store, smarthost = await custody(), ScriptedSmarthost(final=None)
    await DeliveryWorker(store, smarthost, replace(OPTIONS, retry_in_doubt=retry)).deliver_due()
    assert await states(store) == [expected, expected]
    assert in_doubt() - before == 2


async def test_it_is_given_up_after_its_time() -> None:
    """After `max_age` a deferral counts as a failure, and the author hears of it."""
    store = await custody(age=timedelta(days=6))
    smarthost = ScriptedSmarthost(rcpt={"a@x.example": LATER})
    await DeliveryWorker(store, smarthost, OPTIONS, even_clock()).deliver_due()
    assert await states(store) == [State.FAILED, State.DELIVERED]
    assert len(await store.items(Query(reason="dsn"))) == 1


async def test_copies_in_doubt_have_an_end() -> None:
    """Where what is in doubt is sent again, a host that always hangs up behind the dot gets it for `max_age` only."""
    store = await custody(age=timedelta(days=6))
    options = replace(OPTIONS, retry_in_doubt=True)
    await DeliveryWorker(store, ScriptedSmarthost(final=None), options, even_clock()).deliver_due()
    assert await states(store) == [State.FAILED, State.FAILED]


def test_waits_double_up_to_the_longest() -> None:
    """The back-off is as the operator wrote it."""
    assert [OPTIONS.wait(attempts).total_seconds() / 60 for attempts in range(4)] == [1, 2, 4, 4]


async def test_housekeeping_expires_and_erases() -> None:
    """Nobody decided: expired; over and kept long enough: erased."""
    store = await custody(State.HELD, age=timedelta(days=40))
    worker = DeliveryWorker(store, ScriptedSmarthost(), OPTIONS, even_clock())
    await store.discard("0000000000000000a1", actor="root", reason="", now=datetime.now(UTC) - timedelta(days=35))
    await worker.keep_house()
    with pytest.raises(KeyError):
        await store.content("0000000000000000a1")


@pytest.mark.parametrize("author", ['""@corp.example', "ann@corp..example", "\udcff@corp.example"])
async def test_an_author_who_cannot_be_told(author: str) -> None:
    """An address that no field can hold gets no DSN; the failure counts, and the others have their mail."""
    store = await custody(reverse_path=author)
    smarthost = ScriptedSmarthost(rcpt={"a@x.example": NEVER})
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert (await states(store), len(await store.items(Query()))) == ([State.FAILED, State.DELIVERED], 1)


@pytest.mark.parametrize("name", ["", "gw corp", "gw\r\nBcc: x", "\udcff"])
async def test_a_host_that_no_report_can_name(name: str) -> None:
    """An odd host name costs the author his DSN, never the others their mail."""
    store, smarthost = await custody(), ScriptedSmarthost(rcpt={"a@x.example": NEVER})
    await DeliveryWorker(store, smarthost, replace(OPTIONS, hostname=name, smarthost=name)).deliver_due()
    assert (await states(store), len(await store.items(Query()))) == ([State.FAILED, State.DELIVERED], 1)
