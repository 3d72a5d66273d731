"""By what notices go, and what one round comes to before it is committed. Pure."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dlp_gateway.ledger import Account, Window
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.notices import letters
from dlp_gateway.notices.letters import Letter, Letterhead
from dlp_gateway.notices.limits import Gate
from dlp_gateway.notices.news import Kind, News
from dlp_gateway.notices.words import Words, words
from dlp_gateway.policy.model import Policy
from dlp_gateway.settings.notices import LANGUAGES, Language
from quarantine.model import Deposit, Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeOptions:
    """Who is told what. `kinds` are told to authors, `reviewers` get a digest every `digest`; `poll` between rounds.

    `owners` are who stands for an address (canonical) that passes on what outsiders write; else it is told itself.
    `languages` are by domain, where a mail does not say what its author reads; `language` everywhere else. `each` and
    `together` bound the notices of an hour.
    """

    policy: Policy
    head: Letterhead
    kinds: frozenset[str]
    language: Language
    languages: Mapping[str, Language]
    each: int
    together: int
    owners: Mapping[str, str]
    reviewers: tuple[str, ...]
    digest: timedelta
    poll: timedelta = timedelta(seconds=2)

    def reader(self, account: Account) -> str:
        """Return who hears of a mail: its author, or who stands for our address that passes it on."""
        if not account.owner:
            return account.author
        return self.owners.get(canonical(account.owner), account.owner)

    def said(self, account: Account) -> Words:
        """Return the words for the reader of this mail's notices; what an outsider wrote tells nothing of an owner."""
        return self.words(self.reader(account), "" if account.owner else account.language)

    def words(self, address: str, language: str = "") -> Words:
        """Return the words for somebody: in his own language, if it is known and one of ours."""
        for known in LANGUAGES:
            if language == known:
                return words(known)
        by_domain = (told for domain, told in self.languages.items() if DomainSet((domain,)).contains(address))
        return words(next(by_domain, self.language))


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What a round is about: what happened in custody, mail that left rewritten, hours that are over, a digest's time.

    By entry the accounts of rewritten mail, None for a damaged one.
    """

    happened: tuple[Transition, ...] = ()
    rewritten: Mapping[str, Account | None] = field(default_factory=dict)
    over: tuple[tuple[Window, Account | None], ...] = ()
    digest_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Round:
    """What one round comes to: notices, what to remember, and what to say of it when it is committed."""

    now: datetime
    head: Letterhead
    gate: Gate
    notices: list[Deposit] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    closed: list[bytes] = field(default_factory=list)
    results: list[tuple[str, str, str]] = field(default_factory=list)  # id of the mail or notice, kind, result

    def note(self, news: News, result: str) -> None:
        """Remember how it ended, for each part of the mail."""
        self.results += [(part.id, news.label, result) for part in news.parts]

    def heard(self, news: News) -> None:
        """Remember that its reader knows of the mail."""
        self.told |= dict.fromkeys((part.entry for part in news.parts), news.kind)

    def write(self, letter: Letter) -> None:
        """Add a notice, if a field can hold the address."""
        name, result = "", "unwritable"
        with suppress(ValueError):
            notice = letters.deposit(letter, self.head, self.now)
            self.notices.append(notice)
            name, result = notice.id, "queued"
        if letter.news is not None:
            self.note(letter.news, result)
        else:
            self.results.append((name, letter.kind, result))


def why_not(news: News, options: NoticeOptions) -> str:
    """Return in a word why its reader hears nothing, "" if he does."""
    account = news.account
    if news.kind not in options.kinds:
        return "off"
    if account.owner and news.kind is Kind.REWRITTEN:
        return "outside"  # its author is, and to an owner it makes no difference
    if account.owner:  # every mail of a list looks like a program's, and the owner is a person all the same
        automatic = is_ours(account, options.head.hostname)
    else:  # a DSN answers programs too (RFC 3464); all else would be read by nobody (RFC 3834 2)
        automatic = not account.author or (account.automatic and news.kind is not Kind.EXPIRED)
    if automatic:
        return "automatic"
    return "" if options.policy.inside.contains(options.reader(account)) else "outside"


def is_ours(account: Account, hostname: str) -> bool:
    """Tell whether a mail has an id that we gave: a notice of ours that came back."""
    return account.message_id.lower().endswith(f"@{hostname.lower()}>")
