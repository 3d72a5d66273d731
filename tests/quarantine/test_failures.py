"""Whatever keeps the database from writing, nothing is taken that could be lost, and the error says why."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from quarantine.crypto import PrivateKey
from quarantine.model import Query
from quarantine.store import StoreError
from tests.quarantine.conftest import Make, opened

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


async def ids(folder: Path, key: PrivateKey) -> list[str]:
    """Return the ids in a store, as another process would see them."""
    async with opened(folder, key) as store:
        return [item.id for item in await store.items(Query())]


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
    subprocess.run(["umount", "--lazy", place], check=True)


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


async def test_files_that_may_not_grow(folder: Path, key: PrivateKey) -> None:
    """When the kernel refuses to write more, what was taken stays, and the next is refused and told why."""
    command = [sys.executable, "-c", FILL, str(folder), key.private.hex()]
    told = (await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)).stdout
    *taken, refused = told.splitlines()
    assert "custody.db: files may not grow beyond 1,000,000 bytes here (RLIMIT_FSIZE); lift the limit" in refused
    assert 5 < len(taken) < 30
    assert taken == await ids(folder, key)


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
