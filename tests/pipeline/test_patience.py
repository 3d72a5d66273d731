"""What a mail that is small but dear costs those who send at the same time."""

import asyncio
import time

from dlp_gateway.detect.base import Finding, Inspection
from dlp_gateway.detect.recipients import ORGANISATIONS, OUTSIDERS, UNFAMILIAR
from quarantine.memory import MemoryStore
from tests.fakes import MemoryJournal, ScriptedSmarthost
from tests.pipeline.line import BULK, CUSTOMERS, Broken, envelope, made


class _Turns:
    """How long the loop was away at a time, in seconds of the loop's own thread."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def count(self) -> None:
        """Look at each turn how much the thread worked since the last."""
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest, before = max(self.longest, now - before), now


async def test_the_loop_does_not_read_a_long_header(
    smarthost: ScriptedSmarthost, custody: MemoryStore, journal: MemoryJournal
) -> None:
    """Two hundred kilobytes of addresses take half a second to be looked through; the loop goes on with others."""
    kinds = (OUTSIDERS, ORGANISATIONS, UNFAMILIAR)
    found = tuple(
        Finding(kind=kind, detector="test", rule=kind, count=12, score=1.0, where="header:To") for kind in kinds
    )
    inspector = Broken(Inspection(findings=found, failures=(), unreadable=()))
    header, _, body = BULK.partition(b"\r\n\r\n")
    content = header + b"\r\nX-Odd: " + b"a@xn--bcher-kva." * 14_000 + b"\r\n\r\n" + body
    line = made(smarthost, custody, journal, inspector)
    await line.process(envelope(*CUSTOMERS), BULK)  # imports
    turns = _Turns()
    counting = asyncio.create_task(turns.count())
    await asyncio.sleep(0)
    begun = time.process_time()
    await line.process(envelope(*CUSTOMERS), content)
    cost = time.process_time() - begun
    await asyncio.sleep(0)
    counting.cancel()
    await asyncio.gather(counting, return_exceptions=True)
    assert turns.longest < cost / 5
