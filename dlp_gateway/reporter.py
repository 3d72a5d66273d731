"""Which DSNs an author gets after a transaction with the smarthost: those he asked for, none twice (RFC 3461 5.2).

Whom the smarthost refused or who was given up, who has waited long, and who was handed to a smarthost that sends no
DSNs itself: one notification for each of the three, ready for custody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from dlp_gateway import deposits
from dlp_gateway.mail import header
from dlp_gateway.mail.dsn import Action, Original, Report, status
from dlp_gateway.mail.envelope import DsnRequest, Notify
from dlp_gateway.mail.parameters import read
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log
from quarantine.model import Deposit

_GIVEN_UP: Final = "4.4.7"  # RFC 3463 3.5: delivery time expired
_CONTENT_TYPE: Final = frozenset({"content-type"})

#: What must have been asked for, for an author to hear of it.
_EVENTS: Final = MappingProxyType(
    {Action.FAILED: Notify.FAILURE, Action.DELAYED: Notify.DELAY, Action.RELAYED: Notify.SUCCESS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one recipient, and the last reply about him; a transient one that FAILED was given up.

    `host` is which of the smarthost's said it, "" if there is but one.
    """

    recipient: str
    action: Action
    reply: Reply
    retried_until: datetime | None = None
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who reports: `hostname` is ours, `smarthost` names the next hop."""

    hostname: str
    smarthost: str

    def deposits(
        self,
        item: str,
        original: Original,
        asked: DsnRequest,
        outcomes: Iterable[Outcome],
        *,
        now: datetime,
        due_at: datetime,
    ) -> tuple[Deposit, ...]:
        """Return the deposits of the DSNs about `item` that are due to its author; their time is `due_at`."""
        wanted = [one for one in outcomes if asked.of(one.recipient).wants(_EVENTS[one.action])]
        # RFC 5321 4.5.5: a DSN is never answered by a DSN; RFC 3464 1: nor is one that came with a reverse-path.
        if not wanted or not original.reverse_path or is_report(original.content):
            return ()
        found: list[Deposit] = []
        for action in _EVENTS:
            reports = tuple(self._report(one, asked, now) for one in wanted if one.action is action)
            if not reports:
                continue
            deposit = deposits.notification(original, reports, hostname=self.hostname, now=now, due_at=due_at)
            if deposit is None:
                log.unreported(item)
            else:
                found.append(deposit)
        return tuple(found)

    def _report(self, outcome: Outcome, asked: DsnRequest, now: datetime) -> Report:
        given_up = outcome.action is Action.FAILED and not outcome.reply.permanent
        return Report(
            recipient=outcome.recipient,
            action=outcome.action,
            status=_GIVEN_UP if given_up else status(outcome.reply),
            original_recipient=asked.of(outcome.recipient).original,
            remote=(outcome.host or self.smarthost) if outcome.reply.remote else "",
            reply=outcome.reply,
            attempted_at=now,
            retried_until=outcome.retried_until,
        )


def is_report(content: bytes) -> bool:
    """Whether a mail says that it is a DSN, or a receipt of another kind (RFC 6522 3)."""
    section = content[: header.body_start(content)]
    return any(read(field.body).value == "multipart/report" for field in header.select(section, _CONTENT_TYPE))
