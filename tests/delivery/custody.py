"""Custody with mail that is due, and a worker's options, for the tests of delivery."""

import time
from datetime import UTC, datetime, timedelta

from dlp_gateway.clock import Clock
from dlp_gateway.delivery import DeliveryOptions
from dlp_gateway.deposits import Transport
from dlp_gateway.mail.edit import AddTrace, PruneRecipients, RemoveBcc, to_json
from quarantine.memory import MemoryStore
from quarantine.model import CopyDeposit, Deposit, Query, State

MAIL = b"From: ann@corp.example\r\nTo: a@x.example, c@x.example\r\nBcc: b@x.example\r\nSubject: Hello\r\n\r\nHi\r\n"
TRACE = b"Received: by gw.corp.example with ESMTP id 0000000000000000a1;\r\n\tSat, 21 Nov 2026 22:08:57 +0000\r\n"
OPTIONS = DeliveryOptions(
    owner="test",
    hostname="gw.corp.example",
    smarthost="mta.example",
    first=timedelta(minutes=1),
    longest=timedelta(minutes=4),
    max_age=timedelta(days=5),
    retry_in_doubt=False,
    keep=timedelta(days=30),
)


async def custody(
    state: State = State.DUE,
    age: timedelta = timedelta(),
    *,
    store: MemoryStore | None = None,
    reverse_path: str = "ann@corp.example",
    options: str = Transport(body_8bit=False, smtputf8=False).to_json(),
    expires_after: timedelta | None = None,
) -> MemoryStore:
    """Return a custody with one mail to two recipients."""
    store = store or MemoryStore()
    when = datetime.now(UTC) - age
    copy = CopyDeposit(
        reverse_path=reverse_path,
        recipients=("a@x.example", "b@x.example"),
        edits=to_json(
            (AddTrace(field=TRACE), RemoveBcc(), PruneRecipients(hidden=("c@x.example",), to="ann@corp.example"))
        ),
        options=options,
        state=state,
        due_at=when,
    )
    deposit = Deposit(
        id="0000000000000000a1",
        content=MAIL,
        subject="Hello",
        reverse_path=reverse_path,
        reasons=("test",),
        group="",
        created_at=when,
        expires_at=when + expires_after if expires_after else None,
        copies=(copy,),
    )
    await store.take((deposit,))
    return store


async def filled(*contents: bytes, store: MemoryStore | None = None) -> MemoryStore:
    """Return a custody with a due mail for each content: 0000000000000000a1 and so on, to a@x.example and so on."""
    store, now = store or MemoryStore(), datetime.now(UTC)
    for number, content in enumerate(contents, 1):
        copy = CopyDeposit(
            reverse_path="ann@corp.example",
            recipients=(f"r{number}@x.example",),
            edits=to_json(()),
            options=Transport(body_8bit=False, smtputf8=False).to_json(),
            state=State.DUE,
            due_at=now,
        )
        deposit = Deposit(
            id=f"00000000000000{number:04}",
            content=content,
            subject="",
            reverse_path="ann@corp.example",
            reasons=(),
            group="",
            created_at=now,
            expires_at=None,
            copies=(copy,),
        )
        await store.take((deposit,))
    return store


async def states(store: MemoryStore, item: str = "0000000000000000a1") -> list[State]:
    """Return the states of the item's recipients."""
    return [one.state for one in (await store.items(Query(ids=(item,))))[0].recipients]


async def make_due(store: MemoryStore) -> None:
    """Let the time of the next attempt come."""
    await store.reschedule("0000000000000000a1", due_at=datetime.now(UTC))


class Hands:
    """A clock's hands, which go with time and can be moved: both, or the wall clock's alone."""

    def __init__(self, run: timedelta = timedelta()) -> None:
        self.ahead, self.run = timedelta(), run
        self.jumps: list[int] = []
        self.clock = Clock(
            self.jumps.append,
            wall=lambda: datetime.now(UTC) + self.run + self.ahead,
            running=lambda: time.monotonic() + self.run.total_seconds(),
        )


def even_clock() -> Clock:
    """Return a clock that has run evenly for an hour."""
    hands = Hands(-timedelta(hours=1))
    hands.run = timedelta()
    return hands.clock
