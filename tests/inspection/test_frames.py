"""What passes between receiver and worker, and what is not let through."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.content.text import Unreadable, UnreadableReason
from dlp_gateway.detect.base import Exposure, Facts, Failure, FailureReason, Finding, Inspection, Sent, Thread
from dlp_gateway.inspection import frames
from dlp_gateway.mail.envelope import Envelope

KINDS = frozenset({"identifier.DRIVER_LICENSE"})
INSPECTION = Inspection(
    findings=(
        Finding(
            kind="identifier.DRIVER_LICENSE",
            detector="identifiers",
            rule="driver-licence-gb",
            count=1,
            score=0.95,
            where="part:1.2:118-129",
            country="GB",
            token=1_048_575,
        ),
    ),
    failures=(Failure(detector="secrets", reason=FailureReason.DEADLINE),),
    unreadable=(Unreadable(part="2.1", type="application/pdf", reason=UnreadableReason.ATTACHMENT),),
)


def value(frame: bytes) -> dict[str, Any]:
    """Return the JSON of a frame."""
    decoded: dict[str, Any] = json.loads(frame[frames.PREFIX.size :])
    return decoded


def test_answer_arrives() -> None:
    """What is measured is what arrives."""
    assert frames.answered(frames.answer(INSPECTION)[frames.PREFIX.size :], KINDS) == INSPECTION


@pytest.mark.parametrize(
    "facts",
    [
        Facts(),
        Facts(thread=Thread(audience=3, addressed_again=2), foreign=4, closed=5, struck=6, familiar=7),
        Facts(exposure=Exposure(before=1, joint=2, written=3), strangers=(0, 2), look_alikes=(2,), twins=(0,)),
        Facts(sent=Sent(key=b"\x00\xff", known=(("IBAN", 1), ("US_SSN", 2)))),
    ],
)
def test_request_arrives(envelope: Envelope, facts: Facts) -> None:
    """Envelope and facts arrive whole, times with their zone."""
    assert frames.requested(value(frames.request(envelope, facts, b"content"))) == (envelope, facts)


def test_prefix_counts_both_pieces() -> None:
    """A frame begins with the lengths of its JSON and of the content behind it."""
    frame = frames.pack({"a": 1}, b"content")
    assert frames.PREFIX.unpack(frame[: frames.PREFIX.size]) == (len(frame) - frames.PREFIX.size, 7)


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        (0, "identifier.OTHER"),
        (0, None),
        (0, []),
        (1, "a text of the message"),
        (2, "a text of the message"),
        (2, "x" * 200),
        (3, 0),
        (3, True),
        (3, 1.5),
        (3, 10**12),
        (4, 1.1),
        (4, "1"),
        (4, float("nan")),
        (5, "a text of the message"),
        (5, "header:naïve"),
        (5, "part:" + "1" * 1_000),
        (6, "Germany"),
        (7, -1),
        (7, 1 << 20),
        (7, True),
        (7, "text"),
    ],
)
def test_findings_of_another_form_are_nonsense(column: int, wrong: object) -> None:
    """No value of a finding may hold anything but what a finding holds."""
    answer = value(frames.answer(INSPECTION))
    answer["findings"][0][column] = wrong
    with pytest.raises(frames.Nonsense):
        frames.answered(json.dumps(answer).encode(), KINDS)


@pytest.mark.parametrize(
    "answer",
    [
        {"failures": [["text of the message", "error"]]},
        {"failures": [["worker", "text"]]},
        {"unreadable": [["one", "application/pdf", "attachment"]]},
        {"unreadable": [["1", "text of the message", "attachment"]]},
        {"unreadable": [["1", "application/pdf", "text"]]},
        {"findings": None},
        {"findings": [[]]},
        {"findings": [{"kind": "x"}]},
    ],
)
def test_other_answers_of_another_form_are_nonsense(answer: dict[str, Any]) -> None:
    """Failures and unread parts come from closed lists and plain forms."""
    whole = {"findings": [], "failures": [], "unreadable": []} | answer
    with pytest.raises(frames.Nonsense):
        frames.answered(json.dumps(whole).encode(), KINDS)


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=60), st.text('[]{}":,0123456789.eE-ntf', max_size=60).map(str.encode)))
def test_no_answer_does_more_than_fail(answer: bytes) -> None:
    """Octets that are no answer are nonsense, and nothing of them is quoted."""
    with pytest.raises(frames.Nonsense) as refused:
        frames.answered(answer, KINDS)
    assert not str(refused.value)


def test_deep_answer_is_nonsense() -> None:
    """Nesting exhausts no stack."""
    with pytest.raises(frames.Nonsense):
        frames.answered(b"[" * 100_000, KINDS)
