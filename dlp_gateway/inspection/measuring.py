"""One message through parser, readers and detectors: what raises becomes a Failure, never "clean"; pure, no clock.

This module is the boundary that the house allows to catch everything, the only place beside the listener. A plug-in may
raise what it likes, and both callers (the worker loop, and the receiver for cheap mail) need one detector's fault to
cost that detector's measurement and nothing else. Exceptions are dropped, not logged: their text may quote the message.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from dlp_gateway.content.reader import NotInPlace, read
from dlp_gateway.content.text import PART_OCTETS
from dlp_gateway.detect.base import (
    NO_FACTS,
    Detector,
    Facts,
    Failure,
    FailureReason,
    Finding,
    Inspection,
    Material,
)
from dlp_gateway.detect.registry import header_only
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.message import Message, Part
from dlp_gateway.mail.parse import BEGINNING, LIMITS, Limits, parse, whole

#: Findings kept of one kind, rule and score; a policy that counts further than this is served by the rest of them.
SAME_FINDINGS: Final = 1_000
#: Findings kept of one detector. More is a failure of measurement, which a policy holds.
ALL_FINDINGS: Final = 10_000

#: Octets of a part that need not be kept beside its text, and types of which nothing else is looked at.
_LARGE: Final = 1_000_000
_LARGE_TYPES: Final = frozenset({"text/plain", "text/html", "text/csv", "text/calendar", "application/octet-stream"})
#: No more of a part is decoded than is read.
AS_READ: Final = Limits(part_octets=PART_OCTETS)
_SAMPLE: Final = b"""\
To: someone@mail.example.org\r
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r
Content-Type: text/html; charset=utf-8\r
\r
<p>Good morning, here are <b>some 12345678 words</b> in a paragraph.\r
<p>Driving licence number: 12345678\r
"""


def inspect(detectors: Iterable[Detector], envelope: Envelope, raw: bytes, facts: Facts) -> tuple[Message, Inspection]:
    """Parse `raw` and measure it; never raises for what a message or a detector does."""
    message, failures = parsed(raw)
    if failures:
        return message, Inspection(findings=(), failures=failures, unreadable=())
    return message, measure(detectors, envelope, message, facts)


def inspect_only(detectors: Iterable[Detector], envelope: Envelope, contents: list[bytes], facts: Facts) -> Inspection:
    """Do so for the one message in `contents`, of which nothing is kept for longer than it is needed.

    It is taken out of the list, so that a large message is not in memory once more than what was taken out of it.
    """
    message, failures = parsed(contents.pop(), AS_READ)
    if failures:
        return Inspection(findings=(), failures=failures, unreadable=())
    message = replace(message, raw=message.raw[: message.body_start])
    try:
        texts, unreadable = read(message)
    except Exception as problem:  # noqa: BLE001 - see above
        return measure_header(detectors, envelope, message, facts, _failure("content", problem))
    message = replace(message, parts=tuple(map(_read_part, message.parts)))
    return _detected(
        detectors, Material(envelope=envelope, message=message, texts=texts, unreadable=unreadable, facts=facts)
    )


def _read_part(part: Part) -> Part:
    """Return a part whose text was read; detectors look at the beginning of files, and at all that is for programs."""
    return part.cut(BEGINNING) if len(part.content) > _LARGE and part.media_type in _LARGE_TYPES else part


def warm_up(detectors: Iterable[Detector]) -> None:
    """Measure a small message, so that everything that is loaded at first use is there before mail comes.

    It has a labelled number, for which Presidio's engine is asked: importing that takes a second, which nobody who
    sends meanwhile should wait for.
    """
    envelope = Envelope(
        id=new_id(),
        reverse_path="",
        recipients=(),
        client="",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime.now(UTC),
    )
    inspect(detectors, envelope, _SAMPLE, NO_FACTS)


def parsed(raw: bytes, limits: Limits = LIMITS) -> tuple[Message, tuple[Failure, ...]]:
    """Parse `raw`; if the parser fails, return a message without fields or parts, and the failure."""
    try:
        return parse(raw, limits), ()
    except Exception as problem:  # noqa: BLE001 - see above
        empty = Message(raw=raw, fields=(), body_start=0, visible=(), parts=(), defects=())
        return empty, (_failure("parse", problem),)


def measure(
    detectors: Iterable[Detector], envelope: Envelope, message: Message, facts: Facts, *, in_place: bool = False
) -> Inspection:
    """Read the texts of `message` and run every detector on it; raises `NotInPlace` if that is asked for."""
    message = whole(message)
    try:
        texts, unreadable = read(message, in_place=in_place)
    except NotInPlace:
        raise
    except Exception as problem:  # noqa: BLE001 - see above
        return measure_header(detectors, envelope, message, facts, _failure("content", problem))
    material = Material(envelope=envelope, message=message, texts=texts, unreadable=unreadable, facts=facts)
    return _detected(detectors, material)


def measure_header(
    detectors: Iterable[Detector], envelope: Envelope, message: Message, facts: Facts, failure: Failure
) -> Inspection:
    """Run the detectors that need no text, where `failure` kept the texts from being read or measured."""
    material = Material(envelope=envelope, message=message, texts=(), facts=facts)
    inspection = _detected(header_only(detectors), material)
    return replace(inspection, failures=(failure, *inspection.failures))


def _detected(detectors: Iterable[Detector], material: Material) -> Inspection:
    findings: list[Finding] = []  # keeps what a detector reported before it failed
    failures: list[Failure] = []
    for detector in detectors:
        bounds: _Bounds | None = None  # most find nothing in most mail
        try:
            for finding in detector.detect(material):
                bounds = bounds or _Bounds(detector)
                if bounds.admit(finding):
                    findings.append(finding)
        except Exception as problem:  # noqa: BLE001 - see above
            failures.append(_failure(detector.name, problem))
    return Inspection(findings=tuple(findings), failures=tuple(failures), unreadable=material.unreadable)


class _Bounds:
    """What one detector may report on one message: findings of declared kinds, few of each sort."""

    def __init__(self, detector: Detector) -> None:
        self._name, self._kinds = detector.name, detector.kinds
        self._seen: dict[tuple[str, str, str, float], int] = {}
        self._total = 0

    def admit(self, finding: Finding) -> bool:
        """Whether to keep a finding; another kind, or too many in all, is an error."""
        if finding.kind not in self._kinds:
            raise ValueError(f"{self._name} reported a kind that it does not declare")
        sort = (finding.kind, finding.rule, finding.country, finding.score)
        count = self._seen[sort] = self._seen.get(sort, 0) + 1
        if count > SAME_FINDINGS:
            return False
        self._total += 1
        if self._total > ALL_FINDINGS:
            raise MemoryError(f"{self._name} reported too many findings")
        return True


def _failure(detector: str, problem: Exception) -> Failure:
    reason = FailureReason.TOO_LARGE if isinstance(problem, MemoryError) else FailureReason.ERROR
    return Failure(detector=detector, reason=reason)
