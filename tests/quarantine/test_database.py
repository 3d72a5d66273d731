"""Whatever happens to the database, nothing is taken that could be lost, and the error says why."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from quarantine.crypto import PrivateKey
from quarantine.database import Database, locate
from quarantine.migrations import migrate
from quarantine.model import Claim, Deposit, Query, Settlement, State
from quarantine.opening import is_empty, open_store
from quarantine.sql import SqlStore
from quarantine.store import StoreError, StoreKeyError

Make = Callable[..., Deposit]
URL = "sqlite:///custody.db"


@asynccontextmanager
async def opened(folder: Path, key: PrivateKey) -> AsyncIterator[SqlStore]:
    """Open a store and close it."""
    store = await open_store(URL, key.public, key, folder=folder, busy_timeout=0.2)
    try:
        yield store
    finally:
        await store.close()


async def ids(folder: Path, key: PrivateKey) -> list[str]:
    """Return the ids in a store, as another process would see them."""
    async with opened(folder, key) as store:
        return [item.id for item in await store.items(Query())]


def file_modes(folder: Path) -> dict[str, int]:
    """Return the permissions of each file in a folder."""
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///custody.db", "sqlite+aiosqlite:////var/lib/dlp/custody.db"),
        ("sqlite:///data/custody.db", "sqlite+aiosqlite:////var/lib/dlp/data/custody.db"),
        ("sqlite:////srv/custody.db", "sqlite+aiosqlite:////srv/custody.db"),
        ("postgresql://dlp@db.example/custody", "postgresql+asyncpg://dlp@db.example/custody"),
    ],
)
def test_where_the_database_is(url: str, expected: str) -> None:
    """A relative path is relative to the folder given; the driver is ours to pick."""
    assert expected == locate(url, Path("/var/lib/dlp")).render_as_string()


@pytest.mark.parametrize("url", ["", "custody.db", "sqlite://", "sqlite:///:memory:", "mysql://db.example/custody"])
def test_no_place_for_custody(url: str) -> None:
    """A database that would not outlive us, or that we do not know, is refused with a sentence."""
    with pytest.raises(StoreError):
        locate(url, Path("/var/lib/dlp"))


async def test_files_are_for_their_owner_only(tmp_path: Path, key: PrivateKey, deposit: Make) -> None:
    """Database and logs have mode 600, whatever the umask."""
    mask = os.umask(0)
    try:
        await migrate(URL, folder=tmp_path)
        async with opened(tmp_path, key) as store:
            await store.take((deposit("m1"),))
            modes = await asyncio.to_thread(file_modes, tmp_path)
    finally:
        os.umask(mask)
    assert modes == dict.fromkeys(("custody.db", "custody.db-wal", "custody.db-shm"), 0o600)


async def test_every_commit_waits_for_the_disk(folder: Path) -> None:
    """The writing connection has the settings that durability and erasing rest on."""
    database = Database(URL, folder=folder)
    async with database.writing() as connection:
        found = {
            name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    await database.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


async def test_a_locked_database(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """Beyond the timeout a lock is an error, nothing is taken, and the next attempt works."""
    async with opened(folder, key) as store:
        with closing(sqlite3.connect(folder / "custody.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked"):
                await store.take((deposit("m1"),))
            assert await store.items(Query()) == ()
            other.execute("ROLLBACK")
        await store.take((deposit("m2"),))
    assert await ids(folder, key) == ["m2"]


async def test_a_full_database(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """When no page is left the take fails whole; with room again the next works."""
    async with opened(folder, key) as store:
        await store.take((deposit("m1"),))

        def allow(pages: int) -> Callable[[Connection], None]:
            return lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").close()

        async with store.database.glancing() as connection:
            pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await store.database.transact(allow(pages + 2))
        with pytest.raises(StoreError, match="full"):
            await store.take((deposit("m2"), deposit("m3", content=bytes(100_000))))
        await store.database.transact(allow(100_000))
        await store.take((deposit("m4"),))
    assert await ids(folder, key) == ["m1", "m4"]


FILL = """
import asyncio, resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from quarantine.crypto import PrivateKey
from quarantine.model import CopyDeposit, Deposit, State
from quarantine.opening import open_store
from quarantine.store import StoreError

async def main(folder, key):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = await open_store("sqlite:///custody.db", key.public, key, folder=folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    now = datetime.now(UTC)
    copy = CopyDeposit(
        reverse_path="", recipients=("bob@example.com",), edits="", options="", state=State.HELD, due_at=now
    )
    try:
        for number in range(100):
            name = f"m{number:03}"
            await store.take((Deposit(
                id=name, content=bytes(50_000), subject="", reverse_path="", reasons=(), group="", created_at=now,
                expires_at=None, copies=(copy,),
            ),))
            print(name, flush=True)
    except StoreError as error:
        print("refused", error)
    await store.close()

asyncio.run(main(Path(sys.argv[1]), PrivateKey.from_bytes(bytes.fromhex(sys.argv[2]))))
"""


async def test_a_full_disk(folder: Path, key: PrivateKey) -> None:
    """When the kernel refuses to write more (here by RLIMIT_FSIZE), what was taken stays and the next is refused."""
    command = [sys.executable, "-c", FILL, str(folder), key.private.hex()]
    told = (await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)).stdout
    *taken, refused = told.splitlines()
    assert "custody.db: the system could not read or write it (SQLITE_IOERR_WRITE)" in refused
    assert 5 < len(taken) < 30
    assert taken == await ids(folder, key)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, where we may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield place
    subprocess.run(["umount", place], check=True)


async def test_no_space_left(tiny_disk: Path, empty_database: Path, key: PrivateKey, deposit: Make) -> None:
    """On a disk without space the take fails whole, and everything taken before can be read."""
    shutil.copytree(empty_database, tiny_disk, dirs_exist_ok=True)
    taken = []
    async with opened(tiny_disk, key) as store:
        for name in (f"m{number:03}" for number in range(100)):
            try:
                await store.take((deposit(name, content=os.urandom(50_000)),))
            except StoreError:
                break
            taken.append(name)
        assert taken == [item.id for item in await store.items(Query())]
        for name in taken:
            assert len(await store.content(name)) == 50_000
    assert 3 < len(taken) < 20


@pytest.mark.parametrize("place", [0, 16, 100])
async def test_a_corrupt_database(folder: Path, key: PrivateKey, place: int) -> None:
    """A database with overwritten pages is refused at the start."""
    with (folder / "custody.db").open("r+b") as file:
        file.seek(place)
        file.write(b"\xa5" * 4096)
    with pytest.raises(StoreError):
        async with opened(folder, key) as store:
            await store.items(Query())


async def test_corruption_under_way(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """A database that is overwritten while it is open takes nothing and says so."""
    async with opened(folder, key) as store:
        await store.take((deposit("m1"),))
        await store.database.shrink_log()
        path = folder / "custody.db"
        with path.open("r+b") as file:
            file.write(b"\xa5" * path.stat().st_size)
        with pytest.raises(StoreError):
            await store.take((deposit("m2"),))


async def claimed(store: SqlStore, now: datetime) -> dict[tuple[str, int], Claim]:
    """Claim what is due, by item and copy."""
    found = await store.claim(owner="worker", now=now, lease=timedelta(minutes=1), limit=8)
    return {(claim.item, claim.copy): claim for claim in found}


async def test_a_damaged_row_harms_no_other(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """An item whose key was changed is still shown, comes as damaged and can be given up; the others are delivered."""
    async with opened(folder, key) as store:
        await store.take((deposit("m1", state=State.DUE), deposit("m2", state=State.DUE)))
        async with store.database.writing() as connection:
            await connection.exec_driver_sql("UPDATE payloads SET sealed_key = zeroblob(80) WHERE id = 'm1'")
        now = deposit("m1").created_at
        claims = await claimed(store, now)
        assert {part: claim.damaged for part, claim in claims.items()} == {("m1", 1): True, ("m2", 1): False}
        lost = claims["m1", 1]
        assert (lost.content, lost.reverse_path, [to.address for to in lost.recipients]) == (b"", "", [""])
        await store.settle(lost, (Settlement(recipient=1, state=State.FAILED, reply="554 damaged"),), now=now)
        found = {item.id: (item.state, item.subject) for item in await store.items(Query())}
        assert found == {"m1": (State.FAILED, ""), "m2": (State.DUE, "offer")}
        assert [event.after for event in await store.events("m1")] == [State.DUE, State.FAILED]
        with pytest.raises(StoreError, match="changed"):
            await store.content("m1")
        assert await store.discard("m1", actor="ann", reason="", now=now) == 1


async def test_a_damaged_copy_harms_no_other(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """One copy of a split mail cannot be opened: the others leave, and of it is known whatever can be."""
    async with opened(folder, key) as store:
        whole = deposit("m1", state=State.DUE)
        (first,) = whole.copies
        second = replace(first, recipients=("eve@example.org",))
        await store.take((replace(whole, copies=(first, second)),))
        async with store.database.writing() as connection:
            await connection.exec_driver_sql("UPDATE copies SET edits = zeroblob(40) WHERE number = 2")
        claims = await claimed(store, whole.created_at)
        assert {part: claim.damaged for part, claim in claims.items()} == {("m1", 1): False, ("m1", 2): True}
        lost = claims["m1", 2]
        assert (lost.content, lost.edits, lost.reverse_path) == (b"", "", "ann@corp.example")
        assert [to.address for to in lost.recipients] == ["eve@example.org"]
        failed = Settlement(recipient=2, state=State.FAILED, reply="554 damaged")
        await store.settle(lost, (failed,), now=whole.created_at)
        (item,) = await store.items(Query())
        assert [to.state for to in item.recipients] == [State.DUE, State.FAILED]
        await store.handing_over(claims["m1", 1], (1,))


async def test_a_lease_on_what_cannot_be_read_is_given_back(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """What was leased and then not read is another's at once, and it was no attempt."""
    async with opened(folder, key) as store:
        await store.take((deposit("m1", state=State.DUE),))
        now = deposit("m1").created_at
        async with store.database.writing() as connection:
            await connection.exec_driver_sql("ALTER TABLE copies RENAME TO away")
        with pytest.raises(StoreError):
            await claimed(store, now)
        async with store.database.writing() as connection:
            await connection.exec_driver_sql("ALTER TABLE away RENAME TO copies")
        (claim,) = (await claimed(store, now)).values()
        assert claim.recipients[0].attempts == 0


@pytest.mark.parametrize("how", ["deleted", "replaced"])
async def test_a_database_that_is_taken_away(folder: Path, key: PrivateKey, deposit: Make, how: str) -> None:
    """SQLite would write on into a deleted file; what we take must be where the next start looks for it."""
    path = folder / "custody.db"
    async with opened(folder, key) as store:
        await store.take((deposit("m1"),))
        if how == "replaced":
            shutil.copy(path, folder / "copy")
            (folder / "copy").replace(path)
        else:
            path.unlink()
        with pytest.raises(StoreError, match="custody"):
            await store.take((deposit("m2"),))


async def test_a_folder_that_is_not_there(tmp_path: Path, key: PrivateKey) -> None:
    """The error names the reason."""
    with pytest.raises(StoreError, match=r"there is no folder .*; make it: install -d -m 700 -o"):
        await open_store(URL, key.public, folder=tmp_path / "nowhere")


async def test_a_database_that_was_not_set_up(tmp_path: Path, key: PrivateKey) -> None:
    """The error says how to set it up."""
    with pytest.raises(StoreError, match="dlp-gateway serve"):
        await open_store(URL, key.public, folder=tmp_path)


async def test_another_key(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """A store opens with the key that it was sealed to, not with another; both ids are named."""
    async with opened(folder, key) as store:
        await store.take((deposit("m1"),))
    other = PrivateKey.generate()
    with pytest.raises(StoreKeyError, match=f"{key.public.id}.*{other.public.id}"):
        await open_store(URL, other.public, other, folder=folder)


async def test_empty_until_sealed(folder: Path, key: PrivateKey) -> None:
    """A store without tables, or with unused ones, may get a new key; one that was opened with a key may not."""
    assert await is_empty(URL, folder=folder)
    assert await is_empty("sqlite:///fresh.db", folder=folder)
    async with opened(folder, key):
        pass
    assert not await is_empty(URL, folder=folder)


async def test_no_thread_is_left(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """After closing, no connection's thread keeps the process alive."""
    before = set(threading.enumerate())
    async with opened(folder, key) as store:
        await store.take((deposit("m1"),))
        await store.items(Query())
        new = set(threading.enumerate()) - before
    for thread in new:
        await asyncio.to_thread(thread.join, 2)
    assert len(new) == 3
    assert [thread.is_alive() for thread in new] == [False] * 3


async def test_the_log_is_emptied_unless_somebody_reads(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """A reader keeps the log from being emptied, which is told and waited for only a moment."""
    async with opened(folder, key) as store:
        with closing(sqlite3.connect(folder / "custody.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM payloads").fetchone()
            await store.take((deposit("m1"),))
            assert not await store.database.shrink_log()
            reader.execute("ROLLBACK")
        assert await store.database.shrink_log()


@pytest.mark.skipif(os.getuid() != 0, reason="giving up root needs root")
async def test_a_read_only_database(folder: Path, key: PrivateKey) -> None:
    """A file that may not be written is an error that says so."""
    script = """
import asyncio, os, sys
from pathlib import Path
from quarantine.crypto import PrivateKey
from quarantine.opening import open_store
from quarantine.store import StoreError

async def attempt(folder, key):
    try:
        await (await open_store("sqlite:///custody.db", key.public, folder=folder)).close()
    except StoreError as error:
        return str(error)

folder, key = Path(sys.argv[1]), PrivateKey.generate()
assert asyncio.run(attempt(folder, key)) is None  # as root: imports everything, wherever this checkout may lie
os.setuid(65534)
print(asyncio.run(attempt(folder, key)))
"""
    command = [sys.executable, "-c", script, str(folder)]
    told = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert "Permission denied" in told.stdout


@contextmanager
def nobody(folder: Path) -> Iterator[None]:
    """Be a user without rights for a while, who owns the folder and what is in it."""
    folder.parent.chmod(0o711)
    everything = (folder, *folder.iterdir())
    for path in everything:
        os.chown(path, 65_534, 65_534)
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.getuid() != 0, reason="giving up root needs root")
@pytest.mark.parametrize("before", [True, False], ids=["written before", "never written before"])
async def test_rights_that_were_taken_and_given_back(
    key: PrivateKey,
    deposit: Make,
    empty_database: Path,
    before: bool,  # noqa: FBT001  a row of the table
) -> None:
    """It goes on by itself: SQLite would keep a connection read-only that was opened meanwhile."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:  # pytest's own folders are root's alone
        folder = Path(place) / "custody"
        shutil.copytree(empty_database, folder)
        with nobody(folder):
            async with opened(folder, key) as store:
                if before:
                    await store.take((deposit("m1"),))
            async with opened(folder, key) as store:
                folder.chmod(0o500)
                for file in folder.iterdir():
                    file.chmod(0o400)
                for _ in range(3):
                    with pytest.raises(StoreError, match=r"custody\.db: ") as refused:
                        await store.take((deposit("m2"),))
                    assert refused.value.why in {"read-only", "cannot-be-opened"}
                folder.chmod(0o700)
                for file in folder.iterdir():
                    file.chmod(0o600)
                await store.take((deposit("m3"),))
                await store.try_out()
                assert [item.id for item in await store.items(Query())] == (["m1", "m3"] if before else ["m3"])


@pytest.mark.parametrize(
    ("how", "why", "says"),
    [
        ("deleted", "gone", "the file is gone"),
        ("locked", "locked", "another program did not let us write"),
        ("damaged", "damaged", "it is damaged, or no database; restore a backup"),
    ],
)
async def test_a_trial_says_what_failed(folder: Path, key: PrivateKey, how: str, why: str, says: str) -> None:
    """In words of a closed list for the log, and with the file and what to do for whoever reads the sentence."""
    path = folder / "custody.db"
    async with opened(folder, key) as store:
        await store.try_out()
        await store.try_out()
        await store.database.shrink_log()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            if how == "deleted":
                path.rename(folder / "elsewhere")
            elif how == "locked":
                other.execute("BEGIN IMMEDIATE")
            else:
                path.write_bytes(b"\xa5" * path.stat().st_size)
            with pytest.raises(StoreError, match=says) as failed:
                await store.try_out()
            assert (failed.value.why, failed.value.file) == (why, str(path))
    assert path.exists() is (how != "deleted")  # and no new, empty one is made


async def test_a_trial_on_a_full_disk(tiny_disk: Path, empty_database: Path, key: PrivateKey) -> None:
    """A small change finds room where no mail does: the disk counts as full, until there is room."""
    shutil.copytree(empty_database, tiny_disk, dirs_exist_ok=True)
    async with opened(tiny_disk, key) as store:
        with pytest.raises(StoreError, match="the disk is full; make room") as full:
            await store.try_out()
        assert full.value.why == "disk-full"
        enlarge = ["mount", "-o", "remount,size=9m", tiny_disk]
        await asyncio.to_thread(subprocess.run, enlarge, check=True)
        await store.try_out()
