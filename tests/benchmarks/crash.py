"""The storm in full: 200 kills and 10,000 mails, and what became of them.

`uv run python -m tests.benchmarks.crash [--kills 200] [--mails 10000] [--folder DIR]`; takes ten minutes. Ends with 1
if a mail that was answered 250 is lost or doubled.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.e2e import storm
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta
from tests.e2e.storm import Report, Storm


async def run(folder: Path, *, kills: int, mails: int, supervisors: int, wholes: int, seed: int) -> Report:
    """Blow over a gateway in `folder`."""
    next_mta = NextMta()
    await next_mta.start()
    running = Gateway(folder, next_mta.port, settings=storm.settings(next_mta.port))
    await running.start()
    try:
        blowing = Storm(running, next_mta, seed=seed, sessions=16)
        return await blowing.blow(kills=kills, mails=mails, supervisors=supervisors, wholes=wholes)
    finally:
        if running.started:
            await running.stop()
        await next_mta.stop()


def main() -> int:
    """Print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--mails", type=int, default=10_000)
    parser.add_argument("--supervisors", type=int, default=6, help="kills of the supervisor alone")
    parser.add_argument("--wholes", type=int, default=12, help="kills of all processes at once")
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--folder", type=Path, help="where the gateway's folder is made; the disk counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        report = asyncio.run(
            run(
                Path(folder) / "gateway",
                kills=options.kills,
                mails=options.mails,
                supervisors=options.supervisors,
                wholes=options.wholes,
                seed=options.seed,
            )
        )
    print(report)
    return 1 if report.lost or report.twice else 0


if __name__ == "__main__":
    sys.exit(main())
