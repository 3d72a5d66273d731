"""Whatever the policy and the findings are: more findings never soften a verdict, and nobody outside is shown."""

from dataclasses import replace
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.detect.base import Failure, FailureReason, Finding, Inspection
from dlp_gateway.mail.edit import PruneRecipients, apply
from dlp_gateway.mail.exposure import exposed
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.verdict import Disposition
from tests.policy.test_decide import ENVELOPE, NOTHING, mail, policy, verdict

KINDS: Final = ("a.b", "a.c", "recipients.outsiders", "recipients.organisations", "identifier.US_SSN", "a.d")
_findings = st.lists(
    st.builds(
        Finding,
        kind=st.sampled_from(KINDS),
        detector=st.just("test"),
        rule=st.just(""),
        count=st.integers(-3, 15),
        score=st.floats(0, 1) | st.just(float("nan")),
        where=st.just("envelope"),
    ),
    max_size=6,
)
_failures = st.lists(st.just(Failure(detector="x", reason=FailureReason.ERROR)), max_size=1)
_conditions = st.recursive(
    st.builds(
        "{{finding: {}, count: {}, confidence: {}}}".format,
        st.sampled_from([*KINDS, "'a.*'"]),
        st.integers(1, 12),
        st.sampled_from(["low", "medium", "high"]),
    ),
    lambda inner: st.builds(
        "{{{}: [{}]}}".format, st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=3).map(", ".join)
    ),
    max_leaves=4,
)
_rules = st.builds(
    "when: {}, unless: {}, then: {}, mode: {}".format,
    _conditions,
    st.sampled_from(["[]", "{recipients: inside}", "{login: [ann]}"]),
    st.sampled_from(["hide", "review", "wait", "refuse", "keep-signed"]),
    st.sampled_from(["enforce", "observe"]),
)
_policies = st.lists(_rules, max_size=4, unique=True).map(
    lambda texts: policy(
        "actions: {keep-signed: {do: rewrite, signed: hold}}\nrules:\n"
        + "".join(f"  - {{id: r{index}, {text}}}\n" for index, text in enumerate(texts))
        if texts
        else ""
    )
)
_MAILS: Final = (
    mail(),
    mail(("bob@corp.example",)),
    mail(fields="DKIM-Signature: h=to; b=x\r\nBcc: z@z.example\r\n"),
    b"",
)


@given(of=_policies, fewer=_findings, more=_findings, failures=_failures, raw=st.sampled_from(_MAILS))
def test_more_findings_never_soften_a_verdict(
    of: Policy, fewer: list[Finding], more: list[Finding], failures: list[Failure], raw: bytes
) -> None:
    """Invariant (d): whatever is found besides, the verdict, its reasons and its edits only grow."""
    first = verdict(of, replace(NOTHING, findings=tuple(fewer)), raw)
    second = verdict(of, Inspection(findings=(*fewer, *more), failures=tuple(failures), unreadable=()), raw)
    assert second.disposition >= first.disposition
    assert {reason.rule for reason in first.reasons} <= {reason.rule for reason in second.reasons}
    assert len(second.edits) >= len(first.edits)
    assert not failures or second.disposition >= Disposition.HOLD


@given(of=_policies, findings=_findings, raw=st.sampled_from(_MAILS))
def test_rewritten_mail_shows_no_outsider(of: Policy, findings: list[Finding], raw: bytes) -> None:
    """Invariant (e): whenever a verdict hides, no hidden address stands in the header that leaves."""
    got = verdict(of, replace(NOTHING, findings=tuple(findings)), raw)
    outgoing = apply(raw, got.edits)
    prunes = [edit for edit in got.edits if isinstance(edit, PruneRecipients)]
    assert [exposed(outgoing, edit.hidden) for edit in prunes] == [()] * len(prunes)
    assert not parse(outgoing).named("Bcc")
    assert got.hidden == sum(len(edit.hidden) for edit in prunes)


@given(of=_policies, first=_findings, second=_findings, raw=st.sampled_from(_MAILS))
def test_what_was_found_before_makes_no_difference(
    of: Policy, first: list[Finding], second: list[Finding], raw: bytes
) -> None:
    """A policy that has seen other mail decides as a fresh one does."""
    message, used, fresh = parse(raw), replace(of), replace(of)
    decide(used, ENVELOPE, message, replace(NOTHING, findings=tuple(first)))
    inspection = replace(NOTHING, findings=tuple(second))
    assert decide(fresh, ENVELOPE, message, inspection) == decide(used, ENVELOPE, message, inspection)
