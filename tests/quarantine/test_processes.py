"""Several processes, and processes that are killed: nothing is lost, nothing is claimed twice."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from quarantine.crypto import PrivateKey
from quarantine.model import Query, State
from quarantine.opening import open_store
from tests.quarantine.conftest import Make

WORKER = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from quarantine.crypto import PrivateKey
from quarantine.model import Settlement, State
from quarantine.opening import open_store

async def main(folder, url, key, owner):
    store = await open_store(url, key.public, key, folder=folder)
    while claims := await store.claim(owner=owner, now=datetime.now(UTC), lease=timedelta(minutes=5), limit=3):
        for claim in claims:
            print(claim.item, flush=True)
            done = tuple(Settlement(recipient=to.id, state=State.DELIVERED, reply="250") for to in claim.recipients)
            await store.settle(claim, done, now=datetime.now(UTC))
    await store.close()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], PrivateKey.from_bytes(bytes.fromhex(sys.argv[3])), sys.argv[4]))
"""

TAKER = """
import asyncio, os, sys
from datetime import UTC, datetime
from pathlib import Path
from quarantine.crypto import PublicKey
from quarantine.model import CopyDeposit, Deposit, State
from quarantine.opening import open_store

async def main(folder, key, prefix):
    store = await open_store("sqlite:///custody.db", key, folder=folder)
    now = datetime.now(UTC)
    copy = CopyDeposit(
        reverse_path="", recipients=("bob@example.com",), edits="", options="", state=State.HELD, due_at=now
    )

    async def take(lane):
        number = 0
        while True:
            name = f"{prefix}-{lane}-{number}"
            await store.take((Deposit(
                id=name, content=name.encode() * 1000, subject="", reverse_path="", reasons=(), group="",
                created_at=now, expires_at=None, copies=(copy,),
            ),))
            os.write(1, f"{name}\\n".encode())
            number += 1

    await asyncio.gather(take(0), take(1))

asyncio.run(main(Path(sys.argv[1]), PublicKey.from_json(sys.argv[2]), sys.argv[3]))
"""


def started(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a process that runs `script`."""
    return subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.e2e)])
def url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database of each sort; SQLite's lies in `folder`."""
    return "sqlite:///custody.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.mark.slow
async def test_each_item_goes_to_one_worker(url: str, folder: Path, key: PrivateKey, deposit: Make) -> None:
    """Four processes that claim at once deliver each of 200 items exactly once."""
    names = [f"m{number:03}" for number in range(200)]
    store = await open_store(url, key.public, key, folder=folder)
    await store.take(tuple(deposit(name, state=State.DUE) for name in names))
    workers = [started(WORKER, str(folder), url, key.private.hex(), f"worker {number}") for number in range(4)]
    told = [(await asyncio.to_thread(worker.communicate))[0].decode().split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4
    assert Counter(names) == Counter(name for delivered in told for name in delivered)
    assert (await store.statistics()).recipients[State.DELIVERED] == 200
    await store.close()


@pytest.mark.slow
async def test_no_kill_loses_what_was_taken(folder: Path, key: PrivateKey) -> None:
    """A process killed at any moment leaves every deposit that it had told of, whole."""
    told: list[str] = []
    for run in range(5):
        taker = started(TAKER, str(folder), key.public.to_json(), f"run{run}")
        assert taker.stdout is not None
        seen = b""
        while seen.count(b"\n") < 20 + 7 * run:
            seen += await asyncio.to_thread(os.read, taker.stdout.fileno(), 4096)
        taker.send_signal(signal.SIGKILL)
        rest, _ = await asyncio.to_thread(taker.communicate)
        told += (seen + rest).decode().split()
    store = await open_store("sqlite:///custody.db", key.public, key, folder=folder)
    found = {item.id for item in await store.items(Query(limit=100_000))}
    assert set(told) - found == set()
    assert len(found) - len(told) <= 2 * 5  # taken and killed before it was told
    for name in told[:: len(told) // 20]:
        assert name.encode() * 1000 == await store.content(name)
    await store.close()


REVIEWER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from quarantine.crypto import PrivateKey
from quarantine.opening import open_store

async def main(folder, key, item):
    store = await open_store("sqlite:///custody.db", key.public, key, folder=folder)
    await store.release(item, actor="root", reason="", now=datetime.now(UTC))
    await store.close()

asyncio.run(main(Path(sys.argv[1]), PrivateKey.from_bytes(bytes.fromhex(sys.argv[2])), sys.argv[3]))
"""


async def test_a_reviewer_who_comes_and_goes_leaves_the_log_to_the_gateway(
    folder: Path, key: PrivateKey, deposit: Make
) -> None:
    """Two databases opened in one process keep SQLite's locks: another process does not delete the log under them."""
    first = await open_store("sqlite:///custody.db", key.public, key, folder=folder)
    second = await open_store("sqlite:///custody.db", key.public, key, folder=folder)
    await first.take((deposit("m1"), deposit("m2")))
    for item in ("m1", "m2"):
        reviewer = started(REVIEWER, str(folder), key.private.hex(), item)
        await asyncio.to_thread(reviewer.communicate)
        assert reviewer.returncode == 0
        assert [one.state for one in (await first.items(Query(ids=(item,))))[0].recipients] == [State.DUE]
    await second.take((deposit("m3"),))
    assert {"m1", "m2", "m3"} == {item.id for item in await first.items(Query())}
    await first.close()
    await second.close()
