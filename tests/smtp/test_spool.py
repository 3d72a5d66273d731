"""Messages on their way in, in memory and in files: the same octets come out, and none of them lies on the disk."""

import asyncio
import os
from pathlib import Path

import pytest

from dlp_gateway.smtp import spool
from dlp_gateway.smtp.room import Room
from dlp_gateway.smtp.spool import Spool
from tests.resident import growing

MARKED = b"Subject: a marked line\r\n" * 40_000


async def filled(room: Room, octets: bytes = MARKED, size: int = 65_536) -> Spool:
    """Return a spool that holds octets, settled as a session does it."""
    made = Spool(room)
    for start in range(0, len(octets), size):
        made.write(octets[start : start + size])
        if made.crowded:
            assert await made.settle()
    return made


async def test_a_message_stays_in_memory_while_there_is_room() -> None:
    """It is counted, and given back."""
    room = Room(10_000_000)
    held = await filled(room)
    assert (held.in_memory, held.size, room.taken) == (MARKED, len(MARKED), len(MARKED))
    assert await held.content() == MARKED
    held.close()
    held.close()
    assert room.taken == 0


@pytest.mark.parametrize("octets", [100, 500_000])
async def test_what_finds_no_room_goes_through_a_file(octets: int) -> None:
    """Room is taken again when the message comes back as a whole, and then only."""
    room = Room(octets)
    held = await filled(room)
    assert held.in_memory is None
    assert room.taken == 0
    assert await held.content() == MARKED
    assert room.taken == len(MARKED)
    held.close()
    assert room.taken == 0


async def test_a_large_message_goes_through_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much room there is: a slow client must not keep it."""
    monkeypatch.setattr(spool, "IN_MEMORY", 300_000)
    room = Room(10_000_000)
    held = await filled(room)
    assert (held.in_memory, room.taken) == (None, 0)
    assert await held.content() == MARKED
    held.close()


async def test_a_large_message_comes_back_once() -> None:
    """Without a second copy of it on the way."""
    octets = MARKED * 44
    held = await filled(Room(), octets)
    with growing() as growth:
        content = await held.content()
    assert growth.peak < 1.2 * len(octets)
    assert content == octets
    held.close()


async def test_the_file_has_no_name_and_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads the disk, or the file through /proc, reads noise."""
    monkeypatch.setattr(spool.tempfile, "tempdir", str(tmp_path))
    held = await filled(Room(1))
    assert held._file is not None
    assert os.listdir(tmp_path) == []  # noqa: PTH208
    size = os.fstat(held._file.fileno()).st_size
    assert size > 200_000
    held._file.flush()
    on_disk = os.pread(held._file.fileno(), size, 0)
    assert b"marked" not in on_disk
    assert len(set(on_disk)) == 256
    held.close()


async def test_octets_that_changed_on_the_disk_are_no_message() -> None:
    """Better none than another one."""
    held = await filled(Room(1))
    assert held._file is not None
    held._file.flush()
    os.pwrite(held._file.fileno(), b"x", 1_000)
    assert await held.content() is None
    held.close()


async def test_a_full_disk_is_no_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """`settle` says so, and nothing stays taken."""

    def full(**_: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(spool.tempfile, "TemporaryFile", full)
    room = Room(100)
    room.take(1)
    held = Spool(room)
    held.write(MARKED)
    assert held.crowded
    assert await held.settle() is False
    assert await held.content() == MARKED  # it never left memory
    held.close()
    assert room.taken == 1


async def test_closing_while_a_thread_writes_leaves_no_file_open() -> None:
    """The client went away in the middle."""
    room = Room(100)
    room.take(1)
    held = Spool(room)
    held.write(MARKED * 5)
    settling = asyncio.create_task(held.settle())
    await asyncio.sleep(0)
    settling.cancel()
    held.close()
    with pytest.raises(asyncio.CancelledError):
        await settling
    for _ in range(200):
        if not held._at_work:
            break
        await asyncio.sleep(0.01)
    assert held._file is None or held._file.closed
