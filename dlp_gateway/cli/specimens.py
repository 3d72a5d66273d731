"""Mails that show what a rule does: from the cases of its pack, or built to its bounds; only the header is made anew.

Who stands in To and Cc is as the case has it, in our packs all reserved names (RFC 2606); where the mail goes is told
by the envelope alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from dlp_gateway import document
from dlp_gateway.detect.base import NO_FACTS, Facts, Thread
from dlp_gateway.mail import header
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy.cases import MailCase
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.model import Policy, RuleInForce
from dlp_gateway.policy.verdict import Verdict
from dlp_gateway.processes import policies

SUBJECT: Final = "[DLP Gateway test]"

_OURS: Final = frozenset(
    {"from", "sender", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted"}
)
_LARGEST: Final = 5_000_000  # bytes of a case
_MOST: Final = 1_000  # recipients that a specimen shows
_ANSWERED: Final = "reply_all.audience"
_OF_ADDRESSES: Final = frozenset(
    {"recipients.blind_named", "recipients.blind_quoted", "recipients.lookalike_inside", "recipients.own_freemail"}
    | {"redistribution.outsiders", "reply_to.group", "reply_to.several"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """A mail to show a rule with: its title, its content as a case has it, and whether it must answer a mass send."""

    title: str
    content: bytes
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
    yield from _exposure(rule)
    for folder in policy.folders:
        if folder.name == rule.pack:
            yield from _of_pack(folder, rule.rule.id)


def of_packs(policy: Policy) -> Iterator[Specimen]:
    """Yield all mails of all packs in force, for rules that have no cases of their own."""
    for folder in policy.folders:
        yield from _of_pack(folder, "")


def mass_send(strangers: int) -> Specimen:
    """Return the mail that a reply to all answers."""
    return _to_strangers(strangers, "a mass mail, so that an answer to it is known")


def _exposure(rule: RuleInForce) -> Iterator[Specimen]:
    """Yield a mail that shows as many strangers, each of his own organisation, as the rule counts."""
    wanted = [count for kind, count in rule.rule.when.kinds() if kind.startswith("recipients.")]
    if wanted and max(wanted) <= _MOST:
        yield _to_strangers(max(wanted), f"{max(wanted)} strangers in To")


def _to_strangers(count: int, title: str) -> Specimen:
    # Others each time: who is shown again and again is a working group in the end, or a second attempt.
    run = new_id()
    people = ",\r\n ".join(f"customer{number}.{run}@shop{number}.example" for number in range(1, count + 1))
    text = "Dear customers,\r\n\r\nwe are closed on Monday.\r\n"
    return Specimen(title=title, content=f"To: {people}\r\n\r\n{text}".encode())


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
            specimen = Specimen(title=case.title, content=content, answers=case.thread is not None)
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


def judged(policy: Policy, envelope: Envelope, content: bytes, answered: int = 0) -> Verdict:
    """Return what the policy makes of a mail here and now; it answers a mass send to `answered` outsiders, if any."""
    message = parse(content)
    thread = Thread(audience=answered, addressed_again=answered) if answered else None
    facts = Facts(thread=thread) if thread else NO_FACTS
    return decide(policy, envelope, message, policies.inspect(policy, envelope, message, facts))


def looks_at_addresses(rule: RuleInForce) -> bool:
    """Whether the rule can only match a mail whose author, Reply-To or recipients are others than those of a test."""
    return any(kind in _OF_ADDRESSES for kind, _ in rule.rule.when.kinds())


def needs_audience(rule: RuleInForce) -> int:
    """Return to how many outsiders a mail must answer before the rule can match, 0 if that plays no part."""
    return max((count for kind, count in rule.rule.when.kinds() if kind in {_ANSWERED, "reply_all.*"}), default=0)
