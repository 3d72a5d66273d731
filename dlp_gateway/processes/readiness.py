"""The checks behind /readyz, asked again and again for `dlp_ready`: who only scrapes /metrics hears of it too.

The check of the smarthost opens a session, so an outage is seen when no mail is on its way.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from dlp_gateway.console.app import Check, readiness
from dlp_gateway.observe import log, metrics
from dlp_gateway.settings import Settings
from quarantine.store import Store, StoreError

#: How often custody is tried.
TRIAL: Final = timedelta(seconds=5)

_EVERY: Final = timedelta(seconds=15)
_UNUSABLE: Final = "cannot be used"


def custody_mark(settings: Settings) -> str:
    """Return by what a gateway is known among several on a machine: a digest of where its custody lies."""
    kind, _, place = settings.custody.url.partition(":///")
    # A configuration may be found through a link.
    where = f"{kind}:///{Path(place).resolve()}" if kind == "sqlite" else settings.custody.url
    return hashlib.sha256(where.encode()).hexdigest()[:16]


class Trial:
    """Whether custody takes a deposit now: it is tried again and again, and who asks hears what came of the last time.

    Reading alone would not tell: of a disk that is full, of rights that were taken away, of a file that was moved.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._answer = "not tried yet"

    async def ready(self) -> str:
        """Return "" if it was well, else why not in a word; costs nothing, whoever asks."""
        return self._answer

    async def once(self) -> None:
        """Try; the first failure after a success is told in the log, also where no mail meets it."""
        try:
            await self._store.try_out()
        except StoreError as error:
            if not self._answer.startswith(_UNUSABLE):
                log.store_unavailable(error)
                metrics.store_error()
            self._answer = f"{_UNUSABLE}: {error.why or 'failed'}"
        else:
            self._answer = ""


async def keep_told(checks: Mapping[str, Check]) -> None:
    """Set the metric until cancelled."""
    while True:
        for part, answer in (await readiness(checks)).items():
            metrics.ready(part, well=not answer)
        await asyncio.sleep(_EVERY.total_seconds())
