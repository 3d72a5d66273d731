"""Files that are made to hurt end as reasons in a worker of ordinary limits, and the worker goes on."""

import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dlp_gateway.content import foreign_archive, ocr, picture
from dlp_gateway.detect.base import Facts
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection.inspector import Inspector, InspectorOptions
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse
from tests.formats import archives, bombs, documents, foreign_archives, legacy
from tests.waiting import until

MEMORY = 512_000_000


@pytest_asyncio.fixture
async def inspector() -> AsyncIterator[Inspector]:
    """One worker, as it is by default but for its patience: the clock tells how busy the machine is."""
    async with Inspector(Recipe(inside=("corp.example",)), InspectorOptions(workers=1, deadline=240)) as made:
        await made.ready()
        yield made


def mail(content: bytes) -> Message:
    """Return a mail with one file."""
    head = b"To: bob@a.example\r\nContent-Transfer-Encoding: base64\r\nContent-Type: application/octet-stream\r\n\r\n"
    return parse(head + base64.encodebytes(content))


@pytest.mark.slow
async def test_bombs_are_reasons(inspector: Inspector, envelope: Envelope) -> None:
    """No failure, no lost worker, and less time of the processor and less memory than one message may take."""
    workers = _workers_of(inspector)
    for name, make in bombs.FILES.items():
        before = sum(map(_spent, workers))
        found = await inspector.inspect(envelope, mail(make()), Facts())
        assert not found.failures, name
        assert sum(map(_spent, workers)) - before < InspectorOptions().deadline, name
        expected = (
            {"broken"} if name in bombs.DAMAGED else {"picture"} if name in bombs.UNSEEN else {"bomb", "too-large"}
        )
        assert {gone.reason.value for gone in found.unreadable} & expected, name
    assert _workers_of(inspector) == workers
    assert sum(map(_peak, workers)) < MEMORY


async def test_a_file_is_read_in_a_worker(inspector: Inspector, envelope: Envelope) -> None:
    """Documents within archives, with all that confines the worker in force."""
    content = documents.packed({"a.docx": documents.docx("x", files={"b.zip": archives.zip_encrypted({"c": b"x"})})})
    found = await inspector.inspect(envelope, mail(content), Facts())
    assert [(gone.part, gone.reason.value) for gone in found.unreadable] == [("1.1.1", "encrypted.zip")]
    phone = Path(__file__).parents[1] / "formats" / "heic" / "noted-chairs.heic"
    files = [documents.pdf("x"), legacy.msg(body="x"), documents.rtf("x"), archives.seven_zip({"a.txt": b"x"})]
    files += [phone.read_bytes()] if picture.reads_heif() and ocr.engine() else []
    if foreign_archive.is_installed():
        files += [foreign_archives.rar_5({"a.txt": b"x"}), foreign_archives.disc({"a.txt": b"x"})]
    for one in files:
        found = await inspector.inspect(envelope, mail(one), Facts())
        assert not found.failures
        assert not found.unreadable


async def test_a_worker_keeps_nothing_of_a_large_message(inspector: Inspector, envelope: Envelope) -> None:
    """Neither its octets nor, for more than a moment, the room that they took."""
    (worker,) = _workers_of(inspector)
    await inspector.inspect(envelope, parse(b"Subject: small\r\n\r\n" + b"words and words\r\n" * 10_000), Facts())
    before = _resident(worker)
    found = await inspector.inspect(
        envelope, parse(b"Subject: large\r\n\r\n" + b"words of it\r\n" * 3_000_000), Facts()
    )
    assert not found.failures
    assert _peak(worker) > before + 40_000_000
    await until(lambda: _resident(worker) < before + 15_000_000)  # as soon as no other follows


def _spent(pid: int) -> float:
    """Return how many seconds of a processor a process has had."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    """Return how much memory a process holds, in octets."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _workers_of(inspector: Inspector) -> list[int]:
    """Return the process ids of its workers; other tests' may still be ending."""
    assert inspector._forks is not None
    return list(inspector._forks._forked)


def _peak(pid: int) -> int:
    """Return the most memory that a process ever held, in octets."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1_000 for line in status.splitlines() if line.startswith("VmHWM"))
