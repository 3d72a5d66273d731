"""Killed (-9) at any moment: each mail answered 250 is at the smarthost or in custody, and none of them twice.

`python -m tests.benchmarks.crash` is the same in full: 200 kills and 10,000 mails.
"""

import json
from collections import Counter

import pytest

from tests.e2e import storm
from tests.e2e.client import send
from tests.e2e.conftest import Launch
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta
from tests.e2e.storm import Mail, Storm

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


async def test_kills_under_load_lose_nothing_and_double_nothing(gateway: Launch, next_mta: NextMta) -> None:
    """Receivers, workers, the supervisor and all at once die while mail flows and the smarthost comes and goes."""
    running = await gateway(next_mta.port, settings=storm.settings(next_mta.port))
    report = await Storm(running, next_mta, seed=20261121).blow(kills=20, mails=200, supervisors=1, wholes=1)
    assert (report.lost, report.twice) == ([], [])
    assert {"receiver", "worker", "supervisor", "all at once"} <= set(report.kills)
    assert len(report.answered) > 60
    states = Counter(state for kept in report.kept.values() for state in kept)
    assert states["held"] > 5
    assert states["delivered"] > 0


async def _kept(running: Gateway) -> Counter[int]:
    """Return the numbers of the mails in custody, as a reviewer reads them."""
    listed = await running.run("quarantine", "list", "--json")
    return Counter(int(json.loads(line)["subject"]) for line in listed.stdout.splitlines())


async def test_a_reviewer_who_looks_costs_no_mail(gateway: Launch, next_mta: NextMta) -> None:
    """Held, listed by another process, held, killed: SQLite's log outlives the reader, and both mails are there."""
    running = await gateway(next_mta.port)
    ada, bob = "ada@corp.example", ("bob@shop.example",)
    first = await send(running.port, ada, bob, Mail.of(4).content)
    assert set(await _kept(running)) == {4}
    second = await send(running.port, ada, bob, Mail.of(8).content)
    await running.kill_all()
    await running.start()
    assert (first[:3], second[:3], set(await _kept(running))) == ("250", "250", {4, 8})
    assert next_mta.transactions == []
