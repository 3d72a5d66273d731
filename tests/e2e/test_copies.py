"""A mail that is split, through the whole gateway: one copy each, and nobody outside sees another."""

import json

import pytest

from tests.e2e.client import send
from tests.e2e.conftest import Launch
from tests.e2e.next_mta import NextMta
from tests.e2e.test_gateway import BULK, CUSTOMERS

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

POLICY = {"version": 1, "inside": ["corp.example"], "set": {"bulk-visible.action": "split"}}


async def test_forty_customers_get_forty_copies(gateway: Launch, next_mta: NextMta) -> None:
    """The client reads 250 when the copies are committed; one that is refused costs nobody else his."""
    running = await gateway(next_mta.port, policy=POLICY)
    next_mta.script.replies = {CUSTOMERS[7]: "550 5.1.1 Nobody"}
    everybody = (*CUSTOMERS, "dora@corp.example", "boss@corp.example")
    answer = await send(running.port, "ada@corp.example", everybody, BULK)
    assert answer.startswith("250 2.0.0 Taken, being delivered (")
    transactions = await next_mta.until(41, 60)  # 39 copies, the insiders', and the DSN
    copies = {one.recipients: one.content for one in transactions if one.reverse_path}
    assert sorted(copies) == sorted(
        [*((one,) for one in CUSTOMERS if one != CUSTOMERS[7]), ("dora@corp.example", "boss@corp.example")]
    )
    for (reader, *others), content in copies.items():
        header = content.partition(b"\r\n\r\n")[0]
        seen = [customer for customer in CUSTOMERS if f"{customer}".encode() in header]
        assert seen == ([reader] if not others else list(CUSTOMERS))
        assert content.endswith(b"\r\n\r\nDear customers,\r\nplease confirm.\r\n")
    listed = json.loads((await running.run("quarantine", "list", "--json", "--state", "failed")).stdout)
    states = {one["address"]: one["state"] for one in listed["recipients"]}
    assert [address for address, state in states.items() if state != "delivered"] == [CUSTOMERS[7]]


async def test_copies_survive_a_crash(gateway: Launch, next_mta: NextMta) -> None:
    """What was committed before the 250 leaves after a restart, each copy once."""
    custody = {"url": "sqlite:///custody.db", "key_file": "custody.key", "keep": "30d", "retry": {"first": "5s"}}
    running = await gateway(next_mta.port, policy=POLICY, settings={"custody": custody})
    next_mta.script.replies = {"MAIL": "451 4.3.0 Later"}
    assert (await send(running.port, "ada@corp.example", CUSTOMERS, BULK))[:3] == "250"
    await running.event("delivery", len(CUSTOMERS))
    await running.kill()
    # It says 354 to whoever was refused at MAIL, and gets a lone dot for it (RFC 2920 3.1): that was no mail.
    assert {one.content for one in next_mta.transactions} == {b""}
    next_mta.transactions.clear()
    next_mta.script.replies = {}
    await running.start()
    transactions = await next_mta.until(40, 90)
    assert sorted(one.recipients for one in transactions) == sorted((one,) for one in CUSTOMERS)
