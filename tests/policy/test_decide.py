"""From measurements to a verdict: the strictest wins, edits always apply, and nothing found makes it milder."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from dlp_gateway import packs
from dlp_gateway.content.text import Unreadable, UnreadableReason
from dlp_gateway.detect.base import Failure, FailureReason, Finding, Inspection
from dlp_gateway.mail.edit import PruneRecipients, RemoveBcc, RemoveSignatures
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Defect
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy import load
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.verdict import Disposition, Verdict

OUTSIDERS: Final = tuple(f"customer{n}@firm{n}.example" for n in range(12))
NOTHING: Final = Inspection(findings=(), failures=(), unreadable=())
ENVELOPE: Final = Envelope(
    id="test",
    reverse_path="ann@corp.example",
    recipients=OUTSIDERS,
    client="192.0.2.10",
    login="ann",
    body_8bit=True,
    smtputf8=False,
    received_at=datetime(2026, 11, 2, tzinfo=UTC),
)


def policy(text: str = "", *, inside: str = "corp.example", partners: str = "partner.example") -> Policy:
    """Return a policy of the given rules and actions, without packs."""
    head = f"version: 1\ninside: [{inside}]\npartners: [{partners}]\npacks: []\n"
    return load.parse(head + text, "policy.yaml", builtin=packs.builtin())


def rules(*sentences: str) -> Policy:
    """Return a policy of rules given as "finding → action", with optional further keys."""
    items = [
        f"  - {{id: rule-{index}, when: {{finding: {finding}}}, then: {action}}}"
        for index, (finding, action) in enumerate(sentence.split(" → ") for sentence in sentences)
    ]
    return policy(
        "actions:\n  blur: {do: rewrite, to: undisclosed}\n  keep-signed: {do: rewrite, signed: hold}\n"
        "  later: {do: delay, for: 1h}\nrules:\n" + "\n".join(items) + "\n"
    )


def found(*kinds: str, score: float = 1.0, count: int = 1) -> Inspection:
    """Return an inspection with one finding of each kind."""
    return replace(
        NOTHING,
        findings=tuple(
            Finding(kind=kind, detector="test", rule="", count=count, score=score, where="envelope") for kind in kinds
        ),
    )


def mail(
    to: tuple[str, ...] = ("ann@corp.example", *OUTSIDERS), author: str = "Ann <ann@corp.example>", fields: str = ""
) -> bytes:
    """Return a mail with these visible recipients."""
    return f"From: {author}\r\nTo: {', '.join(to)}\r\n{fields}Subject: x\r\n\r\nbody\r\n".encode()


def verdict(of: Policy, inspection: Inspection, raw: bytes | None = None, envelope: Envelope = ENVELOPE) -> Verdict:
    """Decide about a mail."""
    return decide(of, envelope, parse(mail() if raw is None else raw), inspection)


def test_nothing_found_is_forwarded_with_blind_fields_removed() -> None:
    """A clean mail leaves as it is, but for Bcc fields."""
    assert verdict(rules("a.b → review"), NOTHING) == Verdict(disposition=Disposition.FORWARD, edits=(RemoveBcc(),))


def test_strictest_of_all_matching_rules_wins_and_all_are_reasons() -> None:
    """Each rule is evaluated; the reasons stand stage by stage, in the order of the policy."""
    got = verdict(rules("a.b → later", "a.c → refuse", "a.d → review", "a.e → hide"), found("a.b", "a.c", "a.d"))
    assert got.disposition is Disposition.REJECT
    assert [(reason.rule, reason.disposition) for reason in got.reasons] == [
        ("rule-0", Disposition.DELAY),
        ("rule-1", Disposition.REJECT),
        ("rule-2", Disposition.HOLD),
    ]
    assert got.delay == timedelta(hours=1)


def test_edits_apply_whatever_the_disposition() -> None:
    """A held mail that is released leaves rewritten."""
    got = verdict(rules("a.b → hide", "a.c → review"), found("a.b", "a.c"))
    assert got.disposition is Disposition.HOLD
    assert got.edits == (RemoveBcc(), PruneRecipients(hidden=OUTSIDERS, to="ann@corp.example"))
    assert got.hidden == len(OUTSIDERS)


def test_observed_rule_is_a_reason_and_never_acts() -> None:
    """A rule in observe mode neither decides nor edits."""
    of = policy("rules:\n  - {id: looked-at, when: {finding: a.b}, then: hide, mode: observe}\n")
    got = verdict(of, found("a.b"))
    assert (got.disposition, got.edits, got.hidden) == (Disposition.FORWARD, (RemoveBcc(),), 0)
    assert [(reason.rule, reason.enforced, reason.disposition) for reason in got.reasons] == [
        ("looked-at", False, Disposition.REWRITE)
    ]


@pytest.mark.parametrize(
    ("author", "action", "to"),
    [
        ("Ann <ann@corp.example>", "hide", "ann@corp.example"),
        ("Ann <ann@corp.example>", "blur", ""),
        ("Ann <ann@corp.example>, Bob <bob@corp.example>", "hide", ""),
        ("Customer <customer3@firm3.example>", "hide", ""),
        ("nobody", "hide", ""),
    ],
    ids=["author", "undisclosed", "two authors", "author is hidden himself", "no author"],
)
def test_emptied_to_names_the_one_author_or_nobody(author: str, action: str, to: str) -> None:
    """What stands in an emptied To never brings a hidden address back."""
    got = verdict(rules(f"a.b → {action}"), found("a.b"), mail(author=author))
    assert [edit.to for edit in got.edits if isinstance(edit, PruneRecipients)] == [to]


def test_partners_and_insiders_stay_visible() -> None:
    """Only outsiders are hidden, each once, however often and in whatever spelling they are written."""
    raw = mail(("Pat@Partner.Example", "bob@corp.example", "X@One.example", "x+news@one.example", "y@sub.corp.example"))
    got = verdict(rules("a.b → hide"), found("a.b"), raw)
    assert [edit.hidden for edit in got.edits if isinstance(edit, PruneRecipients)] == [
        ("x@one.example", "y@sub.corp.example")
    ]


@pytest.mark.parametrize(("action", "disposition"), [("hide", Disposition.REWRITE), ("keep-signed", Disposition.HOLD)])
def test_signature_over_recipients_goes_or_the_mail_is_held(action: str, disposition: Disposition) -> None:
    """A DKIM signature that the rewrite breaks never leaves (RFC 6376 3.7)."""
    raw = mail(fields="DKIM-Signature: v=1; d=corp.example; h=From:To:Subject; b=x\r\n")
    got = verdict(rules(f"a.b → {action}"), found("a.b"), raw)
    assert got.disposition is disposition
    assert got.edits[-1] == RemoveSignatures()


@pytest.mark.parametrize("action", ["hide", "keep-signed"])
def test_signature_over_other_fields_stays(action: str) -> None:
    """A signature that does not cover To or Cc survives the rewrite."""
    raw = mail(fields="DKIM-Signature: v=1; d=corp.example; h=From:Subject:Date; b=x\r\n")
    got = verdict(rules(f"a.b → {action}"), found("a.b"), raw)
    assert got.disposition is Disposition.REWRITE
    assert RemoveSignatures() not in got.edits


@pytest.mark.parametrize("reason", list(FailureReason))
def test_failure_is_held(reason: FailureReason) -> None:
    """Invariant (c): what could not be measured is never forwarded."""
    got = verdict(rules("a.b → later"), replace(found("a.b"), failures=(Failure(detector="x", reason=reason),)))
    assert got.disposition is Disposition.HOLD
    assert [reason.rule for reason in got.reasons] == ["rule-0", "inspection-failed"]


@pytest.mark.parametrize(
    "defect", [Defect.TOO_DEEP, Defect.TOO_MANY_PARTS, Defect.TOO_MANY_FIELDS, Defect.TOO_MANY_RECIPIENTS]
)
def test_mail_that_was_not_read_to_its_end_is_held(defect: Defect) -> None:
    """Behind a bound anything may stand, so a bound is no way around the policy."""
    message = replace(parse(mail()), defects=(defect,))
    got = decide(rules("a.b → review"), ENVELOPE, message, NOTHING)
    assert [(reason.rule, reason.disposition) for reason in got.reasons] == [
        ("inspection-incomplete", Disposition.HOLD)
    ]


def test_failure_does_not_soften_a_refusal() -> None:
    """A failure holds at least; what a rule refuses stays refused."""
    failed = replace(found("a.b"), failures=(Failure(detector="x", reason=FailureReason.ERROR),))
    assert verdict(rules("a.b → refuse"), failed).disposition is Disposition.REJECT


def test_rewrite_that_finds_nobody_to_hide_is_held() -> None:
    """If a detector counted outsiders whom the header does not show, forwarding unchanged would be the leak."""
    got = verdict(
        rules("recipients.outsiders → hide"), found("recipients.outsiders", count=10), mail(("bob@corp.example",))
    )
    assert got.disposition is Disposition.HOLD
    assert got.reasons[-1].rule == "inspection-incomplete"


@pytest.mark.parametrize(
    ("confidence", "scores", "expected"),
    [
        ("low", [0.29], False),
        ("low", [0.30], True),
        ("medium", [0.59], False),
        ("medium", [0.60], True),
        ("high", [0.84], False),
        ("high", [0.85], True),
        ("medium", [float("nan")], True),
    ],
)
def test_confidence_names_the_least_score(confidence: str, scores: list[float], expected: bool) -> None:  # noqa: FBT001
    """The three words stand for .30, .60 and .85; a score that is no number counts."""
    of = policy(f"rules: [{{id: x, when: {{finding: a.b, confidence: {confidence}}}, then: review}}]\n")
    inspection = replace(NOTHING, findings=tuple(found("a.b", score=score).findings[0] for score in scores))
    assert bool(verdict(of, inspection).reasons) is expected


def test_counts_are_added_at_or_above_the_confidence() -> None:
    """Findings below the confidence do not count, nor does a negative count make others smaller."""
    of = policy("rules: [{id: x, when: {finding: 'a.*', count: 3}, then: review}]\n")
    below = replace(NOTHING, findings=found("a.b", count=2).findings + found("a.c", count=9, score=0.1).findings)
    enough = replace(below, findings=below.findings + found("a.d").findings + found("a.e", count=-5).findings)
    assert [bool(verdict(of, inspection).reasons) for inspection in (below, enough)] == [False, True]


def test_prefix_ends_at_a_dot() -> None:
    """`a.*` means a.b, not ab.c."""
    of = policy("rules: [{id: x, when: {finding: 'a.*'}, then: review}]\n")
    assert [bool(verdict(of, found(kind)).reasons) for kind in ("a.b", "ab.c", "a")] == [True, False, False]


@pytest.mark.parametrize(
    ("when", "kinds", "expected"),
    [
        ("{all: [{finding: a.b}, {finding: a.c}]}", ["a.b"], False),
        ("{all: [{finding: a.b}, {finding: a.c}]}", ["a.b", "a.c"], True),
        ("{any: [{finding: a.b}, {finding: a.c}]}", ["a.c"], True),
        ("{any: [{finding: a.b}, {finding: a.c}]}", ["a.d"], False),
        ("{none: [{finding: a.b}, {finding: a.c}]}", [], True),
        ("{none: [{finding: a.b}, {finding: a.c}]}", ["a.c"], False),
        ("{all: [{finding: a.b}, {any: [{finding: a.c}, {none: [{finding: a.d}]}]}]}", ["a.b"], True),
        ("{all: [{finding: a.b}, {any: [{finding: a.c}, {none: [{finding: a.d}]}]}]}", ["a.b", "a.d"], False),
    ],
)
def test_conditions_combine(when: str, kinds: list[str], expected: bool) -> None:  # noqa: FBT001
    """`all`, `any` and `none` mean what they say, inside each other too."""
    of = policy(f"rules: [{{id: x, when: {when}, then: review}}]\n")
    assert bool(verdict(of, found(*kinds)).reasons) is expected


@pytest.mark.parametrize(
    ("unless", "change", "excused"),
    [
        ("{recipients: inside}", {"recipients": ("a@corp.example", "b@CORP.example")}, True),
        ("{recipients: inside}", {"recipients": ("a@corp.example", "b@sub.corp.example")}, False),
        ("{recipients: inside}", {"recipients": ("a@corp.example", "b@partner.example")}, False),
        ("{recipients: inside}", {"recipients": ()}, False),
        ("{recipients: partners}", {"recipients": ("a@corp.example", "b@partner.example")}, True),
        ("{recipients: partners}", {"recipients": ("a@corp.example", "b@other.example")}, False),
        ("{recipients: [other.example, Z@third.example]}", {"recipients": ("a@corp.example", "b@other.example")}, True),
        ("{recipients: [other.example, Z@third.example]}", {"recipients": ("z@third.example",)}, True),
        ("{recipients: [other.example, Z@third.example]}", {"recipients": ("y@third.example",)}, False),
        ("{sender: [ann@corp.example]}", {}, True),
        ("{sender: ['*.corp.example']}", {}, False),
        ("{sender: [corp.example]}", {"reverse_path": ""}, False),
        ("{client: [192.0.2.0/24]}", {}, True),
        ("{client: [192.0.2.0/24]}", {"client": "::ffff:192.0.2.9"}, True),
        ("{client: ['::ffff:192.0.2.0/120']}", {}, True),
        ("{client: [192.0.2.0/24]}", {"client": "198.51.100.1"}, False),
        ("{client: [192.0.2.0/24]}", {"client": "2001:db8::1"}, False),
        ("{client: [192.0.2.0/24]}", {"client": ""}, False),
        ("{login: [ann]}", {}, True),
        ("{login: [ann, '']}", {"login": ""}, False),
        ("{login: [ann], sender: [bob@corp.example]}", {}, False),
        ("[{login: [ann], sender: [bob@corp.example]}, {client: [192.0.2.10]}]", {}, True),
    ],
)
def test_exceptions_look_at_the_envelope(unless: str, change: dict[str, str], excused: bool) -> None:  # noqa: FBT001
    """All of one block must hold, or all of another; an empty recipient list excuses nothing."""
    of = policy(f"rules: [{{id: x, when: {{finding: a.b}}, unless: {unless}, then: review}}]\n")
    got = verdict(of, found("a.b"), envelope=replace(ENVELOPE, **change))  # type: ignore[arg-type]
    assert bool(got.reasons) is not excused


def test_hold_options_of_several_rules_add_up() -> None:
    """No reviewer loses time by another rule, and one rule that wants a 550 is enough."""
    of = policy(
        "actions:\n"
        "  short: {do: hold, expire_after: 2d, reply: refuse}\n"
        "  long: {do: hold, expire_after: 30d}\n"
        "rules:\n"
        "  - {id: x, when: {finding: a.b}, then: short}\n"
        "  - {id: y, when: {finding: a.b}, then: long}\n"
    )
    got = verdict(of, found("a.b"))
    assert (got.expire_after, got.refuse_held) == (timedelta(days=30), True)


def test_explanation_is_the_rules_own_or_the_actions() -> None:
    """The author reads the rule's words; without any those of the action."""
    of = policy(
        "actions: {no: {do: reject, explanation: Not this way.}}\n"
        "rules:\n"
        "  - {id: x, explanation: Ask Jo., when: {finding: a.b}, then: no}\n"
        "  - {id: y, when: {finding: 'a.*'}, then: no}\n"
        "  - {id: z, when: {finding: a.b}, then: review}\n"
    )
    assert [reason.explanation for reason in verdict(of, found("a.b")).reasons] == [
        "Ask Jo.",
        "Not this way.",
        "This message waits for a review.",
    ]


def test_delivery_notification_passes_and_is_still_judged() -> None:
    """A null reverse-path is no exception: a DSN that quotes a licence is held as any mail."""
    null = replace(ENVELOPE, reverse_path="", recipients=("x@one.example",))
    raw = b"From: <>\r\nTo: x@one.example\r\n\r\nbounce\r\n"
    of = load.default(("corp.example",), builtin=packs.builtin())
    assert verdict(of, NOTHING, raw, null).disposition is Disposition.FORWARD
    assert verdict(of, found("identifier.DRIVER_LICENSE"), raw, null).disposition is Disposition.HOLD


def test_unreadable_parts_are_noted_by_default() -> None:
    """Until attachments are read, the default policy counts them and says so by name."""
    inspection = replace(
        found("unreadable.attachment"),
        unreadable=(Unreadable(part="2", type="application/pdf", reason=UnreadableReason.ATTACHMENT),),
    )
    got = verdict(load.default(("corp.example",), builtin=packs.builtin()), inspection)
    assert got.disposition is Disposition.FORWARD
    assert [(reason.rule, reason.enforced) for reason in got.reasons] == [("unreadable.attachment", False)]


@pytest.mark.parametrize(
    ("when", "kinds", "expected"),
    [
        ("{finding: identifier.IBAN}", {"identifier.IBAN"}, True),
        ("{finding: identifier.IBAN}", {"identifier.CREDIT_CARD"}, False),
        ("{finding: identifier.*}", {"identifier.CREDIT_CARD"}, True),
        ("{finding: identifier.*}", {"recipients.outsiders"}, False),
        ("{all: [{finding: identifier.IBAN}, {finding: recipients.outsiders}]}", {"identifier.IBAN"}, False),
        ("{any: [{finding: identifier.IBAN}, {finding: recipients.outsiders}]}", {"identifier.IBAN"}, True),
        ("{none: [{finding: recipients.outsiders}]}", set(), True),
        ("{none: [{finding: recipients.outsiders}]}", {"recipients.outsiders"}, True),
    ],
)
def test_rules_that_cannot_match_do_not_come_into_question(when: str, kinds: set[str], expected: bool) -> None:  # noqa: FBT001
    """By the kinds alone it is known which rules need no second look; one with `none` always does."""
    of = policy(f"rules:\n  - {{id: one, when: {when}, then: review}}\n")
    assert expected == bool(of.candidates(frozenset(kinds)))
