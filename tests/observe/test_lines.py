"""Lines of the log to a reader that stands still: nobody waits for it."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import TextIO

import pytest

from dlp_gateway.observe.lines import Lines

Channel = tuple[int, TextIO]


@pytest.fixture(params=["pipe", "socket", "old pipe"])
def channel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    """Give a reader's descriptor and a writer's stream, as a log shipper has and as the journal has."""
    if request.param == "socket":
        reader, writer = (one.detach() for one in socket.socketpair())
    else:
        reader, writer = os.pipe()
    if request.param == "old pipe":  # of a kernel that knows no such flag
        monkeypatch.setattr(os, "RWF_NOWAIT", 1 << 20)
    with os.fdopen(writer, "w") as stream:
        yield reader, stream
    os.close(reader)


def everything(reader: int, seconds: float) -> list[str]:
    """Read what comes, until nothing has come for so long."""
    os.set_blocking(reader, False)
    read, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            read += os.read(reader, 65_536)
            end = time.monotonic() + seconds
        except BlockingIOError:
            time.sleep(0.005)
    return read.decode().splitlines()


def write(log: Lines, count: int, length: int = 200) -> None:
    """Write numbered lines in a thread: one that blocks fails the test."""
    writing = threading.Thread(
        target=lambda: [log.msg(f"{number:06} {'x' * (length - 8)}") for number in range(count)], daemon=True
    )
    writing.start()
    writing.join(10)
    assert not writing.is_alive()


def test_lines_wait_for_a_reader_that_stands_still(channel: Channel) -> None:
    """None is lost or changes its place, long ones neither, and though nothing more is said."""
    reader, stream = channel
    log = Lines(stream, lambda _: None)
    write(log, 3_000)
    write(log, 3, 70_000)
    told = everything(reader, 0.5)
    assert [line[:6] for line in told] == [f"{number:06}" for number in (*range(3_000), *range(3))]
    assert [len(line) for line in told[-3:]] == [69_999] * 3


def test_what_has_no_room_is_dropped_and_told(channel: Channel) -> None:
    """When the reader is back it hears how many lines are missing, once."""
    reader, stream = channel
    log = Lines(stream, lambda count: log.msg(json.dumps({"dropped": count})))
    write(log, 10_000)
    told = everything(reader, 0.5)
    assert json.loads(told[-1]) == {"dropped": 10_000 - (len(told) - 1)}
    assert [line[:6] for line in told[:-1]] == [f"{number:06}" for number in range(len(told) - 1)]
    assert 5_000 < len(told) < 7_000  # a megabyte, and what the channel holds


def test_the_end_waits_a_second_for_the_reader(channel: Channel) -> None:
    """One that is slow gets the last lines; one that stands still does not keep the process."""
    reader, stream = channel
    log = Lines(stream, lambda _: None)
    write(log, 2_000)
    begun = time.monotonic()
    log.finish()
    assert 0.9 < time.monotonic() - begun < 3
    told: list[str] = []
    reading = threading.Thread(target=lambda: told.extend(everything(reader, 0.5)))
    reading.start()
    log.finish()
    reading.join()
    assert len(told) == 2_000


def test_a_reader_that_went_away_is_no_reason_to_fail(channel: Channel) -> None:
    """Nor is a stream that was closed."""
    reader, stream = channel
    gone = os.dup(reader)
    os.dup2(os.open(os.devnull, os.O_RDONLY), reader)
    os.close(gone)
    log = Lines(stream, lambda _: None)
    write(log, 100)
    stream.close()
    write(log, 1)
