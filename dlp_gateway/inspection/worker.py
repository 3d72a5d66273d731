"""The worker process: measures one message after the other for its receiver and dies with it.

Started as `python -m dlp_gateway.inspection.worker`. Frames come on standard input (first the recipe, then messages)
and go out on what was standard output. The worker can write no file, leaves no core, and may take a bounded amount of
memory and processor time over what it takes idle; whatever it is killed for costs one message its measurement.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO, Final

from dlp_gateway.detect import registry
from dlp_gateway.detect.base import Detector
from dlp_gateway.inspection import frames
from dlp_gateway.inspection.measuring import inspect, warm_up

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_PAGE: Final = resource.getpagesize()


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the receiver decides
    source, sink = _own_channels()
    first = _read(source)
    if first is None:
        return
    start, _ = first
    _die_with(start["receiver"])
    detectors = registry.build(registry.Recipe(**{key: _frozen(value) for key, value in start["recipe"].items()}))
    warm_up(detectors)
    _confine(start["memory_bytes"])
    sink.write(frames.pack({"ready": True}))
    sink.flush()
    while (frame := _read(source)) is not None:
        _allow_seconds(start["seconds"])
        sink.write(_measured(detectors, *frame))
        sink.flush()


def _measured(detectors: tuple[Detector, ...], value: dict[str, Any], content: bytes) -> bytes:
    envelope, facts = frames.requested(value)
    _, inspection = inspect(detectors, envelope, content, facts)
    return frames.answer(inspection)


def _own_channels() -> tuple[BinaryIO, BinaryIO]:
    """Take the pipes away from everybody else: a library that prints would break the frames, or show text."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    return source, sink


def _read(source: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Read one frame; None at the end of input, also in the middle of a frame."""
    prefix = source.read(frames.PREFIX.size)
    if len(prefix) < frames.PREFIX.size:
        return None
    length, size = frames.PREFIX.unpack(prefix)
    encoded, content = source.read(length), source.read(size)
    if len(encoded) + len(content) < length + size:
        return None
    value: dict[str, Any] = json.loads(encoded)
    return value, content


def _frozen(value: Any) -> Any:  # noqa: ANN401 - JSON
    return tuple(value) if isinstance(value, list) else value


def _die_with(receiver: int) -> None:
    """Be killed when the receiver ends, however it ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != receiver:  # it ended before the call
        sys.exit()


def _confine(memory_bytes: int) -> None:
    """Set the limits that hold for all messages; `memory_bytes` comes on top of what the idle worker has."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * _PAGE + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold the message
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _allow_seconds(seconds: int) -> None:
    """Give the next message this much processor time: the kernel ends us should the receiver not get to it."""
    soft = int(time.process_time()) + seconds + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


if __name__ == "__main__":
    main()
