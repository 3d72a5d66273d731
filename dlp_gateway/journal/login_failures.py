"""The memory of failed logins, by digests of who tried and of whose name was tried; all receivers count together."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dlp_gateway.journal.tables import login_failures
from dlp_gateway.ports import GUESS_WIDTH, NEVER, Failures
from quarantine.crypto import PublicKey

#: How long rows are kept; what counts is told by the settings, and is less.
KEPT: Final = timedelta(days=1)


def _subjects(public: PublicKey, network: str, name: str) -> tuple[bytes, bytes, bytes]:
    """Return the digests of the network, of the name, and of both; 32 octets each."""
    return (
        public.index("login network", network),
        public.index("login name", name),
        public.index("login", f"{network}\0{name}"),
    )


async def known(connection: AsyncConnection, public: PublicKey, network: str, name: str, since: datetime) -> Failures:
    """Return the failures of which the last was counted after `since`."""
    subjects = _subjects(public, network, name)
    found = select(login_failures.c.subject, login_failures.c.failures, login_failures.c.at).where(
        login_failures.c.subject.in_(subjects), login_failures.c.at > since
    )
    rows = {row.subject: (row.failures, row.at) for row in await connection.execute(found)}
    ours, theirs, both = (rows.get(subject, (0, NEVER)) for subject in subjects)
    return Failures(network=ours[0], name=theirs[0], both=both[0], at=ours[1])


async def count(
    connection: AsyncConnection,
    public: PublicKey,
    network: str,
    name: str,
    password: str,
    *,
    since: datetime,
    now: datetime,
) -> None:
    """Count one more in the caller's transaction, unless it is the same wrong password again; nobody else is at it."""
    subjects = _subjects(public, network, name)
    guess = public.index("login guess", f"{network}\0{name}\0{password}")[:GUESS_WIDTH]
    table = login_failures
    await connection.execute(delete(table).where(table.c.subject.in_(subjects), table.c.at <= since))
    found = select(table.c.subject, table.c.guess).where(table.c.subject.in_(subjects))
    rows = {row.subject: row.guess for row in await connection.execute(found)}
    if rows.get(subjects[2]) == guess:
        return
    for subject in subjects:
        told = guess if subject == subjects[2] else b""
        if subject in rows:
            once_more = update(table).where(table.c.subject == subject)
            await connection.execute(once_more.values(failures=table.c.failures + 1, at=now, guess=told))
        else:
            await connection.execute(insert(table), {"subject": subject, "at": now, "failures": 1, "guess": told})


async def forgive(connection: AsyncConnection, public: PublicKey, network: str, name: str) -> None:
    """Take back what this name failed from this network, in the caller's transaction."""
    ours, _, both = _subjects(public, network, name)
    table = login_failures
    slips = (await connection.execute(select(table.c.failures).where(table.c.subject == both))).scalar() or 0
    await connection.execute(delete(table).where(table.c.subject == both))
    fewer = case((table.c.failures > slips, table.c.failures - slips), else_=0)
    await connection.execute(update(table).where(table.c.subject == ours).values(failures=fewer))
