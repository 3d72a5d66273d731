"""The last errors and warnings of a log of ours; of anything else in the file nothing is taken."""

import inspect
import json
from collections import deque
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from dlp_gateway.checks import masking
from dlp_gateway.observe import log

_MOST: Final = 50
_LONGEST_LINE: Final = 20_000  # bytes; our lines are shorter
_LEVELS: Final = frozenset({"warning", "error", "critical"})
_EVENTS: Final = frozenset(
    {name for name, one in vars(log).items() if inspect.isfunction(one) and one.__module__ == log.__name__}
    | {"library", "uncaught"}
)
#: What those events tell beside their names; no addresses, not even of hosts.
_FIELDS: Final = (
    *("timestamp", "level", "event", "why", "where", "reference", "exception", "errno", "frames", "status", "pid"),
    *("code", "enhanced", "stage", "count", "problems", "rows", "leases", "after", "logger", "at", "id"),
)


def troubles(stream: BinaryIO) -> list[dict[str, Any]]:
    """Return the last events of level warning or worse, oldest first."""
    return list(deque(_troubles(stream), maxlen=_MOST))


def _troubles(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    while line := stream.readline(_LONGEST_LINE):
        start = line.find(b"{")  # behind what a collector of logs may have written
        try:
            event = json.loads(line[start:]) if start >= 0 else None
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and event.get("event") in _EVENTS and event.get("level") in _LEVELS:
            yield {name: masking.values(event[name]) for name in _FIELDS if name in event}
