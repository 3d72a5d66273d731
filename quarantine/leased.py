"""Opening what was leased: claims for a worker, or the leases given back."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Row

from quarantine import claims
from quarantine.crypto import Opener
from quarantine.database import Database
from quarantine.model import Claim
from quarantine.store import StoreError


async def open_leased(
    database: Database, leased: Sequence[Row[Any]], opener: Opener, *, owner: str, until: datetime
) -> tuple[Claim, ...]:
    """Read and open what `claims.lease` gave, or give it back and raise.

    A copy that raises of itself keeps its lease: given back, it would come first again, and stand before all others.
    """
    broken: Sequence[Row[Any]] = ()
    opened: list[Claim] = []
    try:
        async with database.reading() as connection:
            sealed = await claims.with_payloads(connection, leased)
        for one in sealed:
            # Copies of one mail follow each other and share its content, so it is opened once.
            shared = opened[-1].content if opened and opened[-1].item == one.payload.id else None
            opening = partial(one.claimed, opener, owner=owner, until=until, content=shared or None)
            claim = await database.beside(partial(_tried, opening))
            if isinstance(claim, Exception):
                broken = one.recipients
                raise claim  # noqa: TRY301  what it raised there
            opened.append(claim)
    except BaseException:
        with suppress(StoreError):  # then the leases run out
            async with database.writing() as connection:
                await claims.give_back(connection, [row for row in leased if row not in broken], until=until)
        raise
    return tuple(opened)


def _tried(opening: Callable[[], Claim]) -> Claim | Exception:
    try:
        return opening()
    except Exception as error:  # noqa: BLE001  the caller raises it
        return error
