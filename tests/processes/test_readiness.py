"""Whether custody counts as ready: what came of the last time that something was written to it."""

import io
import json
from pathlib import Path

from dlp_gateway.processes.readiness import Trial
from quarantine.crypto import PrivateKey
from quarantine.migrations import migrate
from quarantine.opening import open_store

URL = "sqlite:///custody.db"


async def test_a_database_that_is_moved_away_and_put_back(tmp_path: Path, log_lines: io.StringIO) -> None:
    """Not ready meanwhile, with a word why and one line in the log that names the file; then ready again."""
    await migrate(URL, folder=tmp_path)
    store = await open_store(URL, PrivateKey.generate().public, folder=tmp_path)
    trial, database = Trial(store), tmp_path / "custody.db"
    assert await trial.ready() == "not tried yet"
    await trial.once()
    assert await trial.ready() == ""
    database.rename(tmp_path / "elsewhere")
    for _ in range(2):
        await trial.once()
        assert await trial.ready() == "cannot be used: gone"
    assert not database.exists()
    (tmp_path / "elsewhere").rename(database)
    await trial.once()
    assert await trial.ready() == ""
    await store.close()
    (told,) = map(json.loads, log_lines.getvalue().splitlines())
    assert (told["event"], told["why"], told["file"]) == ("store_unavailable", "gone", str(database))
