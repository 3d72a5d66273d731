"""Entries are written in groups, however they come; what cannot be written waits, and what has no room is counted."""

import asyncio
from datetime import UTC, datetime

import pytest

from dlp_gateway.journal import writer
from dlp_gateway.journal.writer import GroupWriter
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import Entry, Passage
from quarantine.store import StoreError


def entry(number: int, recipients: int = 1) -> Entry:
    """Return an entry of a mail to so many."""
    return Entry(
        id=f"m{number}",
        message_id="",
        received_at=datetime.now(UTC),
        reverse_path="ada@corp.example",
        client="192.0.2.1",
        login="",
        disposition=Disposition.FORWARD,
        reasons=(),
        observed=(),
        findings=(),
        passages=tuple(
            Passage(recipient=f"r{one}@example.net", shown=(), outcome="forwarded", reply="")
            for one in range(recipients)
        ),
        hidden=0,
        language="",
        automatic=False,
    )


class Written:
    """What a writer writes, group by group; each group takes until the disk `may`."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may = asyncio.Event()
        self.may.set()
        self.groups: list[list[str]] = []
        self.dropped = 0
        self.is_broken = False

    async def write(self, group: tuple[Entry, ...]) -> None:
        """Keep a group, unless the disk is broken."""
        self.begun.set()
        await self.may.wait()
        if self.is_broken:
            raise StoreError("the disk is full")
        self.groups.append([one.id for one in group])

    def drop(self, entries: int) -> None:
        """Count what is lost."""
        self.dropped += entries


async def test_what_comes_while_a_group_is_written_is_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail that never stops makes ten transactions a second, not one for every two mails."""
    monkeypatch.setattr(writer, "GATHER", 60)
    written = Written()
    line = GroupWriter(written.write, written.drop)
    written.may.clear()
    line.add(entry(0))
    first = asyncio.create_task(line.flush())
    await written.begun.wait()
    for number in range(1, 101):
        line.add(entry(number))
        await asyncio.sleep(0)
    written.may.set()
    await first
    assert written.groups == [["m0"]]
    await line.close()
    assert written.groups == [["m0"], [f"m{number}" for number in range(1, 101)]]


async def test_one_group_is_bounded_in_entries_and_recipients() -> None:
    """A group has so many entries, or so many recipients after its first entry."""
    written = Written()
    line = GroupWriter(written.write, written.drop)
    for number in range(writer.GROUP + 1):
        line.add(entry(number))
    line.add(entry(1_000, writer.GROUP_RECIPIENTS * 2))
    await line.flush()
    assert [len(group) for group in written.groups] == [writer.GROUP, 1, 1]
    await line.close()


async def test_what_cannot_be_written_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk loses no entry for as long as there is room in memory, and what has none is counted."""
    monkeypatch.setattr(writer, "MOST_ENTRIES", 5)
    written = Written()
    written.is_broken = True
    line = GroupWriter(written.write, written.drop)
    for number in range(7):
        line.add(entry(number))
    assert written.dropped == 2
    with pytest.raises(StoreError):
        await line.flush()
    written.is_broken = False
    await line.flush()
    assert written.groups == [["m0", "m1", "m2", "m3", "m4"]]
    await line.close()
    assert written.dropped == 2


async def test_what_is_wrong_with_one_entry_is_no_others_fault() -> None:
    """An entry that cannot be written costs itself, not those that are written with it or come behind it."""

    async def write(group: tuple[Entry, ...]) -> None:
        if any(one.id == "m3" for one in group):
            raise ValueError("an entry that cannot be sealed")
        await written.write(group)

    written = Written()
    line = GroupWriter(write, written.drop)
    for number in range(writer.GROUP + 5):
        line.add(entry(number))
    await line.flush()
    found = {one for group in written.groups for one in group}
    assert found == {f"m{number}" for number in range(writer.GROUP + 5)} - {"m3"}
    assert written.dropped == 1
    await line.close()
