"""The verdict: what becomes of a message, why, and with which edits it leaves."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Final

from dlp_gateway.detect.base import Finding
from dlp_gateway.mail.edit import Edit


class Disposition(IntEnum):
    """Who is responsible for the mail from here on; ordered, the strictest wins. Closed: see `pipeline`."""

    FORWARD = 0
    REWRITE = 1  # forwarded, with edits that change what recipients see
    DELAY = 2  # in custody, leaves by itself
    HOLD = 3  # in custody, leaves when a reviewer releases it
    REJECT = 4  # refused; the author keeps the mail

    @property
    def label(self) -> str:
        """The word for policies, logs, metrics and JSON: "forward", "rewrite", "delay", "hold", "reject"."""
        return _LABELS[self]


_LABELS: Final = tuple(disposition.name.lower() for disposition in Disposition)


class Stage(IntEnum):
    """When an action has its turn: a chance to undo first, then what keeps mail back, then what changes it.

    The order in which reasons are told and actions apply; it never decides which of them wins (see `Disposition`).
    """

    DELAY = 0
    FILTER = 1  # hold, reject
    TRANSFORM = 2  # rewrite


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A rule that matched; `enforced` is False in observe mode. `explanation` is for the author: no found values."""

    rule: str
    disposition: Disposition
    enforced: bool
    explanation: str
    stage: Stage = Stage.FILTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One of the copies that a mail is split into: who gets it, and the edits that make it."""

    recipients: tuple[str, ...]
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided. `reasons` has every rule that matched, stage by stage, in policy order.

    `edits` are those of all matching enforced rules and always apply, whatever the disposition (house rule: a released
    mail leaves edited). `copies` are what the mail is split into, each recipient in exactly one of them; () means one
    copy with `edits` for everybody, and if there are any, `edits` make the one that shows least. `expire_after` bounds
    a hold, `delay` is the waiting time of a delay. `refuse_held` answers a held mail with 550 instead of 250. `hidden`
    counts the people who no longer see each other. `owner` is the address inside through which a mail of an outsider
    came that we would pass on, "" if there is none: whom to tell, since the author is not ours.
    """

    disposition: Disposition
    reasons: tuple[Reason, ...] = ()
    findings: tuple[Finding, ...] = ()
    edits: tuple[Edit, ...] = ()
    copies: tuple[Copy, ...] = ()
    expire_after: timedelta = field(default=timedelta(days=14))
    delay: timedelta = field(default=timedelta())
    refuse_held: bool = False
    hidden: int = 0
    owner: str = ""
