"""Tables of own records that can be used, and still may not be what is meant: old, asked for by nobody, another's."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from dlp_gateway.checks.remark import Remark, warning
from dlp_gateway.detect.edm import naming
from dlp_gateway.detect.edm.table import Header, open_table
from dlp_gateway.policy.model import Policy

#: After this, people have come who are in no table, and have moved who are.
_OLD: Final = timedelta(days=35)


def remarks(policy: Policy, database: Path, now: datetime) -> Iterator[Remark]:
    """Yield what deserves a thought about the tables of a policy, all of which can be opened."""
    for name, table, key_file in policy.tables:
        about = f"table {name}"
        if not any(map(policy.asks, naming.kinds((name,)))):
            yield warning(about, "No rule asks for it: put the pack own-records into `packs`, or write a rule.")
        yield from _age(about, open_table(Path(table), Path(key_file)).header, now)
        for file in (Path(table), Path(key_file)):
            yield from _owner(about, file, database)


def _age(about: str, header: Header, now: datetime) -> Iterator[Remark]:
    days = (now - header.built).days
    source = Path(header.source)
    try:
        changed = datetime.fromtimestamp(source.stat().st_mtime, UTC)
    except OSError:  # it was deleted, as it should be, or lies elsewhere
        changed = None
    if changed is not None and changed > header.built:
        yield warning(about, f"{source} was changed after the table was built; run `dlp-gateway edm build {source}`.")
    elif now - header.built > _OLD:
        yield warning(about, f"It is {days} days old, and whoever came since is not in it; build it anew.")


def _owner(about: str, file: Path, database: Path) -> Iterator[Remark]:
    """Whoever runs the gateway owns its database; root, who checks, may read all files."""
    try:
        service, owner = database.stat().st_uid, file.stat().st_uid
    except OSError:
        return
    if os.geteuid() == 0 and service not in {0, owner}:
        yield warning(about, f"The user that runs the gateway may not read {file}; run: chown {service} {file}")
