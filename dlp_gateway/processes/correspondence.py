"""Notices with the settings and the policy in force: one writer for the life of the supervisor."""

import asyncio

from dlp_gateway.journal import SqlLedger
from dlp_gateway.mail.address import canonical
from dlp_gateway.notices import NoticeOptions, NoticeWorker
from dlp_gateway.notices.letters import Letterhead
from dlp_gateway.policy.model import Policy
from dlp_gateway.processes.boot import DRAIN
from dlp_gateway.settings import Settings
from quarantine.store import Store


class Correspondence:
    """The writer of notices; a reload gives it other options."""

    def __init__(self, store: Store, ledger: SqlLedger, hostname: str, settings: Settings, policy: Policy) -> None:
        self._hostname = hostname
        self._worker = NoticeWorker(store, ledger, options(settings, policy, hostname))
        self._task: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """Remember from where on there is news; before any mail is taken. Raises `StoreError`."""
        await self._worker.begin()

    def begin(self, settings: Settings, policy: Policy) -> None:
        """Tell as `settings` and `policy` say from now on."""
        self._worker.use(options(settings, policy, self._hostname))
        if self._task is None:
            self._task = asyncio.create_task(self._worker.run())

    async def close(self) -> None:
        """Let the round under way come to its end; cut off, it leaves nothing half done."""
        self._worker.stop()
        if self._task is not None:
            _, late = await asyncio.wait({self._task}, timeout=DRAIN.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def options(settings: Settings, policy: Policy, hostname: str) -> NoticeOptions:
    """Return what settings and policy say about notices."""
    said = settings.notices
    sender = said.sender or f"postmaster@{hostname}"
    return NoticeOptions(
        policy=policy,
        head=Letterhead(hostname=hostname, sender=sender, contact=said.contact or sender),
        kinds=said.kinds,
        language=said.language,
        languages=said.languages,
        each=said.limit.each,
        together=said.limit.together,
        owners={canonical(address): owner for address, owner in said.owners.items()},
        reviewers=said.reviewers,
        digest=said.digest,
    )
