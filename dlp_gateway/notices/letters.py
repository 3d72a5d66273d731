"""What stands in a notice to an author: news → text in the author's language, and the deposit that takes it out. Pure.

Nothing of the mail itself: no subject, no text, no found value; of its recipients only how many they are.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from dlp_gateway.deposits import Transport
from dlp_gateway.ledger import Window
from dlp_gateway.mail.dsn import Explanation
from dlp_gateway.mail.edit import to_json
from dlp_gateway.mail.envelope import DsnRequest, Notify, RecipientRequest, new_id
from dlp_gateway.mail.notice import Notice, compose
from dlp_gateway.notices.news import Kind, News, reasons_of
from dlp_gateway.notices.words import Words
from dlp_gateway.policy.model import Policy, Rewrite
from quarantine.model import CopyDeposit, Deposit, State

#: The kind of a summary beside those of `news.Kind`.
SUMMARY: Final = "summary"

_REASONS: Final = 5  # that are told of one mail
_IDS: Final = 5
_RECIPIENTS: Final = 100  # that are named in the text of a DSN; its other part has all


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What stands in every notice: our name, the address in From, and whom one may ask."""

    hostname: str
    sender: str
    contact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A notice before it is written: its paragraphs, without the end, and what it is about, if it is one mail.

    `asks`: its reader may have questions, and is told whom to ask. `inside_only`: see `mail.notice`.
    """

    kind: str
    recipient: str
    subject: str
    text: str
    words: Words
    news: News | None = None
    asks: bool = True
    inside_only: bool = False


def to_author(news: News, words: Words, policy: Policy, rewrites: int = 1) -> Letter:
    """Return a notice that is no DSN; `rewrites` of this author's mails left changed this month, this one included."""
    if news.kind is Kind.REWRITTEN:
        return _of_rewrite(news, words, policy, rewrites)
    date = words.date(news.account.received_at)
    others = [words.released_others.of(news.released)] if news.released else []
    waiting = [words.waiting.of(news.waiting)] if news.waiting else []
    until = words.date(news.moment) if news.moment else ""
    why = reasons(news, words, policy)
    told: list[str]
    match news.kind:
        case Kind.HELD:
            ends = [words.held_until.format(until=until)] if until else []
            told = [words.held.of(news.recipients, date=date), *why, words.held_next, *ends, *others]
        case Kind.RELEASED:
            told = [words.released.of(news.recipients, date=date), *_of_hiding(news, words, policy), *waiting]
        case Kind.DISCARDED:
            told = [words.discarded.of(news.recipients, date=date), *others, *waiting, *why, words.discarded_next]
        case Kind.DELAYED:
            kept = words.delayed.of(news.recipients, date=date, until=until)
            told = [kept, *why, *_of_hiding(news, words, policy), words.delayed_next]
        case Kind.EXPIRED:
            raise ValueError("notice: who expired is told in a DSN")
        case _:
            assert_never(news.kind)
    return _letter(news, words, getattr(words.subjects, news.kind), told)


def _of_rewrite(news: News, words: Words, policy: Policy, rewrites: int) -> Letter:
    """Say how people were hidden, and what to use next time; what a program on the way gave away is no lesson."""
    hows = _hows(news, policy)
    said, following, again = words.rewritten, words.rewritten_next, rewrites > 1
    # As in `policy.copies`: what hides more wins.
    if "bcc" in hows:
        said = words.everybody
    elif "split" in hows:
        said, following = words.split, words.split_next
    elif hows == {"blind"}:
        said, following, again = words.concealed, words.concealed_next, False
    subject = words.subjects.concealed if said is words.concealed else words.subjects.rewritten
    # What these built-in rules say is what the notice says anyway.
    known = (words.reasons["blind-recipients" if said is words.concealed else "bulk-visible"],)
    told = [
        said.of(news.hidden, date=words.date(news.account.received_at)),
        *reasons(news, words, policy, known),
        following,
        *([words.rewritten_again.format(count=rewrites)] if again else []),
    ]
    return _letter(news, words, subject, told)


def _of_hiding(news: News, words: Words, policy: Policy) -> list[str]:
    """Return how many people are hidden in what leaves later, and what to use next time; nothing if nobody is."""
    hows = _hows(news, policy)
    if not news.hidden or hows == {"blind"}:
        return []
    return [words.hidden.of(news.hidden), words.split_next if "split" in hows else words.rewritten_next]


def _hows(news: News, policy: Policy) -> set[str]:
    """Return in which ways the rules that acted rewrite a mail."""
    actions = [rule.action for rule in policy.rules if rule.rule.id in news.reasons]
    return {action.how for action in actions if isinstance(action, Rewrite)}


def _letter(news: News, words: Words, subject: str, told: list[str]) -> Letter:
    text = "\n\n".join(told)
    return Letter(kind=news.label, recipient=news.account.author, subject=subject, text=text, words=words, news=news)


def of_expiry(news: News, addresses: tuple[str, ...], words: Words, policy: Policy, head: Letterhead) -> Explanation:
    """Return what people read in the DSN about recipients for whom nobody decided in time."""
    listed = [f"    <{address}>" for address in addresses[:_RECIPIENTS]]
    if len(addresses) > _RECIPIENTS:
        listed.append(f"    {words.reviewers.more.of(len(addresses) - _RECIPIENTS)}")
    told = [words.expired.format(date=words.date(news.account.received_at)) + "\n\n" + "\n".join(listed)]
    told += [*reasons(news, words, policy), words.expired_next, ending(words, head.contact, news.ids)]
    return Explanation(subject=words.subjects.expired, text="\n\n".join(told), sender=words.sender)


def summary(window: Window, author: str, words: Words) -> Letter:
    """Return the notice of what an author was not told one by one."""
    told = [words.summary.format(since=words.date(window.since)), summary_lines(window, words), words.summary_next]
    return Letter(kind=SUMMARY, recipient=author, subject=words.subjects.summary, text="\n\n".join(told), words=words)


def summary_lines(window: Window, words: Words) -> str:
    """Return how many mails each thing happened to."""
    return "\n".join(
        f"- {getattr(words.summary_lines, kind).of(window.waiting[kind])}" for kind in Kind if kind in window.waiting
    )


def ending(words: Words, contact: str, ids: tuple[str, ...]) -> str:
    """Return whom to ask, by which reference, and that nobody wrote this by hand."""
    lines = [words.contact.format(contact=contact)] if contact else []
    if ids:
        lines.append(words.reference.format(ids=", ".join(ids[:_IDS]) + (" …" if len(ids) > _IDS else "")))
    return "\n".join([*lines, words.automatic])


def reasons(news: News, words: Words, policy: Policy, known: tuple[str, ...] = ()) -> list[str]:
    """Return the rules' explanations as one paragraph, if they add anything to what is `known`."""
    written = {rule.rule.id: rule.rule.explanation for rule in policy.rules}
    found = [words.reason(rule, written.get(rule)) for rule in news.reasons]
    distinct = [reason for reason in dict.fromkeys(found) if reason not in known][:_REASONS]
    return ["\n".join([words.why, *(f"- {reason}" for reason in distinct)])] if distinct else []


def deposit(letter: Letter, head: Letterhead, now: datetime) -> Deposit:
    """Return a notice as custody takes it, to leave at once; ValueError for an address that no field can hold."""
    item, news = new_id(), letter.news
    end = ending(letter.words, head.contact if letter.asks else "", news.ids if news else ())
    content = compose(
        Notice(
            sender=head.sender,
            sender_name=letter.words.sender,
            recipient=letter.recipient,
            subject=letter.subject,
            text=f"{letter.text}\n\n{end}",
            language=letter.words.language,
            moment=now,
            message_id=f"{item}@{head.hostname}",
            in_reply_to=news.account.message_id if news else "",
            inside_only=letter.inside_only,
        )
    )
    transport = Transport(
        body_8bit=not content.isascii(),
        smtputf8=not letter.recipient.isascii(),
        # As of a DSN (RFC 3461 6.1): nobody is told what becomes of it.
        dsn=DsnRequest(recipients={letter.recipient: RecipientRequest(notify=Notify.NEVER)}),
    )
    copy = CopyDeposit(
        reverse_path="",  # RFC 3834 3.3: so that nothing ever answers it
        recipients=(letter.recipient,),
        edits=to_json(()),
        options=transport.to_json(),
        state=State.DUE,
        due_at=now,
    )
    return Deposit(
        id=item,
        content=content,
        subject=letter.subject,
        reverse_path="",
        reasons=reasons_of(letter.kind),
        group="",
        created_at=now,
        expires_at=None,
        copies=(copy,),
    )
