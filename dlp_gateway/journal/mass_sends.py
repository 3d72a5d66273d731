"""The memory of mass sends: whom a message showed or went to, as digests, so that a reply to all of them is known."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dlp_gateway.detect.base import Thread
from dlp_gateway.journal.rows import message_id_index
from dlp_gateway.journal.tables import mass_sends
from quarantine.crypto import PublicKey

#: Octets of each outsider's digest; two of a million collide with a probability of 10⁻²⁷.
WIDTH: Final = 16

#: Outsiders that are remembered of one message: mailing programs send the same Message-ID in many parts.
MOST: Final = 100_000


def digests(public: PublicKey, addresses: Iterable[str]) -> frozenset[bytes]:
    """Return the digests of canonical addresses."""
    return frozenset(public.address_index(address)[:WIDTH] for address in addresses)


async def remember(
    connection: AsyncConnection, public: PublicKey, message_id: str, outsiders: tuple[str, ...], at: datetime
) -> None:
    """Add outsiders to what is known of a message; the parts of one mail are one mass send."""
    this = mass_sends.c.message_id_index == message_id_index(public, message_id)
    known = (await connection.execute(select(mass_sends.c.audience).where(this).with_for_update())).scalar()
    before = frozenset() if known is None else _split(known)
    new = digests(public, outsiders[:MOST]) - before
    audience = (known or b"") + b"".join(sorted(new)[: MOST - len(before)])
    await connection.execute(delete(mass_sends).where(this))
    row = {"message_id_index": message_id_index(public, message_id), "at": at, "audience": audience}
    await connection.execute(insert(mass_sends), row)


async def thread(
    connection: AsyncConnection, public: PublicKey, message_ids: tuple[str, ...], recipients: tuple[str, ...]
) -> Thread | None:
    """Return the mass send among `message_ids` of which most outsiders are addressed again; None if there is none."""
    indexes = [message_id_index(public, message_id) for message_id in message_ids]
    found = await connection.execute(select(mass_sends.c.audience).where(mass_sends.c.message_id_index.in_(indexes)))
    audiences = [_split(audience) for (audience,) in found]
    if not audiences:
        return None
    addressed = digests(public, recipients)
    again, size = max((len(audience & addressed), len(audience)) for audience in audiences)
    return Thread(audience=size, addressed_again=again)


def _split(audience: bytes) -> frozenset[bytes]:
    return frozenset(audience[start : start + WIDTH] for start in range(0, len(audience), WIDTH))
