"""One message through parser, readers and detectors."""

from collections.abc import Iterable

from dlp_gateway.detect.base import NO_FACTS, Detector, Failure, FailureReason, Finding, Inspection, Material
from dlp_gateway.detect.registry import Recipe, build
from dlp_gateway.inspection.measuring import SAME_FINDINGS, inspect, measure_header
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse

RAW = b"To: bob@a.example\r\nContent-Type: application/pdf\r\n\r\n\0PDF\r\n"


class Repeating:
    """Reports the same finding many times."""

    name = "repeating"
    kinds = frozenset({"repeating.seen"})

    def __init__(self, times: int) -> None:
        """`times`: how many findings."""
        self._times = times

    def detect(self, material: Material) -> Iterable[Finding]:
        """Report."""
        one = Finding(kind="repeating.seen", detector=self.name, rule="r", count=1, score=0.5, where="header")
        return [one] * self._times


class Failing:
    """Reports one finding, then fails as it was told to."""

    name = "failing"
    kinds = frozenset({"failing.seen"})

    def __init__(self, problem: Exception) -> None:
        """`problem`: what to raise."""
        self._problem = problem

    def detect(self, material: Material) -> Iterable[Finding]:
        """Report, then raise."""
        yield Finding(kind="failing.seen", detector=self.name, rule="r", count=1, score=0.5, where="header")
        raise self._problem


def measured(envelope: Envelope, *detectors: Detector) -> Inspection:
    """Inspect the message above."""
    return inspect(detectors, envelope, RAW, NO_FACTS)[1]


def test_all_detectors_on_one_message(envelope: Envelope) -> None:
    """Findings come in the order of the detectors, unread parts beside them."""
    found = measured(envelope, *build(Recipe(inside=("corp.example",))))
    expected = ["recipients.outsiders", "recipients.organisations", "parts.attachment", "unreadable.attachment"]
    assert expected == [finding.kind for finding in found.findings]
    assert [part.type for part in found.unreadable] == ["application/pdf"]
    assert not found.failures


def test_failing_detector_is_a_failure_beside_its_findings(envelope: Envelope) -> None:
    """What was reported before stays, since more findings never soften a verdict."""
    found = measured(envelope, Failing(RuntimeError("text")), Repeating(1))
    assert [finding.kind for finding in found.findings] == ["failing.seen", "repeating.seen"]
    assert found.failures == (Failure(detector="failing", reason=FailureReason.ERROR),)


def test_lack_of_memory_is_told_apart(envelope: Envelope) -> None:
    """A message that does not fit is too large, not an error."""
    expected = (Failure(detector="failing", reason=FailureReason.TOO_LARGE),)
    assert expected == measured(envelope, Failing(MemoryError())).failures


def test_repeated_findings_are_bounded(envelope: Envelope) -> None:
    """Of findings that differ in place alone, a thousand are kept."""
    assert len(measured(envelope, Repeating(5 * SAME_FINDINGS)).findings) == SAME_FINDINGS


def test_header_alone(envelope: Envelope) -> None:
    """Where texts cannot be had, only detectors of the header run, and the reason is kept."""
    failure = Failure(detector="worker", reason=FailureReason.DEADLINE)
    detectors = (*build(Recipe(inside=("corp.example",))), Repeating(1))
    found = measure_header(detectors, envelope, parse(RAW), NO_FACTS, failure)
    expected = ["recipients.outsiders", "recipients.organisations", "parts.attachment"]
    assert expected == [finding.kind for finding in found.findings]
    assert found.failures == (failure,)
