"""Two policies before the same mails: those of the journal, or those that lie in folders, oldest first."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

from dlp_gateway.inspection.inspector import InspectorOptions
from dlp_gateway.journal import SqlJournal
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy.model import Policy
from dlp_gateway.simulation import filing, mailbox, recorded
from dlp_gateway.simulation.difference import Difference
from dlp_gateway.simulation.mailbox import Filed
from dlp_gateway.simulation.replay import replaying


async def of_journal(
    journal: SqlJournal,
    before: Policy | None,
    after: Policy,
    *,
    then: Policy,
    limit: int,
    since: datetime | None = None,
    step: Callable[[], object] = lambda: None,
) -> tuple[Difference, int]:
    """Judge the newest `limit` entries; `before` None: compare with what was done. `step` is called for each.

    `then` is the policy under which they were judged, as far as that is known: the one in force.

    Returns the difference, and how many entries do not say how sure findings were. Raises `StoreError`.
    """
    difference, without_confidence = Difference(), 0
    async for entry in journal.newest(limit, since):
        step()
        without_confidence += bool(entry.findings and not entry.measured)
        former = recorded.as_recorded(entry) if before is None else recorded.judged(before, entry, then)
        difference.add(entry.id, entry.received_at, former, recorded.judged(after, entry, then))
    return difference, without_confidence


def newest(
    place: Path, *, limit: int, since: datetime | None = None, step: Callable[[], object] = lambda: None
) -> tuple[Filed, ...]:
    """Return the newest `limit` mails of a place, oldest first; raises as `mailbox.found` does."""
    mails = []
    for mail in mailbox.found(place):
        step()
        if since is None or mail.at >= since:
            mails.append(mail)
    mails.sort(key=lambda mail: (mail.at, mail.name))
    return tuple(mails[-limit:])


async def of_mails(
    mails: tuple[Filed, ...],
    before: Policy,
    after: Policy,
    *,
    costs: InspectorOptions,
    message_size: int,
    hops: int,
    step: Callable[[], object] = lambda: None,
) -> tuple[Difference, int]:
    """Take each mail through both policies; bounds as in `limits` of gateway.yaml.

    Returns the difference, and how many mails were left out: too large, gone, or without any recipient.
    """
    difference, left_out = Difference(), 0
    async with AsyncExitStack() as stack:
        replays = [await stack.enter_async_context(replaying(one, costs, hops=hops)) for one in (before, after)]
        for mail in mails:
            step()
            raw = await asyncio.to_thread(mailbox.content, mail, message_size)
            message = None if raw is None else parse(raw)
            envelope = None if message is None else filing.envelope(message, mail.at)
            if message is None or envelope is None:
                left_out += 1
                continue
            content = filing.as_sent(message)
            former, latter = await asyncio.gather(*(replay.judge(envelope, content) for replay in replays))
            difference.add(mail.name, mail.at, former, latter)
    return difference, left_out
