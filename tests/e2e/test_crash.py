"""kill -9 at any moment: each mail answered 250 is at the smarthost or in custody, and none of them twice."""

import asyncio
import json
import os
import random
import re
import signal
from collections import Counter
from typing import Final

import pytest

from tests.e2e.client import Client, send
from tests.e2e.conftest import Launch
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_KILLS: Final = 50  # processes
_WHOLE: Final = 3  # of all processes at once
_SESSIONS: Final = 8
_NUMBER: Final = re.compile(rb"^Subject: (\d+)\r\n", re.MULTILINE)

#: Two receivers share the work, and mails of more than a kilobyte are inspected in a process of their own.
_SETTINGS: Final = {"processes": {"receivers": 2}, "inspection": {"in_place": "1KB"}}


def _mail(number: int, text: bytes) -> bytes:
    return b"From: ada@corp.example\r\nTo: bob@shop.example\r\nSubject: %d\r\n\r\n%s\r\n" % (number, text)


def _held(number: int) -> bytes:
    """Return a mail that a rule holds."""
    return _mail(number, b"my driver's license number is I1234562 (California)")


def _forwarded(number: int) -> bytes:
    """Return a mail with nothing to protect in it; every fifth is inspected by a worker."""
    return _mail(number, b"Hello Bob, see you on Monday.\r\n" * (50 if number % 5 == 0 else 1))


class _Load:
    """Clients that send one numbered mail after another, whatever happens, and note which were answered 250."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.answered: set[int] = set()
        self.number = 0
        self.stopping = False

    async def run(self) -> None:
        """Send until told to stop."""
        while not self.stopping:
            try:
                async with Client(self.gateway.port) as client:
                    await client.command("EHLO client.example")
                    while not self.stopping:
                        self.number += 1
                        number = self.number
                        mail = _held(number) if number % 3 == 0 else _forwarded(number)
                        replies = await client.mail("ada@corp.example", ("bob@shop.example",), mail)
                        if not replies[-1]:
                            break
                        if replies[-1].startswith("250"):
                            self.answered.add(number)
            except (OSError, TimeoutError):
                pass
            await asyncio.sleep(0.02)

    async def flows(self) -> None:
        """Wait until mail is taken again after what has just been done to the gateway."""
        before = len(self.answered)
        async with asyncio.timeout(90):
            while len(self.answered) < before + 2:  # noqa: ASYNC110 - sets no event
                await asyncio.sleep(0.01)


async def _kept(running: Gateway) -> Counter[int]:
    """Return the numbers of the mails in custody, as a reviewer reads them."""
    listed = await running.run("quarantine", "list", "--json", "--limit", "100000")
    return Counter(int(json.loads(line)["subject"]) for line in listed.stdout.splitlines())


def _sent(next_mta: NextMta) -> Counter[int]:
    """Return the numbers of the mails that the smarthost has."""
    return Counter(int(found[1]) for one in next_mta.transactions if (found := _NUMBER.search(one.content)))


async def test_fifty_kills_under_load_lose_nothing(gateway: Launch, next_mta: NextMta) -> None:
    """Receivers, inspection workers and, three times, all processes at once are killed while mail flows."""
    chance = random.Random(20261121)
    running = await gateway(next_mta.port, settings=_SETTINGS)
    load = _Load(running)
    clients = [asyncio.create_task(load.run()) for _ in range(_SESSIONS)]
    killed = whole = 0
    while killed < _KILLS:
        await load.flows()
        await asyncio.sleep(chance.uniform(0, 0.1))
        processes = running.processes()
        others = sorted(processes.keys() - {running.leader})  # none while all wait to be replaced
        if killed >= (whole + 1) * _KILLS // (_WHOLE + 1):
            whole += 1
            killed += len(processes)
            await running.kill_all()
            await running.start()
        elif others:
            os.kill(chance.choice(others), signal.SIGKILL)
            killed += 1
    await load.flows()
    load.stopping = True
    await asyncio.gather(*clients)
    sent, kept = _sent(next_mta), await _kept(running)
    assert (whole, len(load.answered) > 100) == (_WHOLE, True)
    assert {number: (sent[number], kept[number]) for number in load.answered if sent[number] + kept[number] != 1} == {}
    assert sum(sent[number] for number in load.answered) > 50
    assert sum(kept[number] for number in load.answered) > 20


async def test_a_reviewer_who_looks_costs_no_mail(gateway: Launch, next_mta: NextMta) -> None:
    """Held, listed by another process, held, killed: SQLite's log outlives the reader, and both mails are there."""
    running = await gateway(next_mta.port)
    ada, bob = "ada@corp.example", ("bob@shop.example",)
    first = await send(running.port, ada, bob, _held(1))
    assert set(await _kept(running)) == {1}
    second = await send(running.port, ada, bob, _held(2))
    await running.kill_all()
    await running.start()
    assert (first[:3], second[:3], set(await _kept(running))) == ("250", "250", {1, 2})
    assert next_mta.transactions == []
