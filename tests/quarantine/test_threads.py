"""Where the system starts no more threads, nothing is done of which it was told that it was not."""

import subprocess
import sys
from pathlib import Path

import pytest

from quarantine.crypto import PrivateKey

LIMIT = """
import asyncio, contextlib, resource, sys, threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from quarantine.crypto import PrivateKey
from quarantine.database import Database
from quarantine.model import CopyDeposit, Deposit, Query, State
from quarantine.opening import open_store
from quarantine.store import StoreError
from quarantine.threads import NoThreadError, in_thread

NOW = datetime.now(UTC)

@contextlib.contextmanager
def no_more_threads():
    "Leave no room for the stack of a thread."
    octets = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (octets + 3_000_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

def deposit(name):
    copy = CopyDeposit(
        reverse_path="", recipients=("bob@example.com",), edits="", options="", state=State.DUE, due_at=NOW
    )
    return Deposit(
        id=name, content=b"mail", subject="", reverse_path="", reasons=(), group="", created_at=NOW, expires_at=None,
        copies=(copy,),
    )

async def claimed(store, now):
    return len(await store.claim(owner="worker", now=now, lease=timedelta(minutes=30), limit=8))

async def main(folder, key):
    store = await open_store("sqlite:///custody.db", key.public, key, folder=folder)
    try:
        await body(store, folder)
    finally:
        await store.close()
"""


def said(body: str, folder: Path, key: PrivateKey) -> list[str]:
    """Return what a process of its own prints that runs the body with a store."""
    indented = "".join(f"    {line}\n" for line in body.strip().splitlines())
    program = f"{LIMIT}\nasync def body(store, folder):\n{indented}\n"
    program += "asyncio.run(main(Path(sys.argv[1]), PrivateKey.from_bytes(bytes.fromhex(sys.argv[2]))))\n"
    arguments = (sys.executable, "-c", program, folder, key.private.hex())
    ran = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert not ran.returncode, ran.stderr
    return ran.stdout.splitlines()


def test_a_take_needs_no_new_thread(folder: Path, key: PrivateKey) -> None:
    """What is told is what is committed: a take that fails is not committed with the client's next try."""
    body = """
told = []
with no_more_threads():
    for name in ("m1", "m2"):
        try:
            await store.take((deposit(name),))
            told.append(name)
        except Exception:
            pass
await store.take((deposit("m3"),))
print(told + ["m3"] == [item.id for item in await store.items(Query())], told)
"""
    assert said(body, folder, key) == ["True ['m1', 'm2']"]


def test_a_database_without_threads_is_none(folder: Path, key: PrivateKey) -> None:
    """A process that cannot have the threads of its database is told so as of all that is wrong with it."""
    body = """
running = threading.active_count()
with no_more_threads():
    try:
        Database("sqlite:///custody.db", folder=folder)
    except StoreError as error:
        print(error.why)
print(threading.active_count() - running)
"""
    assert said(body, folder, key) == ["no-thread", "0"]


def test_a_connection_without_a_thread_is_unavailable(folder: Path, key: PrivateKey) -> None:
    """The same is said of a connection that needs one, and it works again as soon as there are some."""
    body = """
database = Database("sqlite:///custody.db", folder=folder)
with no_more_threads():
    try:
        async with database.writing():
            pass
    except StoreError as error:
        print(error.why)
async with database.writing():
    print("works")
await database.close()
"""
    assert said(body, folder, key) == ["no-thread", "works"]


def test_a_claim_that_cannot_be_opened_is_given_back(folder: Path, key: PrivateKey) -> None:
    """Whoever claims next gets it, and need not wait for the end of a lease that nobody has."""
    body = """
await store.take((deposit("m1"), deposit("m2")))
await store.reschedule("m1", due_at=NOW)  # the writer's connection, and a reader's, are there
async with store.database.reading():
    pass
with no_more_threads():
    try:
        await claimed(store, NOW)
    except StoreError as error:
        print(error.why)
print(await claimed(store, NOW))
"""
    assert said(body, folder, key) == ["no-thread", "2"]


@pytest.mark.parametrize("busy", [False, True])
def test_work_that_was_not_begun_never_is(folder: Path, key: PrivateKey, *, busy: bool) -> None:
    """Neither the next thread that is started nor one that is busy until later does what was refused."""
    body = f"""
done, free = [], threading.Event()
other = asyncio.ensure_future(in_thread(free.wait)) if {busy} else None
await asyncio.sleep(0)
with no_more_threads():
    try:
        await in_thread(lambda: done.append("refused"))
    except NoThreadError:
        print("refused")
free.set()
for name in ("next", "last"):
    await in_thread(lambda: done.append(name))
print(*done)
"""
    assert said(body, folder, key) == ["refused", "next last"]
