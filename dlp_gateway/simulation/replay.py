"""Mail taken through a real pipeline with nothing behind it: what it remembers goes with it, and nobody gets anything.

The memory of earlier mail is a journal of its own under a key that nobody keeps, in memory where the system has a place
for files there. It begins empty, so it knows the mails that were replayed and no others, and it learns from each before
the next one comes, as the gateway's does from mail that it forwards.
"""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from dlp_gateway.inspection.inspector import Inspector, InspectorOptions
from dlp_gateway.journal import SqlJournal, migrations
from dlp_gateway.mail.edit import Edited
from dlp_gateway.mail.envelope import NOTHING_ASKED, DsnRequest, Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import Delivery, Entry, Progress, Rejected
from dlp_gateway.processes.policies import recipe
from dlp_gateway.simulation.difference import Judgement
from quarantine.crypto import PrivateKey
from quarantine.database import Database
from quarantine.model import Deposit
from quarantine.store import Also

_URL: Final = "sqlite:///replay.db"
_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108  a folder of our own is made there
_TAKEN: Final = Reply(code=250, enhanced="2.0.0", text="taken")


class _Nowhere:
    """Smarthost and custody in one: takes everything and keeps nothing."""

    reachable = True

    async def deliver(
        self,
        content: bytes | Edited,  # noqa: ARG002  the port's
        *,
        reverse_path: str,  # noqa: ARG002  the port's
        recipients: tuple[str, ...],
        body_8bit: bool,  # noqa: ARG002  the port's
        smtputf8: bool,  # noqa: ARG002  the port's
        dsn: DsnRequest = NOTHING_ASKED,  # noqa: ARG002  the port's
        before_final_dot: Callable[[Progress], Awaitable[None]] | None = None,
    ) -> Delivery:
        """Say 250 for each recipient, and for the DSNs asked for that they are somebody else's to send."""
        if before_final_dot is not None:
            await before_final_dot(Progress(accepted=recipients, deferred=(), refused=()))
        return Delivery(replies=tuple((one, _TAKEN) for one in recipients), notifies=True)

    async def take(self, deposits: tuple[Deposit, ...], also: Also | None = None) -> None:  # noqa: ARG002  the port's
        """Let the journal have its entry."""
        if also is not None:
            also(None)

    async def discard(
        self,
        item: str,  # noqa: ARG002  the port's
        *,
        actor: str,  # noqa: ARG002  the port's
        reason: str,  # noqa: ARG002  the port's
        now: datetime,  # noqa: ARG002  the port's
        recipients: tuple[str, ...] = (),  # noqa: ARG002  the port's
    ) -> int:
        """Nothing lies here."""
        return 0

    async def reschedule(self, item: str, *, due_at: datetime) -> int:  # noqa: ARG002  the port's
        """Nothing lies here."""
        return 0


class _Journal(SqlJournal):
    """A journal that tells at once what was written down last."""

    last: Entry | None = None

    def record(self, entry: Entry) -> None:
        self.last = entry
        super().record(entry)


class Replay:
    """One policy with a pipeline and a memory of its own; mails are given in order of time."""

    def __init__(self, pipeline: Pipeline, journal: _Journal) -> None:
        self._pipeline = pipeline
        self._journal = journal

    async def judge(self, envelope: Envelope, content: bytes) -> Judgement:
        """Return what the policy makes of a mail, with what it remembers of those before."""
        self._journal.last = None
        outcome = await self._pipeline.process(envelope, content)
        await self._journal.flush()  # what is learned from it must be known to the next
        entry = self._journal.last
        if entry is None:  # refused before it was judged
            why = outcome.why.value if isinstance(outcome, Rejected) else "not-judged"
            return Judgement(disposition=Disposition.REJECT, reasons=frozenset({why}))
        return Judgement(
            disposition=entry.disposition, reasons=frozenset(entry.reasons), observed=frozenset(entry.observed)
        )


@asynccontextmanager
async def replaying(policy: Policy, options: InspectorOptions, *, hops: int) -> AsyncIterator[Replay]:
    """Give a replay under a policy; its memory goes with the block. `hops` as in `limits.hops`."""
    place = _IN_MEMORY if _IN_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="dlp-gateway-replay-", dir=place) as made:
        folder = Path(made)
        await migrations.migrate(_URL, folder=folder)
        journal = _Journal(Database(_URL, folder=folder), PrivateKey.generate().public)
        try:
            async with Inspector(recipe(policy), options) as inspector:
                await inspector.ready()  # on a busy machine that takes longer than a mail may wait for a worker
                nowhere = _Nowhere()
                pipeline = Pipeline(
                    policy=policy,
                    inspector=inspector,
                    smarthost=nowhere,
                    custody=nowhere,
                    journal=journal,
                    hostname="simulation.invalid",
                    smarthost_name="simulation.invalid",
                    hop_limit=hops,
                )
                yield Replay(pipeline, journal)
        finally:
            await journal.close()
