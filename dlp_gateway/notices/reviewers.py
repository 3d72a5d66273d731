"""What reviewers are told: what waits for a decision, and at once what is of high severity. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dlp_gateway.ledger import Account
from dlp_gateway.notices.letters import Letter
from dlp_gateway.notices.news import Kind, News
from dlp_gateway.notices.round import is_ours
from dlp_gateway.notices.words import Words
from dlp_gateway.policy.model import Policy, Severity
from quarantine.model import Item, State

#: The kinds of notices to reviewers.
DIGEST: Final = "digest"
URGENT: Final = "urgent"

#: States in which a mail waits for somebody.
WAITING: Final = (State.HELD, State.IN_DOUBT, State.FAILED)

_LISTED: Final = 50  # mails in one notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One mail as reviewers are told of it: who wrote it and to how many, never to whom or what.

    `owner` is the address of ours that passes on what an outsider wrote, or "".
    """

    id: str
    state: State
    since: datetime
    author: str
    recipients: int
    severity: Severity
    rules: tuple[str, ...]
    owner: str = ""


def of_item(item: Item, policy: Policy, owner: str) -> Waiting:
    """Return an item of custody."""
    return Waiting(
        id=item.id,
        state=item.state,
        since=item.created_at,
        author=item.reverse_path,
        recipients=sum(recipient.state is item.state for recipient in item.recipients),
        severity=policy.severity(item.reasons),
        rules=item.reasons,
        owner=owner,
    )


def urgent(news: Iterable[News], policy: Policy, hostname: str) -> tuple[Waiting, ...]:
    """Return what was held just now for a rule of high severity; nothing that may be a notice of our own come back."""
    return tuple(
        Waiting(
            id=account.id,
            state=State.HELD,
            since=account.received_at,
            author=account.author,
            recipients=account.recipients,
            severity="high",
            rules=account.reasons,
            owner=account.owner,
        )
        for one in news
        if one.kind is Kind.HELD
        for account in one.parts
        if policy.severity(account.reasons) == "high" and not _may_be_ours(account, hostname)
    )


def _may_be_ours(account: Account, hostname: str) -> bool:
    return (not account.author and not account.owner) or is_ours(account, hostname)


def digest(address: str, waiting: Sequence[Waiting], held: int, words: Words) -> Letter:
    """Return the notice of what waits; `held` counts recipients, also of mail that is not listed."""
    counts = {state: sum(one.recipients for one in waiting if one.state is state) for state in WAITING}
    first = words.reviewers.digest.format(held=held, failed=counts[State.FAILED], doubt=counts[State.IN_DOUBT])
    return Letter(
        kind=DIGEST,
        recipient=address,
        subject=words.reviewers.digest_subject,
        text="\n\n".join([first, _table(waiting, words), _commands(words, "ID")]),
        words=words,
        asks=False,
    )


def alarm(address: str, waiting: Sequence[Waiting], words: Words) -> Letter:
    """Return the notice of what cannot wait for the digest."""
    name = waiting[0].id if len(waiting) == 1 else "ID"
    return Letter(
        kind=URGENT,
        recipient=address,
        subject=words.reviewers.urgent_subject,
        text="\n\n".join([words.reviewers.urgent.of(len(waiting)), _table(waiting, words), _commands(words, name)]),
        words=words,
        asks=False,
    )


def _table(waiting: Sequence[Waiting], words: Words) -> str:
    lines = [line for one in waiting[:_LISTED] for line in _lines(one, words)]
    if len(waiting) > _LISTED:
        lines.append(f"  {words.reviewers.more.of(len(waiting) - _LISTED)}")
    return "\n".join(lines)


def _lines(one: Waiting, words: Words) -> tuple[str, ...]:
    said = words.reviewers
    states = {State.HELD: said.states.held, State.FAILED: said.states.failed, State.IN_DOUBT: said.states.in_doubt}
    severity = getattr(said.severities, one.severity)
    owner = (f"    {said.passed_on.format(owner=one.owner)}",) if one.owner else ()
    return (
        f"  {said.item.format(id=one.id, state=states[one.state], since=words.date(one.since))}",
        f"    {said.details.format(author=one.author or '<>', count=one.recipients, severity=severity)}",
        *owner,
        f"    {said.rules.format(rules=', '.join(one.rules))}",
    )


def _commands(words: Words, name: str) -> str:
    lines = ("list --state held", f"show {name}", f"release {name}", f"discard {name}")
    return "\n".join([words.reviewers.commands, *(f"    dlp-gateway quarantine {line}" for line in lines)])
