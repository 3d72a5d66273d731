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

from tests.e2e.client import Client
from tests.e2e.conftest import Launch
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_KILLS: Final = 50
_SESSIONS: Final = 4
_NUMBER: Final = re.compile(rb"Message-ID: <(\d+)@corp\.example>")


def _mail(number: int) -> bytes:
    """Return a mail that is forwarded or, every third, held."""
    text = b"my driver's license number is I1234562 (California)" if number % 3 == 0 else b"Hello Bob"
    return b"From: ada@corp.example\r\nTo: bob@shop.example\r\nMessage-ID: <%d@corp.example>\r\n\r\n%s\r\n" % (
        number,
        text,
    )


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
                        replies = await client.mail("ada@corp.example", ("bob@shop.example",), _mail(number))
                        if not replies[-1]:
                            break
                        if replies[-1].startswith("250"):
                            self.answered.add(number)
            except (OSError, TimeoutError):
                pass
            await asyncio.sleep(0.02)


async def test_fifty_kills_under_load_lose_nothing(gateway: Launch, next_mta: NextMta) -> None:
    """Receivers and, every tenth time, all processes at once are killed while mail flows."""
    chance = random.Random(20261121)
    running = await gateway(next_mta.port)
    load = _Load(running)
    clients = [asyncio.create_task(load.run()) for _ in range(_SESSIONS)]
    for kill in range(1, _KILLS + 1):
        await asyncio.sleep(chance.uniform(0.05, 0.35))
        if kill % 10 == 0:
            await running.kill_all()
            await running.start()
            continue
        receivers = [pid for pid, command in running.processes().items() if "processes.receiver" in command]
        if receivers:
            os.kill(chance.choice(receivers), signal.SIGKILL)
    await asyncio.sleep(1)
    load.stopping = True
    await asyncio.gather(*clients)
    assert len(load.answered) > 100
    sent = Counter(int(found[1]) for one in next_mta.transactions if (found := _NUMBER.search(one.content)))
    listed = (await running.run("quarantine", "list", "--json", "--limit", "100000")).stdout.splitlines()
    kept = set()
    for item in map(json.loads, listed):
        exported = await _message_number(running, item)
        kept.add(exported)
    assert load.answered - set(sent) - kept == set()
    assert {number: count for number, count in sent.items() if count > 1 and number in load.answered} == {}


async def _message_number(running: Gateway, item: dict[str, str]) -> int:
    """Return the number of a kept mail; its group is its Message-ID, so nothing has to be exported."""
    found = re.search(r"<(\d+)@", item["group"])
    if found is None:
        exported = await running.run("quarantine", "export", item["id"])
        return int(_NUMBER.search(exported.stdout)[1])  # type: ignore[index]
    return int(found[1])
