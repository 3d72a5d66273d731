"""Whatever a message does to a worker costs that message its measurement, and nobody else anything."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop

from dlp_gateway import packs
from dlp_gateway.detect.base import Facts, Failure, FailureReason, Inspection, Thread
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection.inspector import Inspector, InspectorOptions
from dlp_gateway.inspection.measuring import measure
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy import load
from dlp_gateway.ports import Overloaded
from dlp_gateway.processes import policies
from tests.formats import documents
from tests.waiting import PATIENCE

Mail = Callable[..., Message]
Inspect = Callable[[str], "asyncio.Future[Inspection]"]
header_rules = frozenset({"recipients.outsiders", "recipients.organisations"})
MARKER = "marker-" + "7f3a" * 4


@pytest_asyncio.fixture
async def inspector(misbehaving: str) -> AsyncIterator[Inspector]:
    """An inspector with one worker, two seconds for each message, and the plug-in."""
    recipe = Recipe(inside=("corp.example",), plugins=(misbehaving,))
    async with Inspector(recipe, InspectorOptions(deadline=2.0, workers=1, queue=2, memory_bytes=200_000_000)) as made:
        await made.ready()
        yield made


def rules(inspection: Inspection) -> set[str]:
    """Return the rules that found something."""
    return {finding.rule for finding in inspection.findings}


async def test_worker_measures_what_the_receiver_would(inspector: Inspector, envelope: Envelope, mail: Mail) -> None:
    """Envelope, facts and message arrive in the worker, findings come back."""
    facts = Facts(thread=Thread(audience=30, addressed_again=11))
    found = await inspector.inspect(envelope, mail("hello"), facts)
    expected = {
        "recipients.outsiders": 1,
        "recipients.organisations": 1,
        "reply_all.audience": 11,
        "thread.again": 11,
        "misbehaving.seen": 1,
    }
    assert expected == {finding.kind: finding.count for finding in found.findings}
    assert not found.failures


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("hang", FailureReason.DEADLINE),
        ("spin", FailureReason.DEADLINE),
        ("die", FailureReason.WORKER),
        ("leave", FailureReason.WORKER),
        ("tell not/a rule, but text", FailureReason.WORKER),
    ],
)
async def test_lost_worker_costs_one_message(
    inspector: Inspector, envelope: Envelope, mail: Mail, order: str, reason: FailureReason
) -> None:
    """A message whose worker is lost is a Failure beside what its header tells; a new worker measures the next one."""
    lost = await inspector.inspect(envelope, mail(order), Facts())
    following = await asyncio.wait_for(_patiently(inspector, envelope, mail("hello")), 10)
    assert (Failure(detector="worker", reason=reason),) == lost.failures
    assert header_rules == rules(lost)
    assert "seen" in rules(following)
    assert not following.failures


async def test_a_lost_worker_costs_a_large_message_no_more(inspector: Inspector, envelope: Envelope) -> None:
    """What the receiver did not keep of its parts is there for the detectors that the failure leaves."""
    raw = (
        b"To: a@shop.example, b@shop.example\r\nSubject: die\r\nContent-Type: application/calendar+json\r\n\r\n"
        b"mailto:a@shop.example" + b" " * 70_000 + b"mailto:b@shop.example\r\n"
    )
    brief = parse(raw, briefly=True)
    assert brief.parts[0].left_out
    lost = await inspector.inspect(envelope, brief, Facts())
    assert [failure.reason for failure in lost.failures] == [FailureReason.WORKER]
    assert {found.kind: found.count for found in lost.findings}["recipients.outsiders_quoted"] == 2


async def test_what_was_left_out_is_not_measured_in_place(inspector: Inspector, envelope: Envelope) -> None:
    """However large a message may be that is measured here, a worker sees all of it."""
    raw = b"To: a@shop.example\r\nSubject: die\r\n\r\n" + b"words\r\n" * 2_000
    options = InspectorOptions(in_place_bytes=1_000_000, workers=0, queue=0)
    async with Inspector(Recipe(inside=("corp.example",)), options) as made:
        assert not (await made.inspect(envelope, parse(raw), Facts())).failures
        with pytest.raises(Overloaded):
            await made.inspect(envelope, parse(raw, briefly=True), Facts())


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (f"raise {MARKER}", FailureReason.ERROR),
        ("undeclared", FailureReason.ERROR),
        ("connect", FailureReason.ERROR),
        ("run", FailureReason.ERROR),
        ("eat", FailureReason.TOO_LARGE),
        ("flood", FailureReason.TOO_LARGE),
    ],
)
async def test_failed_detector_costs_its_own_measurement(
    inspector: Inspector, envelope: Envelope, mail: Mail, order: str, reason: FailureReason
) -> None:
    """What a detector raises is a Failure of that detector; the others' findings stay, and the worker goes on."""
    found = await inspector.inspect(envelope, mail(order), Facts())
    assert (Failure(detector="misbehaving", reason=reason),) == found.failures
    assert header_rules <= rules(found)
    assert MARKER not in repr(found)
    following = await inspector.inspect(envelope, mail("hello"), Facts())
    assert "seen" in rules(following)


@pytest.mark.parametrize("order", [f"raise {MARKER}", f"tell {MARKER} text", f"leave {MARKER}"])
async def test_no_text_is_shown(
    inspector: Inspector, envelope: Envelope, mail: Mail, capfd: pytest.CaptureFixture[str], order: str
) -> None:
    """Whatever goes wrong with a message, none of its text reaches a terminal or a log."""
    found = await inspector.inspect(envelope, mail(order), Facts())
    await asyncio.sleep(0.1)
    assert found.failures
    assert MARKER not in repr(found) + "".join(capfd.readouterr())


async def test_killed_from_outside_in_the_middle(inspector: Inspector, envelope: Envelope, mail: Mail) -> None:
    """A worker that the kernel kills (out of memory) while it works is replaced."""
    task = asyncio.create_task(inspector.inspect(envelope, mail("wait 1.8"), Facts()))
    await asyncio.sleep(0.2)
    for worker in _children():
        os.kill(worker, signal.SIGKILL)
    lost = await task
    assert (Failure(detector="worker", reason=FailureReason.WORKER),) == lost.failures
    following = await asyncio.wait_for(_patiently(inspector, envelope, mail("hello")), 10)
    assert "seen" in rules(following)


async def test_prints_reach_nobody(
    inspector: Inspector, envelope: Envelope, mail: Mail, capfd: pytest.CaptureFixture[str]
) -> None:
    """What a detector prints breaks no frame and shows on no terminal."""
    found = await inspector.inspect(envelope, mail(f"print {MARKER}"), Facts())
    assert "seen" in rules(found)
    assert MARKER not in "".join(capfd.readouterr())


async def test_worker_writes_no_file(inspector: Inspector, envelope: Envelope, mail: Mail, tmp_path: Path) -> None:
    """A worker cannot write a single octet to a file."""
    target = tmp_path / "leak"
    await inspector.inspect(envelope, mail(f"write {target}"), Facts())
    assert not target.exists() or not target.stat().st_size


async def test_full_line_is_overload(envelope: Envelope, mail: Mail, misbehaving: str, tmp_path: Path) -> None:
    """With one worker busy and two messages in the line, the next is told to come back at once."""
    os.mkfifo(tmp_path / "fifo")
    recipe = Recipe(inside=(), plugins=(misbehaving,))
    async with Inspector(recipe, InspectorOptions(workers=1, queue=2)) as inspector:
        await inspector.ready()
        orders = (f"hear {tmp_path}/fifo", "hello", "hello")
        tasks = [asyncio.create_task(inspector.inspect(envelope, mail(order), Facts())) for order in orders]
        await asyncio.sleep(0.1)
        with pytest.raises(Overloaded):
            await inspector.inspect(envelope, mail("hello"), Facts())
        assert not any(task.done() for task in tasks)
        awaited = os.open(tmp_path / "fifo", os.O_RDWR)  # by the first one
        try:
            assert all("seen" in rules(found) for found in await asyncio.gather(*tasks))
        finally:
            os.close(awaited)


async def test_waiting_too_long_is_overload(envelope: Envelope, mail: Mail, misbehaving: str) -> None:
    """A message that gets no worker within the time of one message is told to come back."""
    recipe = Recipe(inside=("corp.example",), plugins=(misbehaving,))
    without_workers = Inspector(recipe, InspectorOptions(deadline=0.05))  # they are never started, so none is free
    with pytest.raises(Overloaded):
        await without_workers.inspect(envelope, mail("hello"), Facts())


async def test_workers_work_side_by_side(envelope: Envelope, mail: Mail, misbehaving: str, tmp_path: Path) -> None:
    """Of two messages each waits for the other to be measured: both are, if there are two workers."""
    os.mkfifo(tmp_path / "fifo")
    recipe = Recipe(inside=(), plugins=(misbehaving,))
    async with Inspector(recipe, InspectorOptions(workers=2, deadline=10)) as inspector:
        await inspector.ready()
        orders = (f"hear {tmp_path}/fifo", f"speak {tmp_path}/fifo")
        found = await asyncio.gather(*(inspector.inspect(envelope, mail(order), Facts()) for order in orders))
    assert all("seen" in rules(one) and not one.failures for one in found)


async def test_closing_waits_for_messages_under_way(envelope: Envelope, mail: Mail, misbehaving: str) -> None:
    """A reload costs no message its measurement: the old inspector finishes what it has begun."""
    async with Inspector(Recipe(inside=(), plugins=(misbehaving,))) as inspector:
        await inspector.ready()
        tasks = [asyncio.create_task(inspector.inspect(envelope, mail("wait 0.2"), Facts())) for _ in range(2)]
        await asyncio.sleep(0.05)
    assert all(task.done() and "seen" in rules(task.result()) for task in tasks)


async def test_abandoned_message_frees_the_worker(inspector: Inspector, envelope: Envelope, mail: Mail) -> None:
    """Cancelling an inspection kills its worker, so that nobody gets the answer to another's message."""
    task = asyncio.create_task(inspector.inspect(envelope, mail("wait 0.5"), Facts()))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    following = await asyncio.wait_for(_patiently(inspector, envelope, mail("tell fresh")), 10)
    assert {"fresh", "seen"} <= rules(following)


async def test_loop_stays_free_during_large_mail(envelope: Envelope) -> None:
    """While a mail full of numbers is inspected, the loop's own thread does next to nothing of what that takes."""
    line = b"Order 40318872 of 12 May 2026, card 4111 1111 1111 1111.\r\n"
    message = parse(b"To: bob@a.example\r\nContent-Type: text/plain\r\n\r\n" + line * 5_000)
    recipe = policies.recipe(load.default(("corp.example",), builtin=packs.builtin()))
    async with Inspector(recipe, InspectorOptions(workers=1)) as inspector:
        await inspector.ready()
        begun = time.thread_time()
        found = await inspector.inspect(envelope, message, Facts())
        handed_over = time.thread_time() - begun
    begun = time.thread_time()
    measure(inspector._detectors, envelope, message, Facts())
    assert not found.failures
    assert handed_over < (time.thread_time() - begun) / 4


async def test_small_mail_needs_no_worker(envelope: Envelope, mail: Mail) -> None:
    """Cheap mail is measured in place, also before any worker has been started."""
    found = await Inspector(Recipe(inside=("corp.example",))).inspect(envelope, mail("hello"), Facts())
    assert header_rules == rules(found)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("text/html\r\n\r\n" + "<div>" * 5_000, id="deep markup"),
        pytest.param("text/plain\r\n\r\n" + "12345 " * 1_000, id="many numbers"),
        pytest.param("text/plain\r\n\r\n" + "wörter " * 2_000, id="no charset"),
        pytest.param("text/plain\r\n\r\n" + "words " * 20_000, id="large"),
    ],
)
async def test_slow_mail_goes_to_a_worker(envelope: Envelope, body: str) -> None:
    """Mail that could hold up the loop is not measured in it, whatever its size."""
    message = parse(f"To: a@a.example\r\nContent-Type: {body}\r\n".encode())
    inspector = Inspector(Recipe(inside=()), InspectorOptions(deadline=0.05))
    with pytest.raises(Overloaded):  # no worker was started
        await inspector.inspect(envelope, message, Facts())


async def test_workers_die_with_the_inspector(envelope: Envelope, mail: Mail) -> None:
    """Closing an inspector leaves no process behind."""
    async with Inspector(Recipe(inside=("corp.example",)), InspectorOptions(workers=2)) as inspector:
        await inspector.ready()
        await inspector.inspect(envelope, mail("hello", size=100_000), Facts())
        assert _children()
    assert not _children()


ORPHANAGE = """
import asyncio, sys
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection.inspector import Inspector, InspectorOptions

async def main():
    async with Inspector(Recipe(inside=()), InspectorOptions(workers=2)) as inspector:
        await inspector.ready()
        print("ready", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def test_workers_die_with_a_killed_receiver() -> None:
    """A receiver that is killed without any chance to clean up leaves no worker behind."""
    with subprocess.Popen([sys.executable, "-c", ORPHANAGE], stdout=subprocess.PIPE) as receiver:
        assert receiver.stdout is not None
        receiver.stdout.readline()
        workers = _children(receiver.pid)
        receiver.kill()
    deadline = time.monotonic() + PATIENCE
    while any(map(_command, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert workers
    assert not any(map(_command, workers))


def test_the_loop_of_production(envelope: Envelope, mail: Mail, misbehaving: str) -> None:
    """Workers are started, killed and replaced under uvloop as under asyncio's own loop."""

    async def scenario() -> list[Inspection]:
        recipe = Recipe(inside=(), plugins=(misbehaving,))
        async with Inspector(recipe, InspectorOptions(deadline=1.5)) as inspector:
            await inspector.ready()
            lost = await inspector.inspect(envelope, mail("hang"), Facts())
            large = await _patiently(inspector, envelope, mail("hello", size=3_000_000))
            return [lost, large]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lost, large = runner.run(scenario())
    assert lost.failures == (Failure(detector="worker", reason=FailureReason.DEADLINE),)
    assert "seen" in rules(large)


def _children(of: int | None = None) -> list[int]:
    """Return the ids of a process's workers, by default of this process's: the children of its children."""
    return [pid for server in _born_of(of or os.getpid()) for pid in _born_of(server) if b"worker" in _command(pid)]


def _born_of(parent: int) -> list[int]:
    try:
        return list(map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()))
    except OSError:
        return []


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


async def _patiently(inspector: Inspector, envelope: Envelope, message: Message) -> Inspection:
    """Inspect, coming back while the house is overloaded."""
    while True:
        try:
            return await inspector.inspect(envelope, message, Facts())
        except Overloaded:
            await asyncio.sleep(0.05)


async def test_a_file_in_a_plain_text_is_read_by_a_worker(envelope: Envelope) -> None:
    """What turns up in base64 in a text and takes a reader is read where readers are confined."""
    code = base64.b64encode(documents.docx("Driving licence no. MORGA657054SM9IJ")).decode()
    message = parse(f"To: ben@bakery.example\r\nContent-Type: text/plain\r\n\r\n{code}\r\n".encode())
    recipe = policies.recipe(load.default(("corp.example",), builtin=packs.builtin()))
    async with Inspector(recipe, InspectorOptions(workers=1)) as inspector:
        await inspector.ready()
        found = await inspector.inspect(envelope, message, Facts())
    assert "identifier.DRIVER_LICENSE" in {finding.kind for finding in found.findings}
    assert not found.failures
