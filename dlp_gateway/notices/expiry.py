"""The DSN about recipients for whom nobody decided in time: RFC 3464, as asked for by RFC 3461, in his language.

It brings nothing of the mail back but what tells which one it is: a rule stopped the mail, and nobody said that it may
leave, not even in a report.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from dlp_gateway import deposits
from dlp_gateway.deposits import Transport
from dlp_gateway.mail import header
from dlp_gateway.mail.dsn import Action, Original, Report
from dlp_gateway.mail.envelope import Notify
from dlp_gateway.notices.letters import Letterhead, of_expiry
from dlp_gateway.notices.news import News, reasons_of
from dlp_gateway.notices.words import Words
from dlp_gateway.policy.model import Policy
from dlp_gateway.reporter import is_report
from quarantine.model import Claim, Deposit, State
from quarantine.store import Store

_STATUS: Final = "5.7.1"  # RFC 3463 3.8: not authorised, and not a matter of time
_TELLING: Final = frozenset({"date", "from", "message-id"})


async def report(
    store: Store, news: News, words: Words, policy: Policy, head: Letterhead, now: datetime
) -> Deposit | None:
    """Return the DSN; None if the author asked for none, the mail is a report itself, or it was erased meanwhile."""
    item = news.account.id
    expired = {
        event.recipient
        for event in await store.events(item)
        if event.before is State.HELD and event.after is State.EXPIRED
    }
    copies = [copy for copy in await store.copies(item) if not is_report(copy.content)]
    reports = tuple(report for copy in copies for report in _reports(copy, expired))
    if not reports:
        return None
    notice = deposits.notification(
        Original(
            content=_telling(copies[0].content),
            reverse_path=news.account.author,
            arrived_at=copies[0].created_at,
            envelope_id=Transport.from_json(copies[0].options).dsn.envelope_id,
        ),
        reports,
        hostname=head.hostname,
        now=now,
        due_at=now,
        explanation=of_expiry(news, tuple(one.recipient for one in reports), words, policy, head),
    )
    return None if notice is None else replace(notice, reasons=(*notice.reasons, *reasons_of(news.kind)))


def _reports(copy: Claim, expired: set[str]) -> Iterator[Report]:
    """Yield what to report of a copy: its recipients who expired, but those for whom NOTIFY says not to."""
    asked = Transport.from_json(copy.options).dsn
    for recipient in copy.recipients:
        request = asked.of(recipient.address)
        if recipient.address in expired and request.wants(Notify.FAILURE):
            yield Report(
                recipient=recipient.address,
                action=Action.FAILED,
                status=_STATUS,
                original_recipient=request.original,
            )


def _telling(content: bytes) -> bytes:
    """Return the fields that tell which mail it is."""
    fields = header.select(content[: header.body_start(content)], _TELLING)
    return b"".join(content[field.start : field.end] for field in fields)
