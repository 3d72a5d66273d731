"""A policy in observe mode counts and does nothing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.detect.base import Failure, FailureReason
from dlp_gateway.mail.edit import RemoveBcc, apply
from dlp_gateway.mail.message import Defect
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.verdict import Disposition
from tests.policy.test_decide import ENVELOPE, NOTHING, found, mail, policy, rules, verdict


def observed(of: Policy) -> Policy:
    """Return the same policy in observe mode."""
    return replace(of, mode="observe")


def test_in_observe_mode_every_rule_only_counts() -> None:
    """Rules of the policy's own that say `enforce` too; nothing is edited, and the reasons stay readable."""
    got = verdict(observed(rules("a.b → hide", "a.b → review", "a.b → refuse", "a.b → wait")), found("a.b"))
    assert (got.disposition, got.edits, got.hidden) == (Disposition.FORWARD, (RemoveBcc(),), 0)
    assert [(reason.rule, reason.enforced) for reason in got.reasons] == [(f"rule-{n}", False) for n in (3, 1, 2, 0)]
    assert [reason.disposition for reason in got.reasons] == [
        Disposition.DELAY,
        Disposition.HOLD,
        Disposition.REJECT,
        Disposition.REWRITE,
    ]


@pytest.mark.parametrize("reason", list(FailureReason))
def test_in_observe_mode_a_failure_is_named_and_forwarded(reason: FailureReason) -> None:
    """The operator has said by name that nothing is held (docs/decisions/0016-observe-mode.md)."""
    inspection = replace(NOTHING, failures=(Failure(detector="parse", reason=reason),))
    got = verdict(observed(rules("a.b → review")), inspection)
    assert got.disposition is Disposition.FORWARD
    assert [(one.rule, one.enforced) for one in got.reasons] == [("inspection-failed", False)]


@pytest.mark.parametrize("defect", [Defect.TOO_MANY_FIELDS, Defect.TOO_MANY_PARTS, Defect.TOO_DEEP])
def test_in_observe_mode_what_was_not_read_to_its_end_is_forwarded(defect: Defect) -> None:
    """It is written down as incomplete, and nothing else happens."""
    message = replace(parse(mail()), defects=(defect,))
    got = decide(observed(rules("a.b → review")), ENVELOPE, message, NOTHING)
    assert got.disposition is Disposition.FORWARD
    assert [(one.rule, one.enforced) for one in got.reasons] == [("inspection-incomplete", False)]


@given(
    kinds=st.lists(st.sampled_from(["a.b", "c.d", "recipients.outsiders"]), max_size=3),
    actions=st.lists(
        st.sampled_from(["hide", "review", "refuse", "wait", "blur", "keep-signed", "later"]), max_size=4, unique=True
    ),
    failed=st.booleans(),
)
def test_in_observe_mode_a_mail_leaves_as_it_would_without_any_rule(
    *, kinds: list[str], actions: list[str], failed: bool
) -> None:
    """Whatever is found, whatever the rules and the detectors say: the bytes are those of a mail without findings."""
    failures = (Failure(detector="parse", reason=FailureReason.ERROR),) if failed else ()
    inspection = replace(found(*kinds), failures=failures)
    of = rules(*(f"{kind} → {action}" for kind in ("a.b", "c.d") for action in actions)) if actions else policy()
    got = verdict(observed(of), inspection)
    assert got.disposition is Disposition.FORWARD
    assert apply(mail(), got.edits) == apply(mail(), verdict(policy(), NOTHING).edits)
