"""What a policy would have made of a mail of which only the journal's entry is left: counts, no text.

The rules of the journal's time measured it, so another `inside`, other packs' detection or other attachments read
would have counted otherwise; `untold` says which of that matters for a comparison.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from dlp_gateway.detect.base import CONFIDENCE, Failure, FailureReason, Finding, Inspection
from dlp_gateway.mail.address import serialise
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Defect, Message
from dlp_gateway.mail.parse import parse
from dlp_gateway.memory import looks_back
from dlp_gateway.policy.copies import REWRITE_INCOMPLETE
from dlp_gateway.policy.decide import INSPECTION_FAILED, INSPECTION_INCOMPLETE, decide
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.verdict import Disposition, Stage
from dlp_gateway.ports import Entry
from dlp_gateway.simulation.difference import Judgement

_OUTSIDERS: Final = "recipients.outsiders"
_DEFECT: Final = "defect."


def as_recorded(entry: Entry) -> Judgement:
    """Return what was made of the mail when it came."""
    return Judgement(
        disposition=entry.disposition, reasons=frozenset(entry.reasons), observed=frozenset(entry.observed)
    )


def judged(policy: Policy, entry: Entry, then: Policy) -> Judgement:
    """Return what a policy would have made of it; `then` is the policy under which it was judged, or the nearest."""
    message = _message(policy, entry)
    verdict = decide(policy, _envelope(entry), message, _inspection(entry))
    reasons = {reason.rule for reason in verdict.reasons if reason.enforced}
    observed = {reason.rule for reason in verdict.reasons if not reason.enforced}
    disposition = verdict.disposition
    if verdict.hidden and REWRITE_INCOMPLETE in entry.reasons:
        reasons.add(REWRITE_INCOMPLETE)
        disposition = max(disposition, Disposition.HOLD)
    if any(reason.enforced and reason.stage is Stage.TRANSFORM for reason in verdict.reasons) and _waited(entry, then):
        disposition = max(disposition, Disposition.HOLD)
    return Judgement(disposition=disposition, reasons=frozenset(reasons), observed=frozenset(observed - reasons))


def _waited(entry: Entry, then: Policy) -> bool:
    """Whether it was held by rules that rewrite, and by nothing else: as an invitation or a sealed mail is."""
    stages = {rule.rule.id: rule.stage for rule in then.rules}
    return entry.disposition is Disposition.HOLD and all(
        stages.get(reason) is Stage.TRANSFORM for reason in entry.reasons
    )


def untold(entries_without_confidence: int, before: Policy, after: Policy) -> Iterator[str]:
    """Yield in sentences what the journal cannot tell of the difference between two policies."""
    yield (
        "The journal holds what was counted then, not the mails: findings are those of the detectors and packs of that "
        "time, and who wrote is the sender of the envelope. A folder of mails tells more."
    )
    if entries_without_confidence:
        yield (
            f"{entries_without_confidence} entries are from a version that did not write how sure findings were; all "
            "of theirs count as sure."
        )
    changed = [
        name
        for name, one, other in (
            ("inside", before.inside.patterns, after.inside.patterns),
            ("partners", before.partners.patterns, after.partners.patterns),
            ("presidio", (before.recognizers, before.model), (after.recognizers, after.model)),
        )
        if one != other
    ]
    if changed:
        yield f"Other `{'`, `'.join(changed)}` would have changed what is counted, which the journal cannot tell."
    if any(map(looks_back, after.rules)):
        yield (
            "What earlier mail brought in (second attempts, windows, storms, strangers) counts as it did under the "
            "policy of that time, which may have stopped or changed other mails."
        )
    if any(rule.stage is Stage.TRANSFORM for rule in after.rules):
        yield (
            "Whether a rewrite has to wait for a reviewer (invitations, sealed or signed parts) is known only of mails "
            "that waited; others count as rewritten."
        )


def _envelope(entry: Entry) -> Envelope:
    return Envelope(
        id=entry.id,
        reverse_path=entry.reverse_path,
        recipients=tuple(passage.recipient for passage in entry.passages),
        client=entry.client,
        login=entry.login,
        body_8bit=True,
        smtputf8=True,
        received_at=entry.received_at,
    )


def _inspection(entry: Entry) -> Inspection:
    failed = INSPECTION_FAILED in {*entry.reasons, *entry.observed}
    failures = (Failure(detector="journal", reason=FailureReason.ERROR),) if failed else ()
    return Inspection(findings=tuple(_findings(entry)), failures=failures, unreadable=())


def _findings(entry: Entry) -> Iterator[Finding]:
    """Yield findings of which as many count at each confidence as did then."""
    by_confidence = {kind: (low, medium, high) for kind, low, medium, high in entry.measured}
    for kind, count in entry.findings:
        low, medium, high = by_confidence.get(kind, (count, count, count))
        scores = (*CONFIDENCE.values(), 0.0)
        for score, number in zip(scores, (low - medium, medium - high, high, count - low), strict=True):
            if number > 0:
                yield Finding(
                    kind=kind, detector="journal", rule="", count=number, score=score, where="journal", country=""
                )


def _message(policy: Policy, entry: Entry) -> Message:
    """Return a header with the recipients whom the mail showed, as far as that can be told."""
    told = {*entry.reasons, *entry.observed}
    counts = dict(entry.findings)
    unread = tuple(
        Defect(kind.removeprefix(_DEFECT))
        for kind in counts
        if kind.startswith(_DEFECT) and kind.removeprefix(_DEFECT) in set(Defect)
    )
    if INSPECTION_INCOMPLETE in told and not unread:  # outsiders were counted and none could be hidden
        return _parsed(())
    shown = list(dict.fromkeys(one for passage in entry.passages for one in passage.shown))
    outsiders = counts.get(_OUTSIDERS, 0)
    if len(policy.outsiders(shown)) < outsiders:  # its copies left without them
        shown += [passage.recipient for passage in entry.passages]
    if outsiders and not policy.outsiders(shown):  # a part of a mail whose other recipients came with another part
        shown.append("somebody@outside.invalid")
    return replace(_parsed(tuple(dict.fromkeys(shown))), defects=unread)


def _parsed(shown: tuple[str, ...]) -> Message:
    written = (serialise(address) for address in shown)
    return parse(b"To: " + b",\r\n ".join(filter(None, written)) + b"\r\n\r\n")
