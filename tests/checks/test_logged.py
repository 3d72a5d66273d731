"""The last troubles of a log, and nothing of any other file."""

import io
import json

from dlp_gateway.checks.logged import troubles


def lines(*events: dict[str, object] | str) -> io.BytesIO:
    """Return a log."""
    return io.BytesIO(b"".join((one if isinstance(one, str) else json.dumps(one)).encode() + b"\n" for one in events))


def test_warnings_and_errors_are_taken_in_order() -> None:
    """What went well is left out; a collector may have put its own words in front."""
    told = troubles(
        lines(
            {"event": "started", "level": "info", "version": "1"},
            {"event": "smarthost_unreachable", "level": "warning", "why": "connect", "code": 0},
            "Nov 27 host dlp-gateway[7]: "
            + json.dumps({"event": "internal_error", "level": "error", "reference": "r1"}),
        )
    )
    assert told == [
        {"level": "warning", "event": "smarthost_unreachable", "why": "connect", "code": 0},
        {"level": "error", "event": "internal_error", "reference": "r1"},
    ]


def test_nothing_of_another_file_gets_in() -> None:
    """Whoever names the wrong file sends nobody's text: events, levels and fields are from closed lists."""
    told = troubles(
        lines(
            "password=made-up",
            {"event": "login", "level": "error", "password": "made-up"},
            {"event": "started", "level": "error", "password": "made-up", "message": "made-up"},
            {"event": "session_refused", "level": "warning", "client": "192.0.2.9", "why": "ann@corp.example"},
            ["made-up"],
            "{" * 5_000,
            "x" * 100_000,
        )
    )
    assert "made-up" not in repr(told)
    assert told == [
        {"level": "error", "event": "started"},
        {"level": "warning", "event": "session_refused", "why": "***@corp.example"},
    ]


def test_the_last_fifty_are_enough() -> None:
    """A log has no end."""
    told = troubles(lines(*({"event": "expired", "level": "warning", "id": str(number)} for number in range(200))))
    assert [one["id"] for one in told] == [str(number) for number in range(150, 200)]
