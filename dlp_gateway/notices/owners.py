"""What the owner of an address is told of mails that outsiders write and that it passes on to others outside. Pure.

The author is told nothing, since he is outside. The address itself is all that is named. Whoever is behind it may get
this notice as he gets other mail, so it says that it stays inside (`mail.notice`): the gateway refuses it to outsiders.
"""

from typing import assert_never

from dlp_gateway.ledger import Account, Window
from dlp_gateway.mail.address import canonical
from dlp_gateway.notices.letters import SUMMARY, Letter, reasons, summary_lines
from dlp_gateway.notices.news import Kind, News, label
from dlp_gateway.notices.words import Words
from dlp_gateway.policy.model import Policy


def to_owner(news: News, reader: str, words: Words, policy: Policy) -> Letter:
    """Return the notice; ValueError for a rewrite, of which no owner hears."""
    said, account = words.owners, news.account
    about = {"date": words.date(account.received_at), "address": _shown(account)}
    until = words.date(news.moment) if news.moment else ""
    others = [words.released_others.of(news.released)] if news.released else []
    waiting = [words.waiting.of(news.waiting)] if news.waiting else []
    why = reasons(news, words, policy, (words.reasons["redistribution"],))  # what that says, the notice says anyway
    todo = [said.answer, said.members.format(**about)]
    told: list[str]
    match news.kind:
        case Kind.HELD:
            people = sum(part.passed_on for part in news.parts) or news.recipients
            ends = [said.decision, *([words.held_until.format(until=until)] if until else [])]
            told = [said.held.of(people, **about), *why, *todo, " ".join(ends), *others]
        case Kind.RELEASED:
            told = [said.released.of(news.recipients, **about), *waiting]
        case Kind.DISCARDED:
            told = [said.discarded.of(news.recipients, **about), *others, *waiting, *why, *todo]
        case Kind.EXPIRED:
            told = [said.expired.of(news.recipients, **about), *why, *todo]
        case Kind.DELAYED:
            told = [said.delayed.of(news.recipients, until=until, **about), *why, words.delayed_next, todo[1]]
        case Kind.REWRITTEN:
            raise ValueError("notice: no owner hears of a rewrite")
        case _:
            assert_never(news.kind)
    return Letter(
        kind=news.label,
        recipient=reader,
        subject=getattr(said.subjects, news.kind),
        text="\n\n".join(told),
        words=words,
        news=news,
        inside_only=True,
    )


def summary(window: Window, account: Account, reader: str, words: Words) -> Letter:
    """Return the notice of what an owner was not told one by one; `account` is one of the mails."""
    said, address = words.owners, _shown(account)
    told = [
        said.summary.format(since=words.date(window.since), address=address),
        summary_lines(window, words),
        said.members.format(address=address),
    ]
    return Letter(
        kind=label(SUMMARY, account),
        recipient=reader,
        subject=said.subjects.summary,
        text="\n\n".join(told),
        words=words,
        inside_only=True,
    )


def _shown(account: Account) -> str:
    """Return the address without its tag, in which an outsider may write what he likes."""
    return canonical(account.owner)
