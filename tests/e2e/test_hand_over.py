"""A client that goes away behind its final dot: its mail is handed over, and its retry makes no second copy.

Two receivers share the port, so a retry may well come to another process than the first attempt.
"""

import asyncio
import json
from typing import Final

import pytest

from tests.e2e.client import Client, send
from tests.e2e.conftest import Launch
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: Seconds: clients come back after more; on a busy machine it may take longer to have it on disk that one left.
_COMES_BACK: Final = 0.2

TWO: Final = {"processes": {"receivers": 2}}
ADA, BOB, CY = "ada@corp.example", "bob@shop.example", "cy@shop.example"


def _mail(text: bytes) -> bytes:
    head = (
        b"From: ada@corp.example\r\nTo: bob@shop.example\r\nSubject: Order\r\nMessage-ID: <order@corp.example>\r\n\r\n"
    )
    return head + text + b"\r\n"


CLEAN: Final = _mail(b"Hello Bob.")
HELD: Final = _mail(b"my driver's license number is I1234562 (California)")


async def _leave(port: int, recipients: tuple[str, ...], content: bytes) -> None:
    """Send a mail and go away without a word behind the final dot."""
    client = Client(port)
    await client.__aenter__()
    await client.command("EHLO client.example")
    await client.command(f"MAIL FROM:<{ADA}>")
    for recipient in recipients:
        await client.command(f"RCPT TO:<{recipient}>")
    await client.command("DATA")
    client.write(content + b".\r\n")
    await client._writer.drain()
    client.abort()
    await asyncio.sleep(_COMES_BACK)


async def _insist(port: int, recipients: tuple[str, ...], content: bytes) -> tuple[str, list[str]]:
    """Send a mail until it is answered 250; return that reply, and those before it."""
    before: list[str] = []
    async with asyncio.timeout(60):
        while not (reply := await send(port, ADA, recipients, content)).startswith("250"):
            before.append(reply)
            await asyncio.sleep(0.1)
    return reply, before


async def _items(running: Gateway) -> int:
    listed = await running.run("quarantine", "list", "--json")
    return len([json.loads(line) for line in listed.stdout.splitlines()])


async def test_a_hold_whose_client_went_away_is_one(gateway: Launch, next_mta: NextMta) -> None:
    """The retry is told the first one's id, in whichever process it comes."""
    running = await gateway(next_mta.port, settings=TWO)
    await _leave(running.port, (BOB,), HELD)
    await running.event("in_custody")
    for _ in range(2):
        await _leave(running.port, (BOB,), HELD)
    replies = {(await _insist(running.port, (BOB,), HELD))[0] for _ in range(3)}
    assert len(replies) == 1
    assert await _items(running) == 1
    assert {event["id"] in next(iter(replies)) for event in running.events("in_custody")} == {True}


async def test_a_refused_hold_whose_client_went_away_is_one(gateway: Launch, next_mta: NextMta) -> None:
    """The client that did not read the 550 is told the same again, and a reviewer sees the mail once."""
    review = {"actions": {"review": {"do": "hold", "reply": "refuse"}}}
    policy = {"version": 1, "inside": ["corp.example", "*.corp.example"], **review}
    running = await gateway(next_mta.port, settings=TWO, policy=policy)
    await _leave(running.port, (BOB,), HELD)
    (held,) = await running.event("in_custody")
    replies = {await send(running.port, ADA, (BOB,), HELD) for _ in range(3)}
    assert replies == {f"550 5.7.1 Not sent, held for review ({held['id']})"}
    assert await _items(running) == 1


async def test_a_retry_waits_for_a_slow_smarthost(gateway: Launch, next_mta: NextMta) -> None:
    """While the first attempt is under way all retries wait, then read its answer; the smarthost has one mail."""
    next_mta.script.pauses = {"dot": 3.0}
    running = await gateway(next_mta.port, settings=TWO)
    await _leave(running.port, (BOB,), CLEAN)
    await next_mta.until(1)
    replies = await asyncio.gather(*(_insist(running.port, (BOB,), CLEAN) for _ in range(5)))
    (name,) = (event["id"] for event in running.events("forwarded"))
    assert [(before, name in reply) for reply, before in replies] == [([], True)] * 5
    assert len(next_mta.transactions) == 1


async def test_a_retry_that_waited_long_enough_is_told_so(gateway: Launch, next_mta: NextMta) -> None:
    """451 while a very slow smarthost has the first attempt, then its answer."""
    next_mta.script.pauses = {"dot": 18.0}
    running = await gateway(next_mta.port, settings=TWO)
    await _leave(running.port, (BOB,), CLEAN)
    await next_mta.until(1)
    reply, before = await _insist(running.port, (BOB,), CLEAN)
    assert [one[:9] for one in before] == ["451 4.3.2"]
    assert running.events("forwarded")[0]["id"] in reply
    assert len(next_mta.transactions) == 1


async def test_another_part_of_a_split_mail_is_no_retry(gateway: Launch, next_mta: NextMta) -> None:
    """The same octets for other recipients, as mail servers split long lists: everybody gets one."""
    running = await gateway(next_mta.port, settings=TWO)
    for recipient in (BOB, CY):
        await _leave(running.port, (recipient,), CLEAN)
    await next_mta.until(2)
    await _insist(running.port, (BOB,), CLEAN)
    await _insist(running.port, (CY,), CLEAN)
    await _insist(running.port, (BOB, CY), CLEAN)  # and neither is this one, which names both
    assert [one.recipients for one in next_mta.transactions][2:] == [(BOB, CY)]
    assert {one.recipients for one in next_mta.transactions[:2]} == {(BOB,), (CY,)}


async def test_a_refusal_that_nobody_read_is_a_new_attempt(gateway: Launch, next_mta: NextMta) -> None:
    """The smarthost puts the mail off, the client is gone: the retry is tried anew, and arrives."""
    next_mta.script.replies = {"dot": "451 4.7.1 Later"}
    running = await gateway(next_mta.port, settings=TWO)
    await _leave(running.port, (BOB,), CLEAN)
    await next_mta.until(1)
    await running.event("deferred")
    next_mta.script.replies = {}
    await _insist(running.port, (BOB,), CLEAN)
    assert [one.answered for one in next_mta.transactions] == [False, True]


async def test_mail_taken_in_an_outage_is_one_though_its_client_went_away(gateway: Launch, next_mta: NextMta) -> None:
    """Custody took it, the client did not hear of it and comes again: one item, and one mail when the outage ends."""
    circuit = {"failures": 1, "probe": "100ms", "longest_probe": "200ms"}
    hop = {"host": "127.0.0.1", "port": next_mta.port, "tls": "none", "circuit": circuit, "unreachable": "accept"}
    running = await gateway(next_mta.port, settings=TWO | {"smarthost": hop})
    await next_mta.stop()
    await _leave(running.port, (BOB,), CLEAN)
    await running.event("in_custody")
    await _insist(running.port, (BOB,), CLEAN)
    assert await _items(running) == 1
    await next_mta.start()
    await next_mta.until(1, seconds=60)
    await running.event("delivery")
    assert len(next_mta.transactions) == 1
