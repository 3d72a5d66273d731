"""A message reaches its worker whole, whatever its size: through the pipe, or on the desk that both share."""

import os
from pathlib import Path

from dlp_gateway.detect.base import Facts
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection import examination, frames
from dlp_gateway.inspection.inspector import Inspector, InspectorOptions
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse
from tests.waiting import until

_HEAD = b"Content-Type: text/plain\r\n\r\n"


def test_messages_of_every_size_arrive_whole() -> None:
    """One after the other at the same worker, so that nothing of a longer one may be read with the next."""
    sizes = (100, frames._INLINE, 3_000_000, frames._INLINE + 1, frames._DESK + 1, frames._DESK, 100_000, 70)
    messages = [
        _HEAD + b"%d " % number + b"x" * (size - len(_HEAD) - 12) + b" %08d\r\n" % number
        for number, size in enumerate(sizes)
    ]
    found = examination.read(Recipe(inside=("corp.example",)), messages)
    assert [reading.parts[0].octets for reading in found] == [len(one) - len(_HEAD) for one in messages]
    told = [reading.texts[0].text for reading in found]
    assert told == [one[len(_HEAD) :].decode().replace("\r\n", "\n")[: frames.TOLD] for one in messages]


async def test_the_desk_is_cleared_when_no_other_message_follows(envelope: Envelope) -> None:
    """Its memory serves the next one, and is given back soon; nothing is left open when the workers end."""
    before = _desks()
    async with Inspector(Recipe(inside=("corp.example",)), InspectorOptions(workers=1)) as inspector:
        await inspector.ready()
        (desk,) = _desks() - before
        for size in (3_000_000, 200_000):
            message = parse(_HEAD + b"some words\r\n" * (size // 12))
            assert not (await inspector.inspect(envelope, message, Facts())).failures
            assert os.fstat(desk).st_size >= size
        await until(lambda: not os.fstat(desk).st_size)
    assert _desks() == before


def _desks() -> set[int]:
    """Return the files in memory that this process has open."""
    links = ((int(one.name), one) for one in Path("/proc/self/fd").iterdir())
    return {number for number, one in links if _target(one).startswith("/memfd:message")}


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # the descriptor of the look itself
        return ""
