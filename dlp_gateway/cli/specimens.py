"""Mails that show what a rule does: from the cases of its pack, or built to its bounds; only the header is made anew.

Who stands in To and Cc is as the case has it, in our packs all reserved names (RFC 2606); where the mail goes is told
by the envelope alone.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from dlp_gateway import document
from dlp_gateway.detect.base import NO_FACTS, Facts, Thread
from dlp_gateway.detect.edm.naming import FAMILIES
from dlp_gateway.detect.reply_all import AGAIN, AUDIENCE, FOREIGN, STOPPED, STRUCK
from dlp_gateway.mail import header
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy.cases import MailCase
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.model import Condition, Policy, RuleInForce
from dlp_gateway.policy.verdict import Verdict
from dlp_gateway.processes import policies

SUBJECT: Final = "[DLP Gateway test]"

_OURS: Final = frozenset(
    {"from", "sender", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted"}
)
_LARGEST: Final = 5_000_000  # bytes of a case
_MOST: Final = 1_000  # recipients that a specimen shows
_ANSWERED: Final = frozenset({AUDIENCE, AGAIN, "reply_all.*"})
#: Kinds for which one author's mails of a minute are not enough, by how they begin, and what they are about.
_OF_EARLIER_MAIL: Final = {
    "thread.closed": "at answers of several people to the same mail",
    "exposure.": "at all people whom a sender shows to each other within the policy's window",
    "sent.": "at all numbers that a sender sends within the policy's window",
    "recipients.first_time": "at those to whom the sender wrote on earlier days",
    "recipients.look_alike": "at those to whom the house wrote on earlier days",
    "recipients.twin": "at those to whom the sender wrote on earlier days",
}
_OF_ADDRESSES: Final = frozenset(
    {"recipients.blind_named", "recipients.blind_quoted", "recipients.lookalike_inside", "recipients.own_freemail"}
    | {"redistribution.outsiders", "reply_to.group", "reply_to.several"}
)
_OF_RECORDS: Final = tuple(f"{family}." for family in FAMILIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """A mail to show a rule with: its title, its content as a case has it, and what will be remembered when it comes.

    `before` is the mail that must have passed first. `answers`: it answers that, or one that the gateway never saw.
    """

    title: str
    content: bytes
    facts: Facts = NO_FACTS
    before: "Specimen | None" = None
    answers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who sends test mail, when, and the host in its ids; `clock` is an aware time."""

    address: str
    host: str
    clock: datetime


CLEAN: Final = Specimen(
    title="an ordinary mail, in which nothing must be found",
    content=b"To: Ben Okafor <ben@bakery.example>\r\n\r\nHello Ben,\r\n\r\nthe delivery comes on Tuesday.\r\n",
)


def of_rule(rule: RuleInForce, policy: Policy) -> Iterator[Specimen]:
    """Yield mails that may match the rule, the plainest first."""
    wanted = {kind: count for kind, count in rule.rule.when.kinds() if count <= _MOST}
    for kind in (STRUCK, STOPPED):
        if kind in wanted:
            yield _second_attempt(wanted[kind], policy.mass_send, is_stopped=kind == STOPPED)
    if FOREIGN in wanted:
        yield _answer_to_strangers(wanted[FOREIGN])
    if exposed := [count for kind, count in wanted.items() if kind.startswith("recipients.")]:
        yield _to_strangers(strangers(max(exposed)), f"{max(exposed)} strangers in To")
    for folder in policy.folders:
        if folder.name == rule.pack:
            yield from _of_pack(folder, rule.rule.id)


def of_packs(policy: Policy) -> Iterator[Specimen]:
    """Yield all mails of all packs in force, for rules that have no cases of their own."""
    for folder in policy.folders:
        yield from _of_pack(folder, "")


def answering(specimen: Specimen, mass_send: int, outsiders: int) -> Specimen:
    """Return the mail as an answer to a mass mail to `mass_send`, that goes to so many outsiders of them again."""
    return replace(
        specimen,
        facts=Facts(thread=Thread(audience=outsiders, addressed_again=outsiders)),
        before=_to_strangers(strangers(mass_send), "a mass mail, so that an answer to it is known"),
        answers=True,
    )


def _second_attempt(count: int, mass_send: int, *, is_stopped: bool) -> Specimen:
    """Return a mail that shows so many of those once more to whom a mass mail was written before."""
    people = strangers(max(count, mass_send))
    return replace(
        _to_strangers(people[:count], f"a second mail to {count} of a mass mail's recipients"),
        facts=Facts(struck=count, stopped=count if is_stopped else 0),
        before=_to_strangers(people, "a mass mail, so that a second attempt at it is known"),
    )


def _answer_to_strangers(count: int) -> Specimen:
    mail = _to_strangers(strangers(count), f"an answer to {count} strangers' mail from outside")
    return replace(mail, facts=Facts(foreign=count), answers=True)


def strangers(count: int) -> tuple[str, ...]:
    """Return people whom no mail showed before, each of his own organisation: a sample must not be a second attempt."""
    fresh = secrets.token_hex(4)
    return tuple(f"customer{number}@shop{number}-{fresh}.example" for number in range(1, count + 1))


def _to_strangers(people: tuple[str, ...], title: str) -> Specimen:
    text = "Dear customers,\r\n\r\nwe are closed on Monday.\r\n"
    listed = ",\r\n ".join(people)
    return Specimen(title=title, content=f"To: {listed}\r\n\r\n{text}".encode())


def _of_pack(folder: Path, rule: str) -> Iterator[Specimen]:
    """Yield the whole mails in a pack's cases in which the rule (or, for "", any) matches."""
    found = []
    for path in sorted((folder / "cases").glob("*.yaml")):
        mail = path.with_suffix(".eml")
        case = document.load(path, MailCase)
        named = {*case.reasons, *case.observed}
        if (rule in named if rule else named) and mail.is_file() and mail.stat().st_size <= _LARGEST:
            raw = mail.read_bytes()
            content = raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n")
            specimen = Specimen(title=case.title, content=content)
            found.append((len(named), len(case.set), path.name, specimen))
    yield from (specimen for *_, specimen in sorted(found, key=lambda one: one[:3]))


def addressed(specimen: Specimen, author: Author, message_id: str, answers: str = "") -> bytes:
    """Return the mail with a header of our own: who sends it, what it is, a fresh id; the rest stays as it is."""
    start = header.body_start(specimen.content)
    section = specimen.content[:start]
    for field in reversed(header.select(section, _OURS)):
        section = section[: field.start] + section[field.end :]
    fields = [
        f"From: {author.address}",
        f"Subject: {SUBJECT} {specimen.title.encode('ascii', 'replace').decode()[:60]}",
        f"Date: {format_datetime(author.clock)}",
        f"Message-ID: {message_id}",
        "Auto-Submitted: auto-generated",  # RFC 3834 5: nobody's holiday answers it
        *([f"In-Reply-To: {answers}", f"References: {answers}"] if answers else []),
    ]
    return "".join(f"{field}\r\n" for field in fields).encode() + section + specimen.content[start:]


def judged(policy: Policy, envelope: Envelope, content: bytes, facts: Facts) -> tuple[Verdict, Verdict]:
    """Return what the policy makes of a mail here and now, if that is what is remembered when it comes.

    Then what it would make of it under `mode: enforce`.
    """
    message = parse(content)
    inspection = policies.inspect(policy, envelope, message, facts)
    verdict = decide(policy, envelope, message, inspection)
    acting = replace(policy, mode="enforce")
    return verdict, verdict if policy.mode == "enforce" else decide(acting, envelope, message, inspection)


def looks_at_addresses(rule: RuleInForce) -> bool:
    """Whether the rule can only match a mail whose author, Reply-To or recipients are others than those of a test."""
    return any(kind in _OF_ADDRESSES for kind, _ in rule.rule.when.kinds())


def looks_for_records(rule: RuleInForce) -> bool:
    """Whether the rule can only match a mail with values of the operator's own, which nobody but him knows."""
    return all(kind.startswith(_OF_RECORDS) for kind, _ in rule.rule.when.kinds())


def looks_back(condition: Condition) -> str:
    """Return what earlier mail a condition needs that no test mail can stand for, or "" if one can meet it."""
    if condition.finding is not None:
        kind = condition.finding
        return next((what for prefix, what in _OF_EARLIER_MAIL.items() if kind.startswith(prefix)), "")
    if condition.any is not None:
        told = [looks_back(one) for one in condition.any]
        return told[0] if all(told) else ""
    return next(filter(None, map(looks_back, condition.all or ())), "")


def needs_audience(rule: RuleInForce) -> int:
    """Return to how many outsiders a mail must answer before the rule can match, 0 if that plays no part."""
    return max((count for kind, count in rule.rule.when.kinds() if kind in _ANSWERED), default=0)
