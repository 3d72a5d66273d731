"""The smarthost goes away and comes back, alone or as one of several: nothing lost, nothing twice, in order."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final

import pytest

from tests.e2e.client import send
from tests.e2e.conftest import Launch
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta
from tests.e2e.postfix import Postfix

pytestmark = [pytest.mark.e2e]

ADA, BOB = "ada@corp.example", ("bob@shop.example",)
_NUMBER: Final = re.compile(rb"(?m)^Subject: (\d+)\r?$")

#: Quick to see an outage and its end.
HURRIED: Final = {"failures": 2, "probe": "100ms", "longest_probe": "200ms"}


def _mail(number: int) -> bytes:
    return b"From: ada@corp.example\r\nTo: bob@shop.example\r\nSubject: %d\r\n\r\nHello Bob.\r\n" % number


def _hop(port: int) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": port, "tls": "none", "circuit": HURRIED, "unreachable": "accept"}


def _numbers(mta: NextMta) -> list[int]:
    """Return the mails that it has, in order."""
    return [int(found[1]) for one in mta.transactions if (found := _NUMBER.search(one.content))]


@pytest.fixture
async def other_mta() -> AsyncIterator[NextMta]:
    """Give a second next MTA."""
    mta = NextMta()
    await mta.start()
    yield mta
    await mta.stop()


async def _over(running: Gateway) -> None:
    """Wait until every process that left a host alone, receiver or supervisor, has found that it is back."""
    await running.event("smarthost_circuit_closed", len(running.events("smarthost_circuit_opened")))


async def _due(running: Gateway) -> int:
    listed = await running.run("quarantine", "list", "--json", "--reason", "smarthost-unreachable", "--state", "due")
    return len(listed.stdout.splitlines())


@pytest.mark.slow
async def test_mail_is_taken_in_an_outage_and_leaves_after_it_in_order(gateway: Launch, next_mta: NextMta) -> None:
    """With `unreachable: accept`: 250 for each, each once at the smarthost when it is back, oldest first."""
    running = await gateway(next_mta.port, settings={"smarthost": _hop(next_mta.port)})
    assert (await send(running.port, ADA, BOB, _mail(0)))[:3] == "250"
    await next_mta.stop()
    replies = [await send(running.port, ADA, BOB, _mail(number)) for number in range(1, 9)]
    assert [reply[:3] for reply in replies] == ["250"] * 8
    assert all("being delivered" in reply for reply in replies)
    assert await _due(running) == 8
    assert running.events("smarthost_circuit_opened")
    assert await running.metric(f'dlp_smarthost_circuit_open{{host="127.0.0.1:{next_mta.port}"}}') == 1
    assert (await running.get("/readyz")).json()["checks"]["smarthost"] == "ok"
    await next_mta.start()
    await next_mta.until(9, seconds=60)
    await running.event("delivery", 8)
    await _over(running)
    assert (await send(running.port, ADA, BOB, _mail(9)))[:3] == "250"
    assert sorted(_numbers(next_mta)) == list(range(10))
    assert await _due(running) == 0


@pytest.mark.slow
async def test_a_kill_in_the_outage_loses_nothing(gateway: Launch, next_mta: NextMta) -> None:
    """Everything dies (-9) while mail waits for the smarthost; each answered 250 leaves once after both are back."""
    running = await gateway(next_mta.port, settings={"smarthost": _hop(next_mta.port)})
    await next_mta.stop()
    for number in range(4):
        assert (await send(running.port, ADA, BOB, _mail(number)))[:3] == "250"
    await running.kill_all()
    await running.start()
    await next_mta.start()
    await next_mta.until(4, seconds=60)
    await running.event("delivery", 4)
    assert sorted(_numbers(next_mta)) == [0, 1, 2, 3]


async def test_mail_stays_with_the_client_by_default(gateway: Launch, next_mta: NextMta) -> None:
    """With `unreachable: defer` it is told to come back, at once when the outage is known, and custody stays empty."""
    hop = _hop(next_mta.port) | {"unreachable": "defer"}
    running = await gateway(next_mta.port, settings={"smarthost": hop})
    await next_mta.stop()
    replies = [await send(running.port, ADA, BOB, _mail(number)) for number in range(5)]
    assert [reply[:9] for reply in replies] == ["451 4.4.1"] * 5
    assert await _due(running) == 0
    await next_mta.start()
    await _over(running)
    async with asyncio.timeout(30):
        while not (await send(running.port, ADA, BOB, _mail(9))).startswith("250"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert _numbers(next_mta) == [9]


async def test_the_other_host_takes_over_and_gives_back(gateway: Launch, next_mta: NextMta, other_mta: NextMta) -> None:
    """By priority; no mail is deferred while one of them answers."""
    hosts = [
        {"host": "127.0.0.1", "port": next_mta.port},
        {"host": "127.0.0.1", "port": other_mta.port, "priority": 20},
    ]
    hop = {"hosts": hosts, "tls": "none", "circuit": HURRIED}
    running = await gateway(next_mta.port, settings={"smarthost": hop})
    for number in range(2):
        assert (await send(running.port, ADA, BOB, _mail(number)))[:3] == "250"
    await next_mta.stop()
    for number in range(2, 6):
        assert (await send(running.port, ADA, BOB, _mail(number)))[:3] == "250"
    assert (_numbers(next_mta), _numbers(other_mta)) == ([0, 1], [2, 3, 4, 5])
    assert (await running.get("/readyz")).status_code == 200
    await next_mta.start()
    await _over(running)
    assert (await send(running.port, ADA, BOB, _mail(6)))[:3] == "250"
    assert (_numbers(next_mta), _numbers(other_mta)) == ([0, 1, 6], [2, 3, 4, 5])


@pytest.mark.slow
async def test_a_real_postfix_that_is_restarted(gateway: Launch, next_postfix: Postfix) -> None:
    """Mail sent while Postfix is down is in its Maildir once afterwards."""
    running = await gateway(next_postfix.port, settings={"smarthost": _hop(next_postfix.port)})
    await asyncio.to_thread(next_postfix.shell, 'postfix -c "$MAIL_CONFIG" stop')
    for number in range(4):
        assert (await send(running.port, ADA, BOB, _mail(number)))[:3] == "250"
    await asyncio.to_thread(next_postfix.shell, 'postfix -c "$MAIL_CONFIG" start')
    await running.event("delivery", 4, seconds=60)
    found = await next_postfix.until(4)
    assert sorted(int(number[1]) for one in found if (number := _NUMBER.search(one.content))) == [0, 1, 2, 3]
