"""What takes too long in the receiver's loop is interrupted and done elsewhere."""

import re
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress

import pytest

from dlp_gateway.detect import registry
from dlp_gateway.detect.base import Facts, Finding, Material
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection.inspector import Inspector, InspectorOptions
from dlp_gateway.inspection.stopwatch import Stopwatch, TookTooLong
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse

CUBIC = re.compile(r"([^\n:]*;[^\n:]*x=y[^\n:]*):")


@pytest.fixture
def stopwatch() -> Iterator[Stopwatch]:
    """One that interrupts after a twentieth of a second, or when it looks for the first time."""
    watch = Stopwatch(0.05)
    watch.wind_up()
    yield watch
    watch.stop()


def test_an_expression_is_interrupted(stopwatch: Stopwatch) -> None:
    """In the midst of one search that would take hours."""
    with pytest.raises(TookTooLong), stopwatch:
        CUBIC.search(";" * 20_000)


def test_what_catches_errors_does_not_catch_it(stopwatch: Stopwatch) -> None:
    """It is no error of a detector."""
    with pytest.raises(TookTooLong), stopwatch, suppress(Exception):
        CUBIC.search(";" * 20_000)


def test_what_is_not_under_it_takes_its_time(stopwatch: Stopwatch) -> None:
    """Neither before nor after, however long it takes; and when it is stopped all is as before."""
    with stopwatch:
        pass
    assert sum(range(20_000_000)) > 0
    stopwatch.stop()
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGVTALRM) is signal.SIG_DFL


class Endless:
    """A detector that never ends with what it finds here; in a worker it is not there."""

    name = "endless"
    kinds = frozenset({"endless.found"})

    def detect(self, material: Material) -> Iterable[Finding]:
        """Search for ever."""
        if b"hello" in material.message.raw:
            CUBIC.search(";" * 20_000)
        return ()


async def test_a_small_message_that_takes_too_long_goes_to_a_worker(envelope: Envelope) -> None:
    """There it is measured, and the next one is in place again."""
    recipe = Recipe(inside=("corp.example",))
    async with Inspector(
        recipe, InspectorOptions(workers=1), detectors=(Endless(), *registry.build(recipe))
    ) as inspector:
        await inspector.ready()
        found = await inspector.inspect(envelope, parse(b"To: a@shop.example\r\n\r\nhello\r\n"), Facts())
    assert not found.failures
    assert {finding.kind for finding in found.findings} == {"recipients.outsiders", "recipients.organisations"}
