"""The memory of final replies that the client did not get: its retry is answered alike and makes no second copy."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dlp_gateway.journal.tables import unanswered
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.ports import UNDER_WAY
from quarantine.crypto import MessageKey, PublicKey

#: How long a client may take to come back; queues try again within the hour (RFC 5321 4.5.4.1: 30 minutes at least).
KEPT: Final = timedelta(hours=1)

#: How long `UNDER_WAY` may be believed after a crash: longer than the smarthost may take for the final dot, ten minutes
#: (RFC 5321 4.5.3.2.6). While a hand-over lives its note is made anew (`retries`).
LONGEST: Final = timedelta(minutes=12)

#: How far a row may be ahead of the clock: others' may differ so much. More was written before the clock was set back,
#: and would hide for weeks that the same octets are another mail by now.
AHEAD: Final = timedelta(minutes=1)

#: A row is committed so long after the time that it bears, at the most: waits for the database are shorter.
_LATE: Final = timedelta(minutes=1)


def fingerprint(public: PublicKey, envelope: Envelope, content: bytes) -> bytes:
    """Return the keyed digest by which the same transaction is known again: 32 octets."""
    transaction = [
        ["login", envelope.login] if envelope.login else ["client", envelope.client],
        envelope.reverse_path,
        sorted(envelope.recipients),
        hashlib.sha256(content).hexdigest(),
    ]
    return public.index("transaction", json.dumps(transaction))


async def remember(connection: AsyncConnection, key: MessageKey, known_by: bytes, reply: Reply, at: datetime) -> None:
    """Keep our reply to a transaction. The hour counts from the first final one, or a retry a day would be one mail."""
    kept = await recall(connection, key, known_by, at)
    if kept is not None and kept != UNDER_WAY:
        return
    sealed = key.seal_text(known_by.hex(), json.dumps([reply.code, reply.enhanced, reply.text]))
    await forget(connection, known_by)
    await connection.execute(insert(unanswered), {"fingerprint": known_by, "at": at, "reply": sealed})


async def forget(connection: AsyncConnection, known_by: bytes) -> None:
    """Drop what was kept: the retry shall be a new attempt."""
    await connection.execute(delete(unanswered).where(unanswered.c.fingerprint == known_by))


class Lost:
    """The fingerprints of transactions that may be recalled, as one process knows them: never too few."""

    def __init__(self) -> None:
        self._at: dict[bytes, datetime] = {}
        self._newest = datetime.fromtimestamp(0, UTC)

    def __contains__(self, fingerprint: bytes) -> bool:
        return fingerprint in self._at

    def __bool__(self) -> bool:
        return bool(self._at)

    async def look(self, connection: AsyncConnection, now: datetime) -> None:
        """Read what is new, and forget what is old; what was taken out since then is found out by a recall."""
        since = max(now - KEPT, min(self._newest, now) - _LATE)  # the clock may have been set back
        is_new = unanswered.c.at > since, unanswered.c.at <= now + AHEAD
        new = select(unanswered.c.fingerprint, unanswered.c.at).where(*is_new)
        self._at.update((row.fingerprint, row.at) for row in await connection.execute(new))
        self._at = {one: at for one, at in self._at.items() if now - KEPT < at <= now + AHEAD}
        self._newest = max(self._at.values(), default=self._newest)


def over(now: datetime) -> ColumnElement[bool]:
    """Match what is no answer to any retry any more, and what a clock that was ahead wrote."""
    return or_(unanswered.c.at < now - KEPT, unanswered.c.at > now + AHEAD)


async def recall(connection: AsyncConnection, key: MessageKey, known_by: bytes, now: datetime) -> Reply | None:
    """Return our reply to this transaction within the hour before `now`, if the client never got it."""
    kept = select(unanswered.c.reply, unanswered.c.at).where(
        unanswered.c.fingerprint == known_by, unanswered.c.at > now - KEPT, unanswered.c.at <= now + AHEAD
    )
    row = (await connection.execute(kept)).first()
    if row is None:
        return None
    code, enhanced, text = json.loads(key.open_text(known_by.hex(), row.reply))
    reply = Reply(code=code, enhanced=enhanced, text=text)
    return None if reply == UNDER_WAY and row.at < now - LONGEST else reply
