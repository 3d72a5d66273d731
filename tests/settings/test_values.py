"""Values that several parts of gateway.yaml share: waits with bounds, host names."""

from datetime import timedelta
from pathlib import Path

import pytest

from dlp_gateway import settings
from tests.settings.conftest import CONTRACT, changed, problems


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("smarthost: {host: mx.example, timeouts: {final_dot: 601s}}", "9:53: This must be 10m or less."),
        ("smarthost: {host: mx.example, timeouts: {final_dot: 0s}}", "9:53: This must be 1ms or more."),
        ("smarthost: {host: mx.example, timeouts: {connect: 0s}}", "9:51: This must be 1ms or more."),
        ("inspection: {deadline: 0ms}", "9:24: This must be 1ms or more."),
        ("limits: {idle: 0m}", "9:16: This must be 1ms or more."),
    ],
)
def test_waiting_has_bounds(file: Path, written: str, expected: str) -> None:
    """Nobody can wait no time; what waits for the final reply counts on ten minutes (RFC 5321 4.5.3.2.6)."""
    key = written.partition(":")[0]
    kept = [line for line in CONTRACT.splitlines() if not line.startswith(f"{key}:")]
    blank = [""] * (8 - len(kept))
    file.write_text("\n".join([*kept, *blank, written, ""]))
    assert problems(file) == [expected]


def test_longest_wait_for_the_final_reply_is_accepted(file: Path) -> None:
    """The bound itself can be written."""
    changed(file, "port: 2526,", "port: 2526, timeouts: {final_dot: 10m},")
    assert settings.load(file).smarthost.timeouts.final_dot == timedelta(minutes=10)


@pytest.mark.parametrize("name", ["a..b", "a.-b", "a-.b", ".a", "a.", f"{'a' * 64}.example", ".".join("a" * 128)])
def test_our_name_is_a_host_name(file: Path, name: str) -> None:
    """Labels of 1 to 63 letters, digits and hyphens, 253 characters together (RFC 1123 2.1)."""
    changed(file, "journal:", f"hostname: {name}\njournal:")
    assert problems(file) == ["5:11: This must be a host name, such as mail.example.com."]


@pytest.mark.parametrize("name", ["a", "mail", "3com.example", "a--b.example", f"{'a' * 63}.example", "A.Example"])
def test_host_names_of_all_sorts_are_accepted(file: Path, name: str) -> None:
    """A machine without a domain has a name too."""
    changed(file, "journal:", f"hostname: {name}\njournal:")
    assert settings.load(file).host_name() == name


def test_our_name_is_the_machines_unless_it_is_set(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver is asked when the name is needed, not when the file is read."""
    monkeypatch.setattr("socket.getfqdn", lambda: "machine.example")
    assert settings.load(file).host_name() == "machine.example"
    changed(file, "journal:", "hostname: gateway.corp.example\njournal:")
    assert settings.load(file).host_name() == "gateway.corp.example"
