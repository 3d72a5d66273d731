"""The DSN about recipients for whom nobody decided in time: RFC 3464, as asked for by RFC 3461, in his language."""

from dataclasses import replace
from datetime import datetime

from dlp_gateway import deposits
from dlp_gateway.mail.dsn import Action, Original, Report
from dlp_gateway.notices.letters import Letterhead, of_expiry
from dlp_gateway.notices.news import News, reasons_of
from dlp_gateway.notices.words import Words
from dlp_gateway.policy.model import Policy
from quarantine.model import Deposit, State
from quarantine.store import Store

#: RFC 3463 3.8: not authorised, and not a matter of time.
_STATUS = "5.7.1"


async def report(
    store: Store, news: News, words: Words, policy: Policy, head: Letterhead, now: datetime
) -> Deposit | None:
    """Return the DSN, or None if nobody asked for one, or the mail was erased meanwhile."""
    item = news.account.id
    expired = {
        event.recipient
        for event in await store.events(item)
        if event.before is State.HELD and event.after is State.EXPIRED
    }
    addresses: list[str] = []
    content, arrived_at = b"", news.account.received_at
    for copy in await store.copies(item):
        content, arrived_at = deposits.outgoing(copy), copy.created_at
        addresses += [one.address for one in copy.recipients if one.address in expired]
    if not addresses:
        return None
    notice = deposits.notification(
        Original(content=content, reverse_path=news.account.author, arrived_at=arrived_at),
        tuple(Report(recipient=address, action=Action.FAILED, status=_STATUS) for address in addresses),
        hostname=head.hostname,
        now=now,
        due_at=now,
        explanation=of_expiry(news, tuple(addresses), words, policy, head),
    )
    return None if notice is None else replace(notice, reasons=(*notice.reasons, *reasons_of(news.kind)))
