"""What is counted, that labels stay bounded, and that several processes are summed."""

import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.content.text import Unreadable, UnreadableReason
from dlp_gateway.detect.base import Failure, FailureReason, Finding
from dlp_gateway.observe import instruments, metrics
from dlp_gateway.policy.verdict import Disposition, Reason


@pytest.fixture
def fresh() -> Iterator[None]:
    """Begin and end with nothing counted, in this process alone."""
    instruments.instruments.cache_clear()
    yield
    instruments.instruments.cache_clear()


def shown() -> dict[str, float]:
    """Return every sample as `name{labels}`: value."""
    samples = (
        line.rsplit(" ", 1) for line in instruments.expose()[0].decode().splitlines() if not line.startswith("#")
    )
    return {name: float(value) for name, value in samples}


def test_a_verdict_counts_all_that_led_to_it(fresh: None) -> None:
    """One call counts disposition, rules, findings, failures, unreadable parts and hidden recipients."""
    finding = Finding(kind="identifier.IBAN", detector="d", rule="r", count=2, score=1.0, where="part:1:0-4")
    metrics.decided(
        Disposition.REWRITE,
        reasons=(
            Reason(rule="bulk-visible", disposition=Disposition.REWRITE, enforced=True, explanation=""),
            Reason(rule="payment.iban", disposition=Disposition.HOLD, enforced=False, explanation=""),
        ),
        findings=(finding, finding),
        failures=(Failure(detector="parse", reason=FailureReason.DEADLINE),),
        unreadable=(Unreadable(part="2", type="application/pdf", reason=UnreadableReason.ATTACHMENT),),
        hidden=12,
    )
    expected = {
        'dlp_messages_total{disposition="rewrite"}': 1,
        'dlp_messages_total{disposition="forward"}': 0,
        'dlp_rule_matches_total{mode="enforce",rule="bulk-visible"}': 1,
        'dlp_rule_matches_total{mode="observe",rule="payment.iban"}': 1,
        'dlp_findings_total{kind="identifier.IBAN"}': 4,
        'dlp_failures_total{detector="parse",reason="deadline"}': 1,
        'dlp_unreadable_total{reason="attachment"}': 1,
        "dlp_recipients_hidden_total": 12,
    }
    assert expected == {name: value for name, value in shown().items() if name in expected}


def test_one_mode_is_in_force(fresh: None) -> None:
    """A reload may change it; an alert on observe mode must end then."""
    metrics.policy_mode("observe")
    metrics.policy_mode("enforce")
    expected = {'dlp_policy_mode{mode="observe"}': 0, 'dlp_policy_mode{mode="enforce"}': 1}
    assert expected == {name: value for name, value in shown().items() if name.startswith("dlp_policy_mode")}


def test_what_lies_in_custody_is_the_last_word(fresh: None) -> None:
    """Gauges of custody follow the last statistics; a state that is not told of any more is empty."""
    metrics.custody({"held": 3, "due": 1, "failed": 2}, size=100, oldest_held=60.5, oldest_due=2)
    metrics.custody({"held": 2}, size=70, oldest_held=61.5, oldest_due=0)
    counts = dict.fromkeys(("held", "due", "delivered", "failed", "in-doubt", "discarded", "expired"), 0) | {"held": 2}
    expected = {f'dlp_custody_recipients{{state="{state}"}}': count for state, count in counts.items()} | {
        "dlp_custody_bytes": 70,
        'dlp_custody_oldest_seconds{state="held"}': 61.5,
        'dlp_custody_oldest_seconds{state="due"}': 0,
    }
    assert expected == {name: value for name, value in shown().items() if name.startswith("dlp_custody_")}


@pytest.mark.parametrize(("code", "kind"), [(250, "2xx"), (451, "4xx"), (550, "5xx"), (0, "lost"), (999, "lost")])
def test_replies_count_by_class(code: int, kind: str, fresh: None) -> None:
    """A reply counts in its class, and the lack of one as lost."""
    metrics.smarthost_reply(code)
    assert shown()[f'dlp_smarthost_replies_total{{class="{kind}"}}'] == 1


def test_a_stage_is_timed_although_it_raises(fresh: None) -> None:
    """A block that raises is timed and raises on."""
    with pytest.raises(KeyError), metrics.stage("inspect"):
        raise KeyError
    with metrics.stage("inspect"):
        time.sleep(0.02)
    assert shown()['dlp_stage_duration_seconds_count{stage="inspect"}'] == 2
    assert shown()['dlp_stage_duration_seconds_sum{stage="inspect"}'] >= 0.02


@given(texts=st.lists(st.text(max_size=100), max_size=20))
@settings(max_examples=30)
def test_no_text_becomes_a_label(texts: list[str]) -> None:
    """A label value is a short ASCII word; everything else counts as "other"."""
    instruments.instruments.cache_clear()
    for text in texts:
        metrics.session_refused(text)
    values = {labels[0] for labels in instruments.instruments().refused}
    assert values <= {"other", *texts}
    assert all(value.isascii() and " " not in value and len(value) <= 80 for value in values)
    counted = sum(value for name, value in shown().items() if name.startswith("dlp_sessions_refused_total"))
    assert len(texts) == counted
    instruments.instruments.cache_clear()


def test_labels_without_end_count_as_other(fresh: None) -> None:
    """After 500 values of one label the rest is one series, so that nobody fills the memory."""
    for number in range(700):
        metrics.session_refused(f"reason-{number}")
    series = {name: value for name, value in shown().items() if name.startswith("dlp_sessions_refused_total")}
    assert len(series) == 501
    assert series['dlp_sessions_refused_total{reason="other"}'] == 200


def run(script: str, **environment: str) -> str:
    """Run a script in a Python of its own, in which nothing was counted, and return what it prints."""
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environment})
    return done.stdout


def test_processes_are_summed_and_the_dead_have_no_sessions(tmp_path: Path) -> None:
    """Counters of all processes are added; the sessions of a dead one are forgotten, its messages are not."""
    printed = run(
        """
        import os
        from pathlib import Path
        from dlp_gateway.observe import instruments, metrics
        from dlp_gateway.policy.verdict import Disposition

        def line(name):
            return next(l for l in instruments.expose()[0].decode().splitlines() if l.startswith(name)).rsplit(" ")[-1]

        folder = instruments.prepare(Path(os.environ["FOLDER"]))
        metrics.session_opened()
        metrics.receivers(2)
        metrics.decided(Disposition.HOLD)
        child = os.fork()
        if child == 0:
            metrics.session_opened()
            metrics.decided(Disposition.HOLD)
            os._exit(0)
        os.waitpid(child, 0)
        hold = 'dlp_messages_total{disposition="hold"}'
        print(line(hold), line("dlp_sessions "), line("dlp_receivers "))
        instruments.mark_dead(child)
        print(line(hold), line("dlp_sessions "), line("dlp_receivers "))
        print(oct(folder.stat().st_mode & 0o777))
        """,
        FOLDER=str(tmp_path / "metrics"),
    )
    assert printed.splitlines() == ["2.0 2.0 2.0", "2.0 1.0 2.0", "0o700"]


def test_files_of_the_dead_do_not_pile_up(tmp_path: Path) -> None:
    """Of twenty processes that counted and died there is one file of each kind left, with all that they counted."""
    printed = run(
        """
        import os
        from pathlib import Path
        from dlp_gateway.observe import instruments, metrics
        from dlp_gateway.policy.verdict import Disposition

        def line(name):
            return next(l for l in instruments.expose()[0].decode().splitlines() if l.startswith(name)).rsplit(" ")[-1]

        folder = instruments.prepare(Path(os.environ["FOLDER"]))
        metrics.repeated()
        for number in range(20):
            child = os.fork()
            if child == 0:
                metrics.session_opened()
                metrics.decided(Disposition.HOLD)
                metrics.received(5000)
                metrics.receivers(number)
                os._exit(0)
            os.waitpid(child, 0)
            instruments.mark_dead(child)
        hold = 'dlp_messages_total{disposition="hold"}'
        print(line(hold), line("dlp_message_size_bytes_count "), line('dlp_message_size_bytes_bucket{le="4000.0"}'))
        print(line("dlp_message_size_bytes_sum "), line("dlp_sessions "), line("dlp_receivers "), line("dlp_repeated"))
        print(sorted(path.name for path in folder.iterdir() if not path.name.endswith(f"_{os.getpid()}.db")))
        """,
        FOLDER=str(tmp_path / "metrics"),
    )
    assert printed.splitlines() == [
        "20.0 20.0 0.0",
        "100000.0 0.0 19.0 1.0",
        "['counter_0.db', 'gauge_mostrecent_0.db', 'histogram_0.db', 'lock']",
    ]


def test_a_broken_file_of_a_dead_process_breaks_nothing(tmp_path: Path) -> None:
    """It is dropped, and what the others counted stays."""
    printed = run(
        """
        import os
        from pathlib import Path
        from dlp_gateway.observe import instruments, metrics

        folder = instruments.prepare(Path(os.environ["FOLDER"]))
        metrics.repeated()
        for number, octets in enumerate((b"", b"xx", b"\\xff" * 5000), 4_000_000):
            (folder / f"counter_{number}.db").write_bytes(octets)
            instruments.mark_dead(number)
        print("dlp_repeated_total 1.0" in instruments.expose()[0].decode())
        """,
        FOLDER=str(tmp_path / "metrics"),
    )
    assert printed.splitlines() == ["True"]


def test_folders_of_the_killed_are_removed_and_others_left(tmp_path: Path) -> None:
    """The next start removes what a kill -9 left; a gateway that runs, or a receiver that finishes, keeps its own."""
    script = """
        import os, subprocess, sys
        from dlp_gateway.observe import instruments, metrics

        folder = instruments.prepare()
        metrics.repeated()
        print(folder.name, flush=True)
        if len(sys.argv) > 1:
            subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], pass_fds=instruments.held())
        if os.environ["STAYS"]:
            sys.stdin.read()
        os._exit(0)
        """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    environment = {**os.environ, "RUNTIME_DIRECTORY": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = subprocess.Popen(command, env=environment | {"STAYS": "1"}, **pipes)  # type: ignore[call-overload]
    orphan = subprocess.Popen([*command, "orphan"], env=environment | {"STAYS": ""}, **pipes)  # type: ignore[call-overload]
    try:
        kept = {running.stdout.readline().strip(), orphan.stdout.readline().strip()}
        orphan.wait()
        for _ in range(3):
            last = run(script, RUNTIME_DIRECTORY=str(tmp_path), STAYS="").strip()
        assert {path.name for path in tmp_path.iterdir()} == kept | {last}
    finally:
        for process in (running, orphan):
            process.communicate()
    last = run(script, RUNTIME_DIRECTORY=str(tmp_path), STAYS="").strip()
    assert {path.name for path in tmp_path.iterdir()} == {last}


def test_prepare_begins_anew_and_comes_first(tmp_path: Path) -> None:
    """What an earlier run left is gone; what was counted before cannot be summed, so it is an error."""
    left = tmp_path / "metrics" / "counter_1.db"
    left.parent.mkdir()
    left.write_bytes(b"left over")
    printed = run(
        """
        import os
        from pathlib import Path
        from dlp_gateway.observe import instruments, metrics

        folder = instruments.prepare(Path(os.environ["FOLDER"]))
        print([path.name for path in folder.iterdir()])
        metrics.repeated()
        try:
            instruments.prepare(folder)
        except RuntimeError as error:
            print(error)
        """,
        FOLDER=str(left.parent),
    )
    assert printed.splitlines() == ["['lock']", "metrics were counted before prepare()"]


def test_a_folder_of_its_own_lies_in_memory(tmp_path: Path) -> None:
    """Without a folder one is made where the service manager gave one, closed to others."""
    printed = run(
        """
        from dlp_gateway.observe import instruments, metrics

        folder = instruments.prepare()
        print(folder.parent, oct(folder.stat().st_mode & 0o777))
        """,
        RUNTIME_DIRECTORY=str(tmp_path),
    )
    assert [str(tmp_path), "0o700"] == printed.split()


@pytest.mark.skipif(
    shutil.which("promtool") is None and os.environ.get("DLP_REQUIRE_PEERS") != "1", reason="promtool is not installed"
)
def test_promtool_likes_the_names(fresh: None) -> None:
    """Names, units and help texts follow Prometheus' conventions."""
    metrics.build("1.0")
    metrics.custody({"held": 1}, size=1, oldest_held=1, oldest_due=1)
    text = instruments.expose()[0]
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
