"""The checks behind /readyz, asked again and again for `dlp_ready`: who only scrapes /metrics hears of it too.

The check of the smarthost opens a session, so an outage is seen when no mail is on its way.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from dlp_gateway.console.app import Check, readiness
from dlp_gateway.observe import metrics
from dlp_gateway.settings import Settings

_EVERY: Final = timedelta(seconds=15)


def custody_mark(settings: Settings) -> str:
    """Return by what a gateway is known among several on a machine: a digest of where its custody lies."""
    return hashlib.sha256(settings.custody.url.encode()).hexdigest()[:16]


async def keep_told(checks: Mapping[str, Check]) -> None:
    """Set the metric until cancelled."""
    while True:
        for part, answer in (await readiness(checks)).items():
            metrics.ready(part, well=not answer)
        await asyncio.sleep(_EVERY.total_seconds())
