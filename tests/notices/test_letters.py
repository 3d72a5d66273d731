"""What stands in a notice, in every language and for every kind; the English ones are those of docs/notices.md."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dlp_gateway.detect.words import Role
from dlp_gateway.ledger import Account, Window
from dlp_gateway.notices import letters, owners, reviewers
from dlp_gateway.notices.letters import Letter
from dlp_gateway.notices.news import Kind, News
from dlp_gateway.notices.reviewers import Waiting
from dlp_gateway.notices.words import words
from dlp_gateway.policy.model import Policy, Rewrite
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.settings.notices import LANGUAGES, Language
from quarantine.model import State
from tests.detect.test_words import WORDS
from tests.notices.house import HEAD, OPTIONS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGE = (Path(__file__).parents[2] / "docs" / "notices.md").read_text(encoding="utf-8")
ACCOUNT = Account(
    entry="0abc.1",
    id="0abc",
    author="ann@corp.example",
    whom=b"",
    message_id="<m1@client.example>",
    received_at=NOON,
    disposition=Disposition.HOLD,
    reasons=("payment.card",),
    recipients=3,
    hidden=0,
    language="",
    automatic=False,
    told="held",
)
NEWS = News(kind=Kind.HELD, parts=(ACCOUNT,), recipients=3, moment=NOON + timedelta(days=14))
REWRITTEN = replace(ACCOUNT, hidden=37, reasons=("bulk-visible",))
ALL: dict[str, News] = {
    "held": NEWS,
    "rewritten": replace(NEWS, kind=Kind.REWRITTEN, parts=(REWRITTEN,), moment=None),
    "released": replace(NEWS, kind=Kind.RELEASED, recipients=2, waiting=1, moment=None),
    "discarded": replace(NEWS, kind=Kind.DISCARDED, recipients=2, released=1, moment=None),
    "delayed": replace(NEWS, kind=Kind.DELAYED, moment=NOON + timedelta(minutes=10)),
}
PASSED_ON = replace(
    ACCOUNT, author="kim@mail.example", owner="customers@corp.example", passed_on=70, reasons=("redistribution",)
)
OWNERS = {
    name: replace(news, parts=(PASSED_ON,), released=0, waiting=0)
    for name, news in {**ALL, "expired": replace(NEWS, kind=Kind.EXPIRED, moment=None)}.items()
    if name != "rewritten"
}
SENSITIVE = replace(REWRITTEN, hidden=52, reasons=("sensitive-audience",))
CONCEALED = replace(REWRITTEN, hidden=2, reasons=("blind-recipients",))
WAITING = Waiting(
    id="0abc",
    state=State.HELD,
    since=NOON,
    author="ann@corp.example",
    recipients=3,
    severity="high",
    rules=("reply-all", "bulk-visible"),
)


def with_action(action: Rewrite) -> Policy:
    """Return the default policy in which `bulk-visible` does something else."""
    rules = OPTIONS.policy.rules
    changed = (replace(one, action=action) if one.rule.id == "bulk-visible" else one for one in rules)
    return replace(OPTIONS.policy, rules=tuple(changed))


def every(language: Language) -> dict[str, tuple[str, str]]:
    """Return subject and text of each notice."""
    said = words(language)
    written: dict[str, Letter] = {name: letters.to_author(news, said, OPTIONS.policy) for name, news in ALL.items()}
    window = Window(whom=b"", since=NOON, told=20, waiting={"held": 14, "rewritten": 1})
    written["summary"] = letters.summary(window, "ann@corp.example", said)
    written["digest"] = reviewers.digest("rita@corp.example", (WAITING,), 3, said)
    written["urgent"] = reviewers.alarm("rita@corp.example", (WAITING,), said)
    written |= {
        f"owner-{name}": owners.to_owner(news, "kim@corp.example", said, OPTIONS.policy)
        for name, news in OWNERS.items()
    }
    waiting = replace(window, waiting={"held": 14, "discarded": 1})
    written["owner-summary"] = owners.summary(waiting, PASSED_ON, "kim@corp.example", said)
    hidden = replace(ALL["released"], parts=(replace(REWRITTEN, told="held"),))
    written["released-hidden"] = letters.to_author(hidden, said, OPTIONS.policy)
    written["again"] = letters.to_author(ALL["rewritten"], said, OPTIONS.policy, 3)
    written["split"] = letters.to_author(replace(ALL["rewritten"], parts=(SENSITIVE,)), said, OPTIONS.policy)
    written["everybody"] = letters.to_author(ALL["rewritten"], said, with_action(Rewrite(do="rewrite", how="bcc")))
    written["concealed"] = letters.to_author(replace(ALL["rewritten"], parts=(CONCEALED,)), said, OPTIONS.policy, 3)
    texts = {name: (one.subject, one.text) for name, one in written.items()}
    expired = replace(NEWS, kind=Kind.EXPIRED, moment=None)
    explanation = letters.of_expiry(expired, ("bob@shop.example",), said, OPTIONS.policy, HEAD)
    return texts | {"expired": (explanation.subject, explanation.text)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_notice_comes_out_whole(language: Language) -> None:
    """No brace is left, no paragraph is empty, and the numbers stand in it."""
    for name, (subject, text) in every(language).items():
        assert not re.search(r"[{}]", subject + text), name
        assert subject, name
        assert all(text.split("\n\n")), name
    found = every(language)
    assert "37" in found["rewritten"][1]
    assert "37" in found["released-hidden"][1]
    assert "14" in found["summary"][1]
    assert "dlp-gateway quarantine release 0abc" in found["urgent"][1]
    assert "3" in found["again"][1].split("\n\n")[-1]
    assert {name for name, (_, text) in found.items() if "customers@corp.example" in text} >= {
        f"owner-{name}" for name in (*OWNERS, "summary")
    }
    assert "70" in found["owner-held"][1]


@pytest.mark.parametrize("name", sorted(every("en")))
def test_the_page_shows_what_is_written(name: str) -> None:
    """docs/notices.md has each notice in English as it is, but for dates, which depend on the machine's time zone."""
    subject, text = every("en")[name]
    shown = [re.sub(r"\b\d+ March 2026, \d\d:\d\d \([+-]\d{4}\)", "DATE", line.strip()) for line in text.split("\n")]
    page = " ".join(re.sub(r"\b\d+ \w+ 2026, \d\d:\d\d \([+-]\d{4}\)", "DATE", PAGE).split())
    assert f"Subject: {subject}" in page
    assert [line for line in shown if " ".join(line.split()) not in page] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_how_people_were_hidden_is_told_as_it_was(language: Language) -> None:
    """Each way of hiding has words of its own, also for one; what the author did not do is no lesson to him."""
    found, said = every(language), words(language)
    firsts = {name: found[name][1].split("\n\n")[0] for name in ("rewritten", "split", "everybody", "concealed")}
    assert len(set(firsts.values())) == 4
    assert "Bcc" not in found["split"][1]
    assert said.reasons["bulk-visible"] not in found["rewritten"][1]
    assert said.reasons["sensitive-audience"] in found["split"][1]
    assert said.reasons["blind-recipients"] not in found["concealed"][1]
    assert said.rewritten_again.format(count=3) in found["again"][1]
    assert said.rewritten_again.format(count=3) not in found["concealed"][1]
    assert said.rewritten_next not in found["concealed"][1]
    one = replace(ALL["rewritten"], parts=(replace(CONCEALED, hidden=1), replace(CONCEALED, hidden=0)))
    assert said.concealed.one.partition("{")[2].partition("}")[2] in letters.to_author(one, said, OPTIONS.policy).text


@pytest.mark.parametrize("kind", ["released", "delayed"])
def test_what_leaves_later_says_how_many_it_hides(kind: str) -> None:
    """With what to use next time; not if the reviewer let it go as it was written, or if a program gave it away."""
    said = words("en")

    def text(account: Account, *, as_written: bool = False) -> str:
        news = replace(ALL[kind], parts=(account,), as_written=as_written)
        return letters.to_author(news, said, OPTIONS.policy).text

    assert said.hidden.of(37) in text(REWRITTEN)
    assert said.rewritten_next in text(REWRITTEN)
    assert said.split_next in text(SENSITIVE)
    for account, as_written in ((ACCOUNT, False), (CONCEALED, False), (REWRITTEN, True)):
        assert "In what leaves" not in text(account, as_written=as_written)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_says_who_the_readers_are(language: Language) -> None:
    """To whom a mail of a clinic went is the secret; its notice has no word of those by which it was known."""
    assert not WORDS[Role.AUDIENCE].stand_in("\n".join(every(language)["split"]))


def test_an_owner_is_told_what_the_notice_does_not_say_itself() -> None:
    """Of the reasons, those beside the one that the whole notice is about; and no tag that an outsider made up."""
    both = replace(PASSED_ON, owner="Customers+your-account-is-locked@corp.example", reasons=("redistribution", "ours"))
    news = replace(OWNERS["held"], parts=(both,))
    letter = owners.to_owner(news, "kim@corp.example", words("en"), OPTIONS.policy)
    assert "Why:\n- A rule of the mail policy applies (ours).\n" in letter.text
    assert words("en").reasons["redistribution"] not in letter.text
    assert "came through customers@corp.example, " in letter.text
    assert "locked" not in letter.text
    with pytest.raises(ValueError, match="rewrite"):
        owners.to_owner(replace(news, kind=Kind.REWRITTEN), "kim@corp.example", words("en"), OPTIONS.policy)


def test_long_lists_are_cut() -> None:
    """A notice stays readable: some ids, some reasons, some mails, and how many more."""
    parts = tuple(replace(ACCOUNT, id=f"id{number}", reasons=(f"rule{number}",)) for number in range(9))
    news = replace(NEWS, parts=parts)
    letter = letters.to_author(news, words("en"), OPTIONS.policy)
    assert letter.text.count("\n- ") == 5
    assert letters.ending(words("en"), "x", news.ids).count("id") == 5
    many = tuple(replace(WAITING, id=f"id{number}") for number in range(60))
    assert "… and 10 more." in reviewers.digest("rita@corp.example", many, 60, words("en")).text
    addresses = tuple(f"a{number}@shop.example" for number in range(120))
    expired = letters.of_expiry(replace(NEWS, kind=Kind.EXPIRED), addresses, words("en"), OPTIONS.policy, HEAD)
    assert expired.text.count("@shop.example") == 100
    assert "… and 20 more." in expired.text
