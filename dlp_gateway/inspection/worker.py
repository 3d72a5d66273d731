"""The worker process: measures one message after the other for its receiver and dies with it.

Forked by the fork server (`processes.forking`). Frames come on standard input (first what a message may cost, then
messages) and go out on what was standard output. See `confinement` for what the worker may not do; whatever it is
killed for costs one message its measurement.
"""

import json
import os
import select
import signal
from contextlib import suppress
from typing import Any, BinaryIO, Final

from dlp_gateway.allocator import REST, give_back, keep_blocks
from dlp_gateway.content.reader import read_all
from dlp_gateway.detect import registry
from dlp_gateway.detect.base import Detector
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection import frames
from dlp_gateway.inspection.confinement import allow_seconds, confine
from dlp_gateway.inspection.measuring import AS_READ, inspect_only, warm_up
from dlp_gateway.mail.parse import parse

#: Octets of a message whose memory is given back when no other follows soon.
_LARGE: Final = 500_000


def main(recipe: Recipe, detectors: tuple[Detector, ...] | None, desk: int) -> None:
    """Serve until standard input ends, with `detectors` or else those that `recipe` makes.

    `desk` is the descriptor of a file in memory in which lie messages of usual size (`frames.on_desk`).
    """
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
    ):  # they may reach all processes at once; the receiver decides
        signal.signal(number, signal.SIG_IGN)
    source, sink = _own_channels()
    first = _read(source, None)
    if first is None:
        return
    start, _ = first
    keep_blocks()
    if detectors is None:
        detectors = registry.build(recipe)
        warm_up(detectors)
    confine(start["memory_bytes"])
    sink.write(frames.pack({"ready": True}))
    sink.flush()
    with suppress(ConnectionError):  # the receiver was killed with an answer of ours unread, or waits for none
        while _serve(source, desk, sink, detectors, start["seconds"]):
            pass


def _serve(source: BinaryIO, desk: int, sink: BinaryIO, detectors: tuple[Detector, ...], seconds: int) -> bool:
    """Answer one frame, of which nothing is kept then; False at the end of input."""
    frame = _read(source, desk)
    if frame is None:
        return False
    allow_seconds(seconds)
    value, contents = frame[0], [frame[1]]
    is_large = len(frame[1]) > _LARGE
    del frame
    answer = _measured(detectors, value, contents)
    sink.write(answer)
    sink.flush()
    if is_large and not select.select((source,), (), (), REST)[0]:
        give_back()
    return True


def _measured(detectors: tuple[Detector, ...], value: dict[str, Any], contents: list[bytes]) -> bytes:
    if "read" in value:
        return frames.told(read_all(parse(contents.pop(), AS_READ)))
    envelope, facts = frames.requested(value)
    return frames.answer(inspect_only(detectors, envelope, contents, facts))


def _own_channels() -> tuple[BinaryIO, BinaryIO]:
    """Take the pipes away from everybody else: a library that prints would break the frames, or show text."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    return source, sink


def _read(source: BinaryIO, desk: int | None) -> tuple[dict[str, Any], bytes] | None:
    """Read one frame; None at the end of input, also in the middle of a frame."""
    prefix = source.read(frames.PREFIX.size)
    if len(prefix) < frames.PREFIX.size:
        return None
    length, size = frames.PREFIX.unpack(prefix)
    encoded = source.read(length)
    content = source.read(size) if desk is None or not frames.on_desk(size) else os.pread(desk, size, 0)
    if len(encoded) + len(content) < length + size:
        return None
    value: dict[str, Any] = json.loads(encoded)
    return value, content


def frozen(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the value with tuples where JSON has lists."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value
