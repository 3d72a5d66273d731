"""A stream as offices send it, beside the plain relay: `uv run python -m tests.benchmarks.mixed`.

Of a hundred mails seventy are text of 2 to 20 KB, some with HTML beside it, twenty carry a document (Word, Excel, PDF),
ten a picture or an archive. The first two lines are the stream as a whole, relay and gateway in turns; the others each
of its kinds alone through the gateway. Columns as in `compare`. Pictures are read with the extra `ocr` where it is
installed, which takes a worker some tenths of a second each.
"""

import argparse
import base64
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import uvloop
from PIL import Image

from dlp_gateway.content import foreign_archive, ocr
from tests.benchmarks import compare, messages, reading
from tests.benchmarks.compare import Kind, System
from tests.e2e.postfix import free_port
from tests.formats import archives, documents, pictures

_LINES: Final = 120  # of a document: three pages

Make = Callable[[], bytes]


def _page() -> bytes:
    text = messages.prose(6_000).partition(b"\r\n\r\n")[2].decode()
    html = (
        "<html><body>" + "".join(f"<p style='margin:0'>{line}</p>\r\n" for line in text.splitlines()) + "</body></html>"
    )
    head = messages.prose(400).partition(b"Content-Type")[0]
    return (
        head
        + (
            'Content-Type: multipart/alternative; boundary="=_b"\r\n\r\n'
            f"--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
            f"--=_b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n--=_b--\r\n"
        ).encode()
    )


def _with(name: str, content: bytes) -> bytes:
    head = messages.prose(1_500)
    fields, _, text = head.partition(b"Content-Type: text/plain; charset=utf-8\r\n\r\n")
    file = base64.encodebytes(content).replace(b"\n", b"\r\n")
    return fields + (
        b'Content-Type: multipart/mixed; boundary="=_b"\r\n\r\n--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n'
        + text
        + f'--=_b\r\nContent-Type: application/octet-stream; name="{name}"\r\n'.encode()
        + f'Content-Disposition: attachment; filename="{name}"\r\n'.encode()
        + b"Content-Transfer-Encoding: base64\r\n\r\n"
        + file
        + b"--=_b--\r\n"
    )


def _photograph() -> bytes:
    """A picture of one and a half megapixels without a letter in it."""
    chance = random.Random(4)
    small = Image.frombytes("RGB", (48, 32), chance.randbytes(48 * 32 * 3))
    return pictures.saved(small.resize((1_500, 1_000), Image.Resampling.BICUBIC), "JPEG", quality=85)


def kinds() -> dict[str, tuple[int, Make]]:
    """Return how many in a hundred are of each kind, and how to make one."""
    files = reading.samples(_LINES)
    return {
        "text": (35, lambda: messages.prose(2_000)),
        "longer text": (15, lambda: messages.prose(20_000)),
        "text and HTML": (20, _page),
        "docx": (7, lambda: _with("offer.docx", files["docx"])),
        "xlsx": (5, lambda: _with("list.xlsx", files["xlsx"])),
        "pdf": (8, lambda: _with("offer.pdf", files["pdf"])),
        "photograph": (4, lambda: _with("house.jpg", _photograph())),
        "code": (1, lambda: _with("code.png", pictures.saved(pictures.code("https://example.com/", "QRCode")))),
        "zip": (
            3,
            lambda: _with("all.zip", documents.packed({"offer.docx": files["docx"], "list.xlsx": files["xlsx"]})),
        ),
        "tgz": (2, lambda: _with("all.tgz", archives.gz(archives.tar({"offer.pdf": files["pdf"]})))),
    }


def stream() -> tuple[bytes, ...]:
    """Return a hundred mails in an order that is always the same."""
    made: list[bytes] = []
    for count, make in kinds().values():
        made += [make()] * count
    random.Random(6).shuffle(made)
    return tuple(made)


def _kinds(share: float) -> Iterator[tuple[Kind, tuple[bytes, ...]]]:
    hundred = max(10, int(200 * share))
    yield Kind(name="mixed", make=lambda _: b"", size=0, count=hundred), stream()
    for name, (_, make) in kinds().items():
        yield Kind(name=name, make=lambda _: b"", size=0, count=max(4, int(40 * share))), (make(),)


async def measure(rounds: int, share: float, *, single: bool = True) -> None:
    """Print the table."""
    sink, cores = free_port(), len(os.sched_getaffinity(0))
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        await compare.sink_at(stack, sink)
        systems: list[System] = [
            await compare.relay(stack, sink, cores),
            await compare.gateway(stack, folder, sink, cores),
        ]
        print(f"{'mail':16} {'system':8} {'msg/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>8} {'MB':>6}")
        for number, (kind, mails) in enumerate(_kinds(share)):
            if number and not single:
                return
            await compare.in_turns(kind, mails, systems if not number else systems[1:], sink, rounds)


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description="The gateway and a mixed stream beside a plain relay.")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; medians are shown")
    parser.add_argument("--share", type=float, default=1.0, help="this share of the mails of a round")
    options = parser.parse_args()
    begun = time.monotonic()
    uvloop.run(measure(options.rounds, options.share))
    told = [name for name, there in (("ocr", ocr.engine()), ("libarchive", foreign_archive.is_installed())) if there]
    print(f"{options.rounds} rounds, {time.monotonic() - begun:.0f} s, with {' and '.join(told) or 'neither library'}")


if __name__ == "__main__":
    main()
