"""What the log may say and what it can never say."""

import inspect
import io
import json
import logging
import subprocess
import sys
import threading
import time
import types
import warnings
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.content.text import Unreadable, UnreadableReason
from dlp_gateway.detect.base import Failure, FailureReason, Finding
from dlp_gateway.errors import Problem
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log, output
from dlp_gateway.observe.lines import Lines
from dlp_gateway.policy.model import PolicyMode
from dlp_gateway.policy.verdict import Disposition, Reason

MARK = "Marker-Text 4111"
EVENTS = {
    name: function
    for name, function in vars(log).items()
    if inspect.isfunction(function) and function.__module__ == log.__name__ and not name.startswith("_")
}
LIBRARIES = ("mail.log", "aiosmtplib", "aiosqlite", "sqlalchemy.engine.Engine", "presidio-analyzer", "decision_process")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Configure the log into memory and put all global state back afterwards."""
    logger, root = output.current.logger, logging.getLogger()
    factory, handlers, level = logging.getLogRecordFactory(), root.handlers, root.level
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    stream = io.StringIO()
    log.configure("debug", "json", stream)
    yield stream
    ours().close()
    logging.captureWarnings(capture=False)
    logging.raiseExceptions = True
    logging.setLogRecordFactory(factory)
    root.handlers, output.current.logger = handlers, logger
    root.setLevel(level)
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks


def ours() -> logging.Handler:
    """Return the handler of ours at the root; pytest has some there, too."""
    (handler,) = (one for one in logging.getLogger().handlers if isinstance(one, output._Handler))
    return handler


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return the lines as objects."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def refuse(text: str) -> None:
    """Fail as a full disk would, naming a file."""
    raise OSError(28, text, f"/{text}")


def fail(text: str) -> None:
    """Fail because of something below."""
    try:
        refuse(text)
    except OSError as error:
        raise ValueError(text) from error


def raised(text: str = MARK) -> BaseException:
    """Return an exception with text, a cause, and frames."""
    with pytest.raises(ValueError, match=text) as caught:
        fail(text)
    return caught.value


def argument(parameter: inspect.Parameter) -> object:
    """Return a value of the parameter's type with the marker wherever a message's text could be put by mistake."""
    reply = Reply(code=550, enhanced="5.7.1", text=MARK)
    finding = Finding(
        kind="identifier.IBAN", detector="payment", rule="iban", count=2, score=0.9, where=f"part:1:{MARK}"
    )
    values: dict[object, object] = {
        str: "word",
        int: 3,
        bool: True,
        float: 1.5,
        Reply: reply,
        Reply | None: reply,
        BaseException: raised(),
        Disposition: Disposition.HOLD,
        PolicyMode: "observe",
        tuple[str, ...]: ("one", "two"),
        datetime: datetime(2027, 1, 1, tzinfo=UTC),
        tuple[Problem, ...]: (Problem(source="policy.yaml", line=3, column=1, message="unknown key"),),
        tuple[Reason, ...]: (Reason(rule="r", disposition=Disposition.HOLD, enforced=True, explanation=MARK),),
        tuple[Finding, ...]: (finding, finding),
        tuple[Failure, ...]: (Failure(detector="payment", reason=FailureReason.DEADLINE),),
        tuple[Unreadable, ...]: (Unreadable(part=MARK, type=MARK, reason=UnreadableReason.CHARSET),),
    }
    return values[parameter.annotation]


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_each_event_is_one_line_of_its_own_name_without_text(name: str, lines: io.StringIO) -> None:
    """An event writes one JSON object and none of the text that its arguments carry."""
    arguments = {name: argument(one) for name, one in inspect.signature(EVENTS[name]).parameters.items()}
    EVENTS[name](**arguments)
    (line,) = written(lines)
    assert name == line["event"]
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert MARK not in lines.getvalue()


def test_a_verdict_is_told_in_counts(lines: io.StringIO) -> None:
    """`decided` gives rules by mode, findings by kind, failures by detector."""
    finding = Finding(kind="identifier.IBAN", detector="d", rule="r", count=2, score=1.0, where="part:1:0-4")
    log.decided(
        "0abc",
        Disposition.HOLD,
        reasons=(
            Reason(rule="payment.card", disposition=Disposition.HOLD, enforced=True, explanation=""),
            Reason(rule="payment.iban", disposition=Disposition.HOLD, enforced=False, explanation=""),
        ),
        findings=(finding, finding),
        failures=(Failure(detector="parse", reason=FailureReason.ERROR),),
        hidden=12,
    )
    (line,) = written(lines)
    del line["timestamp"]
    assert line == {
        "level": "info",
        "event": "decided",
        "id": "0abc",
        "disposition": "hold",
        "rules": ["payment.card"],
        "observed": ["payment.iban"],
        "findings": {"identifier.IBAN": 4},
        "failures": ["parse:error"],
        "unreadable": {},
        "hidden": 12,
    }


def test_an_exception_shows_types_errno_and_frames(lines: io.StringIO) -> None:
    """An internal error says where it happened and of what kind, and not what it said."""
    log.internal_error("0abc", "listener", raised())
    (line,) = written(lines)
    assert line["exception"] == "ValueError < OSError"
    assert line["errno"] == "ENOSPC"
    assert all(frame.startswith("tests/observe/test_log.py:") for frame in line["frames"])
    assert len(line["frames"]) == 4


def test_the_first_of_a_group_of_exceptions_is_told(lines: io.StringIO) -> None:
    """What failed inside a task group is named."""
    log.internal_error("0abc", "listener", ExceptionGroup(MARK, [raised(), KeyError(MARK)]))
    (line,) = written(lines)
    assert line["exception"] == "ExceptionGroup < ValueError < OSError"


@given(why=st.text())
def test_a_word_that_is_none_is_other(why: str) -> None:
    """A reason that is not a short word of the closed alphabet is written as "other"."""
    word = log._word(why)
    assert word in {why, "other"}
    assert word.isascii()
    assert " " not in word
    assert len(word) <= 40


@given(client=st.text(min_size=1))
def test_strings_of_clients_are_printable_and_short(client: str) -> None:
    """No string can begin a second line, move a cursor or fill the disk."""
    shown = output.bounded(None, "info", {"event": "received", "client": client * 50, "list": [client] * 99})
    assert shown["client"].isprintable()
    assert len(shown["client"]) <= 200
    assert len(shown["list"]) == 50


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.CRITICAL])
def test_a_library_says_who_and_where_only(
    name: str, level: int, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any level, with arguments, an exception, or a handler of its own, a library's record has no text."""
    own = io.StringIO()
    logger = logging.getLogger(name)
    monkeypatch.setattr(logger, "filters", [])  # the doors of libraries may drop records altogether
    logger.setLevel(logging.DEBUG)
    logger.addHandler(logging.StreamHandler(own))
    try:
        logger.log(level, "DATA readline: %s", MARK, exc_info=raised(), stack_info=True, extra={"statement": MARK})
        logger.log(level, MARK)
    finally:
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
    assert MARK not in lines.getvalue() + own.getvalue()
    shown = [(line["event"], line["logger"], line.get("exception")) for line in written(lines)]
    expected = [("library", name, "ValueError < OSError"), ("library", name, None)]
    assert (expected if level >= logging.WARNING else []) == shown


def repeat(name: str, count: int, *errors: BaseException) -> None:
    """Let a library say something again and again, at one place."""
    for _ in range(count):
        for error in errors or (None,):
            logging.getLogger(name).warning(MARK, exc_info=error)


def test_a_library_that_repeats_itself_does_not_flood_the_log(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty lines of the same a minute, then how many more there were, when the minute is over; then anew."""
    monkeypatch.setattr(output, "_MINUTE", 1.5)
    repeat("asyncio", 500)
    assert [line["event"] for line in written(lines)] == ["library"] * 20
    end = time.monotonic() + 60
    while len(written(lines)) < 21 and time.monotonic() < end:  # though nothing more is said
        time.sleep(0.01)
    told = written(lines)[20]
    assert (told["event"], told["level"], told["logger"], told["count"]) == (
        *("library_repeated", "warning"),
        *("asyncio", 480),
    )
    assert told["at"] == written(lines)[0]["at"]
    repeat("asyncio", 1)
    assert [line["event"] for line in written(lines)[21:]] == ["library"]


def test_what_differs_is_told_beside_what_repeats(lines: io.StringIO) -> None:
    """Another library, another place and another exception have lines of their own."""
    repeat("asyncio", 100, OSError(24, MARK), OSError(28, MARK), ValueError(MARK))
    repeat("asyncio", 1)
    repeat("sqlalchemy", 1)
    logging.getLogger("asyncio").warning(MARK)
    told = Counter((line["logger"], line.get("exception"), line.get("errno")) for line in written(lines))
    assert told == {
        ("asyncio", "OSError", "EMFILE"): 20,
        ("asyncio", "OSError", "ENOSPC"): 20,
        ("asyncio", "ValueError", None): 20,
        ("asyncio", None, None): 2,
        ("sqlalchemy", None, None): 1,
    }
    assert MARK not in lines.getvalue()


def test_what_was_withheld_is_told_at_the_end() -> None:
    """A process that ends within the minute says how many lines there would have been."""
    script = (
        "import logging\nfrom dlp_gateway.observe import log\nlog.configure('info', 'json')\n"
        "for _ in range(50): logging.getLogger('asyncio').error('text')\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    events = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line["event"] for line in events] == ["library"] * 20 + ["library_repeated"]
    assert events[-1]["count"] == 30


def test_threads_repeat_themselves_together(lines: io.StringIO) -> None:
    """No line is lost between threads: those that are told and the number are what was said."""
    threads = [threading.Thread(target=repeat, args=("aiosqlite", 200)) for _ in range(5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    ours().flush()
    assert [line["event"] for line in written(lines)] == ["library"] * 20 + ["library_repeated"]
    assert written(lines)[-1]["count"] == 980


def test_a_second_set_up_takes_handlers_that_libraries_brought(lines: io.StringIO) -> None:
    """Handlers of known and of unknown libraries are removed."""
    logging.getLogger("somebody.else").addHandler(logging.StreamHandler())
    log.configure("info", "json", lines)
    assert logging.getLogger("somebody.else").handlers == []
    assert len(logging.getLogger().handlers) == 1


def test_a_warning_shows_no_text(lines: io.StringIO) -> None:
    """A warning may quote a value; only that there was one is told."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        log.configure("info", "json", lines)
        warnings.warn(MARK, stacklevel=1)
    assert [line["logger"] for line in written(lines)] == ["py.warnings"]
    assert MARK not in lines.getvalue()


def test_what_nobody_caught_shows_no_text(lines: io.StringIO) -> None:
    """The hooks of the interpreter, its threads and its finalizers write an event."""
    log.catch_uncaught()
    error = raised()
    sys.excepthook(type(error), error, error.__traceback__)
    sys.unraisablehook(types.SimpleNamespace(exc_value=error))
    threading.excepthook(types.SimpleNamespace(exc_value=error))
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert [line["where"] for line in written(lines)] == ["main", "finalizer", "thread"]
    assert MARK not in lines.getvalue()


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        """Fail as the system would."""
        raise OSError(28, "No space left on device")


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text()
        | st.sampled_from(Disposition),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
        max_leaves=8,
    )
)
def test_a_field_of_any_sort_is_written_as_the_encoder_writes_it(value: object) -> None:
    """A line is put together field by field; nobody who reads it can tell."""
    stream = io.StringIO()
    output._JsonLines("info", Lines(stream, print)).info("event", field=value, other=1)
    line = stream.getvalue()
    assert line == output._encode(json.loads(line) | {"field": output._bounded(value)}) + "\n"


def test_a_log_that_cannot_be_written_fails_nobody(lines: io.StringIO) -> None:
    """A full disk or a closed stream loses the line, not the message."""
    closed = io.StringIO()
    closed.close()
    for stream in (Full(), closed):
        log.configure("info", "json", stream)
        log.erased(3)
    log.configure("info", "json", lines)
    log.erased(4)
    assert [line["items"] for line in written(lines)] == [4]


def test_the_level_is_obeyed(lines: io.StringIO) -> None:
    """What is below the level is not written."""
    log.configure("warning", "json", lines)
    log.erased(3)
    log.expired("0abc")
    assert [line["event"] for line in written(lines)] == ["expired"]


def test_columns_for_a_terminal(lines: io.StringIO) -> None:
    """The console layout has the event and its fields, and no text of an exception."""
    log.configure("info", "console", lines)
    log.internal_error("0abc", "listener", raised())
    assert "internal_error" in lines.getvalue()
    assert "reference=0abc" in lines.getvalue()
    assert MARK not in lines.getvalue()
