"""What notices say in each language: the texts in `languages/`, one file a language, and numbers and dates put in."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import Field

from dlp_gateway import document
from dlp_gateway.document import Model
from dlp_gateway.settings.notices import Language

_FOLDER: Final = Path(__file__).with_name("languages")


class Counted(Model):
    """A text for one, and another for more than one."""

    one: str = Field(min_length=1)
    other: str = Field(min_length=1)

    def of(self, count: int, **values: object) -> str:
        """Return the text for so many; `{count}` in it is the number."""
        return (self.one if count == 1 else self.other).format(count=count, **values)


class Subjects(Model):
    """The subject of each kind of notice."""

    held: str
    rewritten: str
    released: str
    discarded: str
    expired: str
    delayed: str
    concealed: str
    summary: str


class OwnerSubjects(Model):
    """The same for the owner of an address."""

    held: str
    released: str
    discarded: str
    expired: str
    delayed: str
    summary: str


class SummaryLines(Model):
    """How many mails each thing happened to."""

    held: Counted
    rewritten: Counted
    released: Counted
    discarded: Counted
    expired: Counted
    delayed: Counted


class OwnerWords(Model):
    """What the owner of an address reads of mail that it passes on; `{address}` is the address."""

    subjects: OwnerSubjects
    held: Counted
    answer: str
    members: str
    decision: str
    released: Counted
    discarded: Counted
    expired: Counted
    delayed: Counted
    summary: str


class Severities(Model):
    """What severities are called."""

    low: str
    medium: str
    high: str


class States(Model):
    """Why a mail waits for a reviewer."""

    held: str
    failed: str
    in_doubt: str = Field(alias="in-doubt")


class ReviewerWords(Model):
    """What reviewers read."""

    digest_subject: str
    digest: str
    urgent_subject: str
    urgent: Counted
    states: States
    item: str
    details: str
    rules: str
    passed_on: str
    severities: Severities
    more: Counted
    commands: str


class Words(Model):
    """Everything in one language. A key that a file lacks, or has too much, is an error when it is first used."""

    language: Language
    sender: str
    months: tuple[str, ...] = Field(min_length=12, max_length=12)
    first_day: str
    date_form: str = Field(alias="date")
    subjects: Subjects
    held: Counted
    held_next: str
    held_until: str
    rewritten: Counted
    rewritten_next: str
    rewritten_again: str
    split: Counted
    split_next: str
    everybody: Counted
    concealed: Counted
    concealed_next: str
    hidden: Counted
    released: Counted
    released_others: Counted
    discarded: Counted
    discarded_next: str
    waiting: Counted
    expired: str
    expired_next: str
    delayed: Counted
    delayed_next: str
    summary: str
    summary_lines: SummaryLines
    summary_next: str
    why: str
    rule: str
    contact: str
    reference: str
    automatic: str
    owners: OwnerWords
    reviewers: ReviewerWords
    reasons: dict[str, str]

    def date(self, moment: datetime) -> str:
        """Write an aware time as people here write it, in the time zone of this machine."""
        local = moment.astimezone()
        return self.date_form.format(
            day=self.first_day if local.day == 1 else str(local.day),
            month=self.months[local.month - 1],
            year=local.year,
            time=f"{local:%H:%M}",
            zone=f"{local:%z}",
        )

    def reason(self, rule: str, explanation: str | None) -> str:
        """Return why a rule acts: in this language where its explanation is a built-in one, else as it is written.

        `explanation` is None for a rule that no file defines (any more). A rule without one is named.
        """
        known = words("en").reasons.get(rule)
        if known is not None and explanation in {known, None}:
            return self.reasons[rule]
        return explanation or self.rule.format(rule=rule)


@cache
def words(language: Language) -> Words:
    """Return what a language says."""
    return document.load(_FOLDER / f"{language}.yaml", Words)
