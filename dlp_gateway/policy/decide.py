"""From measurements to a verdict: pure and total; every rule is evaluated and the strictest disposition wins."""

from collections.abc import Iterator
from datetime import timedelta
from operator import attrgetter
from typing import Final, assert_never

from dlp_gateway.detect.base import CONFIDENCE, Inspection
from dlp_gateway.detect.disclosure import BLIND_QUOTED, OUTSIDERS_QUOTED
from dlp_gateway.detect.recipients import OUTSIDERS
from dlp_gateway.detect.redistribution import OUTSIDERS as REDISTRIBUTED
from dlp_gateway.mail.address import is_one_of
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Defect, Message
from dlp_gateway.mail.redistribution import owner
from dlp_gateway.policy.copies import ALWAYS, Rewriting, incomplete
from dlp_gateway.policy.groups import within_one
from dlp_gateway.policy.model import Condition, Delay, Hold, Policy, Reject, Rewrite, RuleInForce, Unless
from dlp_gateway.policy.scope import Correspondence
from dlp_gateway.policy.verdict import Disposition, Reason, Verdict

INSPECTION_FAILED: Final = "inspection-failed"
INSPECTION_INCOMPLETE: Final = "inspection-incomplete"

#: Bounds that end reading: what lies beyond was measured by nobody.
_UNREAD: Final = frozenset({Defect.TOO_MANY_FIELDS, Defect.TOO_MANY_RECIPIENTS, Defect.TOO_MANY_PARTS, Defect.TOO_DEEP})
_EXPIRE_AFTER: Final = timedelta(days=14)
_AT_ONCE: Final = timedelta()
_EXPLANATIONS: Final = {
    Disposition.REWRITE: "The recipients of this message were hidden from each other.",
    Disposition.DELAY: "This message leaves after a while.",
    Disposition.HOLD: "This message waits for a review.",
}


def decide(policy: Policy, envelope: Envelope, message: Message, inspection: Inspection) -> Verdict:
    """Return what becomes of a message; never raises; more findings never make it milder (rules with `none` aside)."""
    measured = _Measured(inspection)
    rewriting = Rewriting(policy, envelope, message)
    matching: list[RuleInForce] = []
    if candidates := policy.candidates(measured.kinds):
        mail = Correspondence(envelope, message, policy.teams)
        matching = [
            rule
            for rule in candidates
            if _holds(rule.rule.when, measured)
            and _is_about(rule, mail)
            and not any(_excuses(u, rewriting, mail) for u in rule.rule.unless)
        ]
        matching.sort(key=attrgetter("stage"))  # the order in which they are told; the strictest wins in any order
    reasons = (
        *[_reason(rule, rewriting, enforced=policy.enforces(rule)) for rule in matching],
        # In observe mode the operator has said by name that nothing is held: docs/decisions/0016-observe-mode.md.
        *_gaps(inspection, message, enforced=policy.mode == "enforce"),
    )
    if not reasons:  # nearly all mail
        return Verdict(
            disposition=Disposition.FORWARD,
            findings=inspection.findings,
            edits=ALWAYS,
            owner=_owner(policy, envelope, message, measured),
        )
    actions = [rule.action for rule in matching if policy.enforces(rule)]
    rewrites = [action for action in actions if isinstance(action, Rewrite)]
    hiding = [action for action in rewrites if action.how != "blind"]
    if hiding and not rewriting.outsiders and measured.total(OUTSIDERS, 0.0):
        # The detector counted outsiders and the parsed header shows none: a rewrite would change nothing.
        reasons = (*reasons, _incomplete("Its recipients could not be hidden from each other.", enforced=True))
    if hiding and rewriting.outsiders and any(measured.total(kind, 0.0) for kind in (OUTSIDERS_QUOTED, BLIND_QUOTED)):
        reasons = (*reasons, incomplete("An address that had to be hidden is quoted in the text of this message."))
    holds = [action for action in actions if isinstance(action, Hold)]
    edits, copies = rewriting.edits(rewrites)
    return Verdict(
        disposition=max([reason.disposition for reason in reasons if reason.enforced], default=Disposition.FORWARD),
        reasons=reasons,
        findings=inspection.findings,
        edits=edits,
        copies=copies,
        # Several holds: no reviewer finds it expired before his own time is over.
        expire_after=max([action.expire_after for action in holds], default=_EXPIRE_AFTER),
        delay=max([action.for_ for action in actions if isinstance(action, Delay)], default=_AT_ONCE),
        refuse_held=any(action.reply == "refuse" for action in holds),
        hidden=len(rewriting.hidden(rewrites)) if rewrites else 0,
        owner=_owner(policy, envelope, message, measured),
    )


def _owner(policy: Policy, envelope: Envelope, message: Message, measured: "_Measured") -> str:
    """Return whom to tell of a mail that was passed on, since its author is not ours."""
    return owner(envelope, message, policy.inside) if measured.total(REDISTRIBUTED, 0.0) else ""


class _Measured:
    """All findings by kind."""

    def __init__(self, inspection: Inspection) -> None:
        self._scores: dict[str, list[tuple[float, int]]] = {}
        for finding in inspection.findings:
            self._scores.setdefault(finding.kind, []).append((finding.score, finding.count))
        self.kinds = frozenset(self._scores)

    def total(self, kind: str, least: float) -> int:
        """Return the sum of counts of a kind, or of all kinds below `x.*`, at or above a score."""
        if kind.endswith(".*"):
            return sum(self.total(name, least) for name in self._scores if name.startswith(kind[:-1]))
        # Not "score >= least": a detector's NaN counts. Nor does a negative count make others smaller.
        return sum(max(0, count) for score, count in self._scores.get(kind, ()) if not score < least)


def _holds(condition: Condition, measured: _Measured) -> bool:
    if condition.finding is not None:
        return measured.total(condition.finding, CONFIDENCE[condition.confidence]) >= condition.count
    if condition.all is not None:
        return all(_holds(one, measured) for one in condition.all)
    if condition.any is not None:
        return any(_holds(one, measured) for one in condition.any)
    return not any(_holds(one, measured) for one in condition.none or ())


def _is_about(rule: RuleInForce, mail: Correspondence) -> bool:
    """Whether a rule is in force when the mail comes, and about mail of such people; in doubt it is."""
    at = mail.envelope.received_at
    return (
        rule.rule.is_in_force(at)
        and (not rule.rule.only or any(map(mail.may_be, rule.rule.only)))
        and (rule.within is None or (rule.within.is_in_force(at) and any(map(mail.may_be, rule.within.only))))
        and not any(scope.is_in_force(at) and any(map(mail.surely_is, scope.only)) for scope in rule.outside)
    )


def _excuses(unless: Unless, rewriting: Rewriting, mail: Correspondence) -> bool:
    """Whether everything that the exception asks of who writes to whom holds."""
    policy, envelope = rewriting.policy, rewriting.envelope
    return (
        (unless.recipients is None or _all_within(unless.recipients, policy, envelope.recipients))
        and (unless.group is None or within_one(rewriting.involved, unless.group, policy.groups))
        and (unless.sender is None or is_one_of(envelope.reverse_path, unless.sender))
        and (unless.team is None or mail.is_of(unless.team))
        and (unless.client is None or mail.is_from(unless.client))
        and (unless.login is None or mail.is_login(unless.login))
    )


def _all_within(scope: str | tuple[str, ...], policy: Policy, recipients: tuple[str, ...]) -> bool:
    def allowed(recipient: str) -> bool:
        if policy.inside.contains(recipient):
            return True
        return policy.partners.contains(recipient) if isinstance(scope, str) else is_one_of(recipient, scope)

    if scope == "inside":
        return bool(recipients) and all(map(policy.inside.contains, recipients))
    return bool(recipients) and all(map(allowed, recipients))


def _reason(rule: RuleInForce, rewriting: Rewriting, *, enforced: bool) -> Reason:
    """Return why a matching rule counts; a rewrite may have to wait for a reviewer."""
    explanation = rule.rule.explanation
    match rule.action:
        case Rewrite():
            disposition = Disposition.HOLD if rewriting.must_wait(rule.action) else Disposition.REWRITE
        case Delay():
            disposition = Disposition.DELAY
        case Hold():
            disposition = Disposition.HOLD
        case Reject():
            disposition = Disposition.REJECT
            explanation = explanation or rule.action.explanation
        case _:
            assert_never(rule.action)
    return Reason(
        rule=rule.rule.id,
        disposition=disposition,
        enforced=enforced,
        explanation=explanation or _EXPLANATIONS.get(disposition, ""),
        stage=rule.stage,
    )


def _gaps(inspection: Inspection, message: Message, *, enforced: bool) -> Iterator[Reason]:
    """Yield why the message cannot count as inspected (invariant c: a failure never yields a plain forward)."""
    if inspection.failures:
        yield Reason(
            rule=INSPECTION_FAILED,
            disposition=Disposition.HOLD,
            enforced=enforced,
            explanation="This message could not be inspected and waits for a review.",
        )
    if message.defects and not _UNREAD.isdisjoint(message.defects):
        yield _incomplete("It is built so that it could not be read to its end.", enforced=enforced)


def _incomplete(why: str, *, enforced: bool) -> Reason:
    return Reason(
        rule=INSPECTION_INCOMPLETE,
        disposition=Disposition.HOLD,
        enforced=enforced,
        explanation=f"This message waits for a review. {why}",
    )
