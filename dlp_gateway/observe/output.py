"""Where log lines go and what may stand in them; libraries' own records are reduced here to who, where and how bad.

Libraries log what they handle: aiosmtpd every command and, at DEBUG, the lines of a message; aiosqlite and SQLAlchemy
the parameters of a statement; presidio the text that it analysed; asyncio the arguments of a failed callback. A level
or a filter on a logger's name would hold until a library renames a logger or brings a handler of its own. So the record
itself is made without its message, arguments and exception text: no handler can write what is not there.
"""

import atexit
import errno
import json
import logging
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from types import TracebackType
from typing import Any, Final, Literal, TextIO, get_args

from dlp_gateway.mail.reply import printable
from dlp_gateway.observe.lines import Lines

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "console"]

_LONGEST: Final = 200  # characters of one string
_MOST: Final = 50  # elements of one list
_FRAMES: Final = 12  # innermost frames of a traceback
_SAME: Final = 20  # lines of a library that say the same, in a minute
_MINUTE: Final = 60.0  # seconds


def configure(level: Level = "info", layout: Format = "auto", stream: TextIO | None = None) -> None:
    """Send events of at least `level` to `stream` (standard error), as JSON lines, or as columns for a terminal."""
    current.use(level, layout, sys.stderr if stream is None else stream)
    _reduce_libraries()


def _logger(level: Level, layout: Format, lines: Lines) -> Any:  # noqa: ANN401 - structlog makes the class at run time
    columns = lines.stream.isatty() if layout == "auto" else layout == "console"
    if not columns:
        return _JsonLines(level, lines)
    import structlog  # noqa: PLC0415 - it brings Rich and Pygments, five megabytes that JSON lines do not need

    lazy = structlog.wrap_logger(
        lines,
        processors=[bounded, structlog.dev.ConsoleRenderer(colors=lines.stream.isatty())],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    return lazy.bind()  # assembled once, not at each line


_EMPTY: Final[dict[type, str]] = {list: "[]", tuple: "[]", dict: "{}"}
_encode: Final = json.JSONEncoder(separators=(",", ":"), default=str).encode


def bounded(_logger: object, level: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Put time, level and name first; make strings printable and short, lists short (a structlog processor)."""
    first = {"timestamp": _now(), "level": level, "event": event.pop("event")}
    return first | {name: _bounded(value) for name, value in event.items()}


def _now() -> str:
    second, part = divmod(time.time_ns() // 1_000_000, 1_000)
    return f"{_written(second)}.{part:03}+00:00"


@lru_cache(maxsize=1)  # every line has the time: to write it takes longer than all else but the encoding
def _written(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]


def _bounded(value: Any) -> Any:  # noqa: ANN401 - the fields of an event are of many types
    if type(value) is int:  # what most fields are
        return value
    if isinstance(value, str):
        return value if len(value) <= _LONGEST and value.isprintable() else printable(value, _LONGEST)
    if not value:
        return value
    if isinstance(value, tuple | list):
        return [_bounded(element) for element in value[:_MOST]]
    if isinstance(value, dict):
        return {_bounded(name): _bounded(element) for name, element in list(value.items())[:_MOST]}
    return value


def described(error: BaseException) -> dict[str, Any]:
    """Return what may be known of an exception: types from the outside in, errno, frames as file:line; no text."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain and len(chain) < _FRAMES:
        chain.append(current)
        inner = current.exceptions[0] if isinstance(current, BaseExceptionGroup) else None
        current = inner or current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    shown: dict[str, Any] = {"exception": " < ".join(type(one).__qualname__ for one in chain)}
    number = next((one.errno for one in chain if isinstance(one, OSError) and one.errno), None)
    if number is not None:
        shown["errno"] = errno.errorcode.get(number, str(number))
    shown["frames"] = [frame for one in chain[:3] for frame in _frames(one.__traceback__)]
    return shown


def _frames(trace: TracebackType | None) -> list[str]:
    places = [f"{_short(frame.f_code.co_filename)}:{line}" for frame, line in traceback.walk_tb(trace)]
    return places[-_FRAMES:]


def _short(path: str) -> str:
    """Return the last three names of a path: enough to find the file, nothing of the machine."""
    return "/".join(path.rsplit("/", 3)[-3:])


class _JsonLines:
    """Writes events of at least a level as JSON. Each mail has three: a chain of processors would double their cost."""

    def __init__(self, level: Level, lines: Lines) -> None:
        self._write = lines.msg
        levels = get_args(Level)
        self._told = frozenset(levels[levels.index(level) :])

    def _tell(self, level: Level, event: str, fields: dict[str, Any]) -> None:
        if level in self._told:
            line = f'{{"timestamp":"{_now()}","level":"{level}","event":"{event}"'
            for name, value in fields.items():
                line += f',"{name}":{value if type(value) is int else _in_json(value)}'
            self._write(line + "}")

    def debug(self, event: str, /, **fields: Any) -> None:  # noqa: ANN401 - as above, and below
        self._tell("debug", event, fields)

    def info(self, event: str, /, **fields: Any) -> None:  # noqa: ANN401
        self._tell("info", event, fields)

    def warning(self, event: str, /, **fields: Any) -> None:  # noqa: ANN401
        self._tell("warning", event, fields)

    def error(self, event: str, /, **fields: Any) -> None:  # noqa: ANN401
        self._tell("error", event, fields)


def _in_json(value: Any) -> str:  # noqa: ANN401 - as above
    """Return a field's value as JSON; most are short strings, or empty, and need no encoder."""
    kind = type(value)
    if kind is str:
        return encode_basestring_ascii(_bounded(value))
    return _EMPTY[kind] if not value and kind in _EMPTY else _encode(_bounded(value))


def _tell_dropped(count: int) -> None:
    current.logger.warning("log_dropped", count=count)


class _Current:
    """The logger in use; a command that configures none shows what went wrong, on standard error."""

    def __init__(self) -> None:
        self.use("warning", "auto", sys.stderr)

    def use(self, level: Level, layout: Format, stream: TextIO) -> None:
        """Write to a stream from now on."""
        self._lines = Lines(stream, _tell_dropped)
        self.logger = _logger(level, layout, self._lines)

    def finish(self) -> None:
        """Write what still waits for the reader of the log; called at the end of the process."""
        self._lines.finish()


current: Final = _Current()
atexit.register(current.finish)


# --- libraries' records -----------------------------------------------------------------------------------------------

#: Libraries that bring a handler of their own or raise their own level.
_LOUD: Final = (
    "mail",
    "aiosmtplib",
    "presidio-analyzer",
    "decision_process",
    "sqlalchemy",
    "uvicorn",
    "spacy",
    "alembic",
)


def _reduce_libraries() -> None:
    logging.setLogRecordFactory(_record)
    logging.captureWarnings(capture=False)  # so that the next call takes effect in a second set-up, too
    logging.captureWarnings(capture=True)  # a warning may quote a value
    logging.raiseExceptions = False  # else a failing handler prints the record
    root = logging.getLogger()
    for former in root.handlers:
        if isinstance(former, _Handler):
            former.close()
    root.handlers = [_Handler(logging.WARNING)]
    root.setLevel(logging.WARNING)
    loggers = [logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    for logger in [*loggers, *(logging.getLogger(name) for name in _LOUD)]:
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


class _Record(logging.LogRecord):
    """A record that says who, where and how bad, and of an exception what `described` tells."""

    told: dict[str, Any]


def _record(name: str, level: int, path: str, line: int, *ignored: Any, **also: Any) -> logging.LogRecord:  # noqa: ANN401
    raised = ignored[2] if len(ignored) > 2 else None
    record = _Record(name, level, path, line, "(text withheld)", (), None, also.get("func"))
    error = raised[1] if isinstance(raised, tuple) else raised
    record.told = described(error) if isinstance(error, BaseException) else {}
    return record


class _Handler(logging.Handler):
    """Tells what libraries say. What one repeats at the same place has a few lines a minute, then a number.

    The number is told when the minute is over, also if nothing more is said, and at the end of the process.
    """

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._begun = 0.0  # the minute
        self._said: Counter[tuple[str, str, str]] = Counter()
        self._telling: threading.Timer | None = None  # for lines that were withheld

    def emit(self, record: logging.LogRecord) -> None:
        if time.monotonic() >= self._begun + _MINUTE:
            self._begin_anew()
        told = record.told if isinstance(record, _Record) else {}
        at = f"{_short(record.pathname)}:{record.lineno}"
        place = record.name, at, f"{told.get('exception', '')} {told.get('errno', '')}".strip()
        self._said[place] += 1
        if self._said[place] > _SAME:
            self._tell_later()
            return
        logger = current.logger
        write: Callable[..., Any] = logger.error if record.levelno >= logging.ERROR else logger.warning
        write("library", logger=record.name, at=at, **told)

    def flush(self) -> None:
        """Tell what was withheld; called at the end of the process, and when the minute is over."""
        self.acquire()
        try:
            self._begin_anew()
        finally:
            self.release()

    def close(self) -> None:
        """Tell it, and nothing more."""
        self.flush()
        super().close()

    def _tell_later(self) -> None:
        if self._telling is None:
            timer = threading.Timer(self._begun + _MINUTE - time.monotonic(), self.flush)
            timer.daemon = True
            with suppress(RuntimeError):  # no room for a thread: the next record after the minute tells it
                timer.start()
                self._telling = timer

    def _begin_anew(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
        said, self._said, self._telling, self._begun = self._said, Counter(), None, time.monotonic()
        for (name, at, exception), count in said.items():
            if count > _SAME:
                current.logger.warning("library_repeated", logger=name, at=at, exception=exception, count=count - _SAME)


# --- what nobody caught -----------------------------------------------------------------------------------------------


def catch_uncaught() -> None:
    """Let an exception that nobody caught end as an event in this process; Python would print its text."""
    sys.excepthook = lambda _type, error, _trace: _uncaught(error, "main")
    sys.unraisablehook = lambda raised: _uncaught(raised.exc_value, "finalizer")
    threading.excepthook = lambda raised: _uncaught(raised.exc_value, "thread")


def _uncaught(error: BaseException | None, where: str) -> None:
    if isinstance(error, KeyboardInterrupt | None):
        return
    current.logger.error("uncaught", where=where, **described(error))
