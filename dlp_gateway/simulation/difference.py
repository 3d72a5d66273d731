"""What two policies make of the same mails: how many became what, under which rules, and each mail that differs."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dlp_gateway.policy.verdict import Disposition


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one policy makes of a mail: rules that acted in `reasons`, those that only counted in `observed`."""

    disposition: Disposition
    reasons: frozenset[str] = frozenset()
    observed: frozenset[str] = frozenset()


class Kind(StrEnum):
    """In what a mail differs; a mail can differ in several ways."""

    STRICTER = "stricter"
    MILDER = "milder"
    HELD = "held"
    REJECTED = "rejected"
    REWRITTEN = "rewritten"
    DELAYED = "delayed"
    REASONS = "reasons"  # the same becomes of it, for other reasons
    OBSERVED = "observed"  # only rules that count differ


_BECOMES = {
    Disposition.REWRITE: Kind.REWRITTEN,
    Disposition.DELAY: Kind.DELAYED,
    Disposition.HOLD: Kind.HELD,
    Disposition.REJECT: Kind.REJECTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A mail of which other things become: its name, when it came, and both judgements."""

    name: str
    at: datetime
    before: Judgement
    after: Judgement

    @property
    def kinds(self) -> frozenset[Kind]:
        """In what it differs; none if in nothing."""
        return frozenset(self._kinds())

    def _kinds(self) -> Iterable[Kind]:
        before, after = self.before.disposition, self.after.disposition
        if before != after:
            yield Kind.STRICTER if after > before else Kind.MILDER
            if after in _BECOMES:
                yield _BECOMES[after]
        elif self.before.reasons != self.after.reasons:
            yield Kind.REASONS
        elif self.before.observed != self.after.observed:
            yield Kind.OBSERVED


@dataclass(slots=True)
class Difference:
    """The sum over all mails, and the changes in order of time."""

    mails: int = 0
    first: datetime | None = None
    last: datetime | None = None
    before: Counter[Disposition] = field(default_factory=Counter)
    after: Counter[Disposition] = field(default_factory=Counter)
    rules_before: Counter[str] = field(default_factory=Counter)
    rules_after: Counter[str] = field(default_factory=Counter)
    observed_before: Counter[str] = field(default_factory=Counter)
    observed_after: Counter[str] = field(default_factory=Counter)
    more: Counter[Disposition] = field(default_factory=Counter)
    fewer: Counter[Disposition] = field(default_factory=Counter)
    kinds: Counter[Kind] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)

    def add(self, name: str, at: datetime, before: Judgement, after: Judgement) -> Change:
        """Count one mail, the next in time; return how it differs."""
        change = Change(name=name, at=at, before=before, after=after)
        self.mails += 1
        self.first = self.first or at
        self.last = at
        for judged, became, rules, observed in (
            (before, self.before, self.rules_before, self.observed_before),
            (after, self.after, self.rules_after, self.observed_after),
        ):
            became[judged.disposition] += 1
            rules.update(judged.reasons)
            observed.update(judged.observed)
        if before.disposition != after.disposition:
            self.more[after.disposition] += 1
            self.fewer[before.disposition] += 1
        self.kinds.update(change.kinds)
        if change.kinds:
            self.changes.append(change)
        return change

    @property
    def rules(self) -> tuple[str, ...]:
        """Every rule that matched under one of the policies, by name."""
        counted = (self.rules_before, self.rules_after, self.observed_before, self.observed_after)
        return tuple(sorted({rule for one in counted for rule in one}))
