"""Files that are made to hurt end as reasons in a worker of ordinary limits, and the worker goes on."""

import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dlp_gateway.detect.base import Facts
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection.inspector import Inspector, InspectorOptions
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse
from tests.formats import archives, documents, legacy

MEMORY = 512_000_000
HUGE = bytes(150_000_000)


@pytest_asyncio.fixture
async def inspector() -> AsyncIterator[Inspector]:
    """One worker, as it is by default."""
    async with Inspector(Recipe(inside=("corp.example",)), InspectorOptions(workers=1)) as made:
        await made.ready()
        yield made


def mail(content: bytes) -> Message:
    """Return a mail with one file."""
    head = b"To: bob@a.example\r\nContent-Transfer-Encoding: base64\r\nContent-Type: application/octet-stream\r\n\r\n"
    return parse(head + base64.encodebytes(content))


def _sparse_xls() -> bytes:
    """A workbook of two cells, in its first and its last corner."""
    cells = b"".join(
        b"\x03\x02\x0e\x00" + row.to_bytes(2, "little") + column.to_bytes(2, "little") + bytes(10)
        for row, column in ((0, 0), (65_535, 255))
    )
    begin = b"\x09\x08\x10\x00\x00\x06\x10\x00" + bytes(12)
    return legacy.compound({"Workbook": begin + cells + b"\x0a\x00\x00\x00"})


BOMBS = {
    "zip": lambda: documents.packed({"a": HUGE}),
    "gzip": lambda: archives.gz(HUGE),
    "xz": lambda: archives.xz(HUGE),
    "7z": lambda: archives.seven_zip({"a": HUGE}),
    "many large members": lambda: documents.packed({str(number): bytes(9_000_000) for number in range(60)}),
    "document": lambda: documents.packed({"[Content_Types].xml": "<Types/>", "word/document.xml": HUGE}),
    "pdf": lambda: documents.pdf_objects(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
            documents.pdf_stream(HUGE, filtered=True),
        ]
    ),
    "sheet of two cells": _sparse_xls,
}


@pytest.mark.slow
async def test_bombs_are_reasons(inspector: Inspector, envelope: Envelope) -> None:
    """No failure, no lost worker, and less memory than one message may take."""
    workers = _children()
    for name, make in BOMBS.items():
        found = await inspector.inspect(envelope, mail(make()), Facts())
        assert not found.failures, name
        assert {gone.reason.value for gone in found.unreadable} & {"bomb", "too-large"}, name
    assert _children() == workers
    assert sum(map(_peak, workers)) < MEMORY


async def test_a_file_is_read_in_a_worker(inspector: Inspector, envelope: Envelope) -> None:
    """Documents within archives, with all that confines the worker in force."""
    content = documents.packed({"a.docx": documents.docx("x", files={"b.zip": archives.zip_encrypted({"c": b"x"})})})
    found = await inspector.inspect(envelope, mail(content), Facts())
    assert [(gone.part, gone.reason.value) for gone in found.unreadable] == [("1.1.1", "encrypted.zip")]
    for one in (documents.pdf("x"), legacy.msg(body="x"), documents.rtf("x"), archives.seven_zip({"a.txt": b"x"})):
        found = await inspector.inspect(envelope, mail(one), Facts())
        assert not found.failures
        assert not found.unreadable


def _children() -> list[int]:
    """Return the processes that this one started."""
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def _peak(pid: int) -> int:
    """Return the most memory that a process ever held, in octets."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1_000 for line in status.splitlines() if line.startswith("VmHWM"))
