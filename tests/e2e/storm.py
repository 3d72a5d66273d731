"""A storm over a gateway: mail flows while its processes are killed (-9) and its smarthost comes and goes.

Afterwards every mail that was answered 250 must be accounted for: at the smarthost once, or in custody. Four kinds of
mail go through the storm: forwarded (in place, and through a worker), held, and taken in part (one recipient is
deferred, so that he is delivered out of custody); in an outage of the smarthost the forwarded ones are taken too.
"""

import asyncio
import json
import os
import random
import re
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from tests.e2e.client import Client
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta

_NUMBER: Final = re.compile(rb"^Subject: (\d+)\r\n", re.MULTILINE)
_ADA, _BOB, _LATE = "ada@corp.example", "bob@shop.example", "late@shop.example"
_LATER: Final = "450 4.2.0 Later"
_STANDSTILL: Final = 120.0  # seconds without a delivery after which the rest counts as kept
_OPEN: Final = frozenset({"held", "due", "in-doubt", "failed"})

#: Two receivers share the work, mails of more than a kilobyte are inspected in a process of their own, and what is in
#: custody is tried again soon.
SETTINGS: Final[dict[str, Any]] = {
    "processes": {"receivers": 2},
    "inspection": {"in_place": "1KB"},
    "custody": {
        "url": "sqlite:///custody.db",
        "key_file": "custody.key",
        "retry": {"first": "1s", "longest": "4s"},
    },
}


def settings(smarthost: int) -> dict[str, Any]:
    """Return the settings of a gateway for a storm, with its smarthost at a port of 127.0.0.1."""
    circuit = {"failures": 2, "probe": "100ms", "longest_probe": "500ms"}
    hop = {"host": "127.0.0.1", "port": smarthost, "tls": "none", "circuit": circuit, "unreachable": "accept"}
    return SETTINGS | {"smarthost": hop}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A numbered mail."""

    number: int
    recipients: tuple[str, ...]
    content: bytes

    @classmethod
    def of(cls, number: int) -> "Mail":
        """Return the mail of a number: of eight two are held, two go through a worker, one has a late recipient."""
        text = b"Hello Bob, see you on Monday.\r\n"
        recipients: tuple[str, ...] = (_BOB,)
        match number % 8:
            case 0 | 4:
                text = b"my driver's license number is I1234562 (California)\r\n"
            case 1 | 5:
                text *= 50
            case 2:
                recipients = (_BOB, _LATE)
        head = b"From: ada@corp.example\r\nTo: bob@shop.example\r\nSubject: %d\r\n\r\n" % number
        return cls(number=number, recipients=recipients, content=head + text)


@dataclass(slots=True)
class Report:
    """What came of a storm: numbers answered 250, by number and recipient how often sent and in which states kept."""

    answered: set[int] = field(default_factory=set)
    tried: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    outages: int = 0
    sent: Counter[tuple[int, str]] = field(default_factory=Counter)
    kept: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def lost(self) -> list[tuple[int, str]]:
        """Recipients of mails answered 250 whose mail is nowhere."""
        return [
            one
            for one in self._promised
            if not self.sent[one] and not any(state in _OPEN for state in self.kept.get(one, []))
        ]

    @property
    def twice(self) -> list[tuple[int, str]]:
        """Recipients of mails answered 250 who got, or will get, more than one copy."""
        sure = {"held", "due"}
        return [
            one
            for one in self._promised
            if self.sent[one] + sum(state in sure for state in self.kept.get(one, [])) > 1
            or len(self.kept.get(one, [])) > 1
        ]

    @property
    def _promised(self) -> list[tuple[int, str]]:
        return [(number, recipient) for number in sorted(self.answered) for recipient in Mail.of(number).recipients]

    def __str__(self) -> str:
        states = Counter(state for states in self.kept.values() for state in states)
        return (
            f"{self.tried} mails, {len(self.answered)} answered 250; {self.kills.total()} kills: {dict(self.kills)}; "
            f"{self.outages} outages; "
            f"at the smarthost: {sum(self.sent.values())}; in custody: {dict(states)}; "
            f"lost: {len(self.lost)}, twice: {len(self.twice)}; {self.seconds:.0f} s"
        )


class Storm:
    """Clients that send one numbered mail after another, whatever happens, and what happens to the gateway."""

    def __init__(self, running: Gateway, next_mta: NextMta, *, seed: int, sessions: int = 8) -> None:
        self._gateway = running
        self._next_mta = next_mta
        self._chance = random.Random(seed)
        self._sessions = sessions
        self._stopping = False
        self.report = Report()

    async def blow(self, *, kills: int, mails: int, supervisors: int, wholes: int) -> Report:
        """Kill `kills` processes while at least `mails` are sent, then wait for calm and account for everything.

        Among the kills are `supervisors` of the supervisor alone and `wholes` of all processes at once.
        """
        begun = time.monotonic()
        clients = [asyncio.create_task(self._send()) for _ in range(self._sessions)]
        weather = asyncio.create_task(self._come_and_go())
        special = ["supervisor"] * supervisors + ["whole"] * wholes
        self._chance.shuffle(special)
        every = max(1, kills // (len(special) + 1))
        due = [every * (place + 1) for place in range(len(special))]
        while self.report.kills.total() < kills:
            await self._flows()
            await asyncio.sleep(self._chance.uniform(0, 0.1))
            if due and self.report.kills.total() >= due[0]:
                due.pop(0)
                await self._kill_many(special.pop())
            else:
                self._kill_one()
        while self.report.tried < mails:
            await self._flows()
        self._stopping = True
        await asyncio.gather(*clients)
        weather.cancel()
        await asyncio.gather(weather, return_exceptions=True)
        await self._calm()
        self.report.seconds = time.monotonic() - begun
        return self.report

    # --- what happens -------------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        while not self._stopping:
            try:
                async with Client(self._gateway.port) as client:
                    await client.command("EHLO client.example")
                    while not self._stopping:
                        self.report.tried += 1
                        mail = Mail.of(self.report.tried)
                        replies = await client.mail(_ADA, mail.recipients, mail.content)
                        if not replies[-1]:
                            break
                        if len(replies) == len(mail.recipients) + 3 and replies[-1].startswith("250"):
                            self.report.answered.add(mail.number)
            except (OSError, TimeoutError):
                pass
            await asyncio.sleep(0.02)

    async def _come_and_go(self) -> None:
        """Take the smarthost away now and then, as a machine that loses its power; let it greylist someone at times."""
        while True:
            self._next_mta.script.replies = {_LATE: _LATER} if self._chance.random() < 0.3 else {}
            await asyncio.sleep(self._chance.uniform(3, 8))
            await self._next_mta.stop()
            self.report.outages += 1
            try:
                await asyncio.sleep(self._chance.uniform(0.2, 1.5))
            finally:
                await self._next_mta.start()

    async def _flows(self) -> None:
        """Wait until mail is taken again after what has just been done."""
        before = len(self.report.answered)
        async with asyncio.timeout(120):
            while len(self.report.answered) < before + 2:  # noqa: ASYNC110 - sets no event
                await asyncio.sleep(0.01)

    def _kill_one(self) -> None:
        """Kill a worker or another process below the supervisor, as often the one as the other."""
        kinds: dict[str, list[int]] = {}
        for pid, command in sorted(self._gateway.processes().items()):
            if pid != self._gateway.leader:
                kinds.setdefault("worker" if "dlp-gateway: worker" in command else "receiver", []).append(pid)
        if kinds:  # there are none while all wait to be replaced
            kind = self._chance.choice(sorted(kinds))
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(self._chance.choice(kinds[kind]), signal.SIGKILL)
                self.report.kills[kind] += 1

    async def _kill_many(self, what: str) -> None:
        if what == "supervisor":
            self.report.kills["supervisor"] += 1
            await self._gateway.kill()
        else:
            self.report.kills["all at once"] += len(self._gateway.processes())
            await self._gateway.kill_all()
        await self._gateway.start(parts=("receivers", "custody"))

    # --- afterwards ---------------------------------------------------------------------------------------------------

    async def _calm(self) -> None:
        """Let everything leave that leaves by itself, and read what is where."""
        self._next_mta.script.replies = {}
        kept = await self._kept()
        left, since = self._due(kept), time.monotonic()
        while left and time.monotonic() < since + _STANDSTILL:
            await asyncio.sleep(2)
            kept = await self._kept()
            if (now := self._due(kept)) < left:
                left, since = now, time.monotonic()
        await self._gateway.stop()  # nothing moves between the two looks
        self.report.kept = await self._kept()
        self.report.sent = Counter(
            (int(found[1]), recipient)
            for one in self._next_mta.transactions
            if (found := _NUMBER.search(one.content))
            for recipient in one.recipients
        )

    def _due(self, kept: dict[tuple[int, str], list[str]]) -> int:
        """Return how many recipients of mails that were answered 250 are still to be served."""
        return sum("due" in states and number in self.report.answered for (number, _), states in kept.items())

    async def _kept(self) -> dict[tuple[int, str], list[str]]:
        """Return the states in custody, as a reviewer reads them."""
        listed = await self._gateway.run("quarantine", "list", "--json", "--limit", "100000")
        if listed.returncode:
            raise RuntimeError(listed.stderr.decode())
        kept: dict[tuple[int, str], list[str]] = {}
        in_doubt = self._in_doubt()
        for line in listed.stdout.splitlines():
            item = json.loads(line)
            if item["subject"].isdigit():  # a DSN has words
                for recipient in item["recipients"]:
                    doubt = recipient["state"] == "due" and item["id"] in in_doubt
                    state = "in-doubt" if doubt else recipient["state"]
                    kept.setdefault((int(item["subject"]), recipient["address"]), []).append(state)
        return kept

    def _in_doubt(self) -> set[str]:
        """Return the items of which a killed process may have sent the final dot: due by name, and never sent again.

        They are called in doubt as soon as a gateway looks after custody again.
        """
        with closing(sqlite3.connect(self._gateway.database)) as connection:
            return {item for (item,) in connection.execute("SELECT item FROM recipients WHERE handing_over")}
