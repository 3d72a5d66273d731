"""The memory of failed logins: one contract for the ones in a database and the one in the process."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dlp_gateway.journal import SqlJournal, open_journal
from dlp_gateway.login import AttemptLimits, Attempts, memory
from dlp_gateway.login.memory import MemoryFailures
from dlp_gateway.ports import Denial, Failures, LoginFailures
from quarantine.crypto import PrivateKey
from tests.conftest import SQLITE
from tests.login.people import Knows

DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.e2e)]
ON_SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HERE, THERE = "192.0.2.1", "2001:db8:0:1::/64"


def address(request: pytest.FixtureRequest) -> str:
    """Return the address of a fresh database; SQLite's lies in `folder`."""
    return SQLITE if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest) -> str:
    """Give the address of a database of each sort."""
    return address(request)


@pytest.fixture
async def journals(url: str, folder: Path, key: PrivateKey) -> AsyncIterator[tuple[SqlJournal, SqlJournal]]:
    """Give the journals of two receivers, on each sort of database."""
    one, two = [await open_journal(url, key.public, folder=folder) for _ in range(2)]
    yield one, two
    await one.close()
    await two.close()


@pytest.fixture(params=["process", *DATABASES])
def place(request: pytest.FixtureRequest) -> str:
    """Give where failures are remembered: "" or the address of a database."""
    return "" if request.param == "process" else address(request)


@pytest.fixture
async def failures(place: str, folder: Path, key: PrivateKey) -> AsyncIterator[LoginFailures]:
    """Give each memory."""
    if not place:
        yield MemoryFailures()
        return
    journal = await open_journal(place, key.public, folder=folder)
    yield journal
    await journal.close()


async def count(
    failures: LoginFailures, network: str, name: str, password: str, after: timedelta = timedelta()
) -> Failures:
    """Count one more, so long after noon, and return all with it; an hour is remembered."""
    _, now = await failures.count_failure(network, name, password, NOON + after - HOUR, NOON + after)
    return now


async def test_a_network_a_name_and_both(failures: LoginFailures) -> None:
    """Each is counted for itself."""
    assert await failures.failures(HERE, "ann", NOON - HOUR) == Failures()
    await count(failures, HERE, "ann", "1")
    await count(failures, HERE, "bob", "1")
    assert await count(failures, THERE, "ann", "1") == Failures(network=1, name=2, both=1, at=NOON)
    assert await failures.failures(HERE, "ann", NOON - HOUR) == Failures(network=2, name=2, both=1, at=NOON)
    assert await failures.failures("192.0.2.2", "cy", NOON - HOUR) == Failures()


async def test_the_same_password_again_is_no_guess(failures: LoginFailures) -> None:
    """The last wrong one of a name from a network counts once; another, or elsewhere, counts."""
    for _ in range(5):
        await count(failures, HERE, "ann", "old")
    assert (await failures.failures(HERE, "ann", NOON - HOUR)).both == 1
    await count(failures, HERE, "ann", "new")
    await count(failures, HERE, "ann", "old")
    await count(failures, THERE, "ann", "old")
    assert await failures.failures(HERE, "ann", NOON - HOUR) == Failures(network=3, name=4, both=3, at=NOON)


async def test_failures_are_forgotten_together(failures: LoginFailures) -> None:
    """An hour after the last one the count begins anew; until then each keeps the others alive."""
    await count(failures, HERE, "ann", "1")
    await count(failures, HERE, "ann", "2", HOUR / 2)
    assert (await failures.failures(HERE, "ann", NOON + HOUR - HOUR)).network == 2
    later = timedelta(minutes=91)
    assert await failures.failures(HERE, "ann", NOON + later - HOUR) == Failures()
    again = await count(failures, HERE, "ann", "2", later)
    assert again == Failures(network=1, name=1, both=1, at=NOON + later)


async def test_slips_are_forgiven(failures: LoginFailures) -> None:
    """What this name failed from this network is taken off the network; a name under attack stays slow."""
    for password in ("1", "2", "3"):
        await count(failures, HERE, "ann", password)
    await count(failures, HERE, "bob", "1")
    await failures.forgive(HERE, "ann")
    assert await failures.failures(HERE, "ann", NOON - HOUR) == Failures(network=1, name=3, both=0, at=NOON)
    await failures.forgive(HERE, "ann")
    await failures.forgive(THERE, "nobody")
    assert (await failures.failures(HERE, "bob", NOON - HOUR)).network == 1


async def test_whoever_counts_is_told_what_was_before(failures: LoginFailures) -> None:
    """A password that was tried before adds nothing."""
    told = [await failures.count_failure(HERE, "ann", word, NOON - HOUR, NOON) for word in ("1", "2", "2")]
    assert [(before.network, now.network) for before, now in told] == [(0, 1), (1, 2), (2, 2)]
    assert [before.at == NOON for before, _ in told] == [False, True, True]


async def test_two_receivers_count_together(journals: tuple[SqlJournal, SqlJournal]) -> None:
    """Whoever is sent to one or the other by the kernel has one count; of all at once each has a place of its own."""
    told = await asyncio.gather(
        *(journals[n % 2].count_failure(HERE, f"n{n}", "x", NOON - HOUR, NOON) for n in range(20))
    )
    assert sorted(before.network for before, _ in told) == list(range(20))
    assert sorted(now.network for _, now in told) == list(range(1, 21))


async def test_as_many_guesses_at_once_as_one_after_another(journals: tuple[SqlJournal, SqlJournal]) -> None:
    """Sixty sessions at two receivers, which look at several at a time: no more is answered than the bound has."""
    limits = AttemptLimits(delay=0, longest_delay=0)
    receivers = [Attempts(Knows(patience=0.01), journal, limits) for journal in journals]
    heard = await asyncio.gather(
        *(receivers[n % 2].attempt("ann", f"wrong {n}", client=HERE, network=HERE) for n in range(60))
    )
    assert heard.count(Denial.WRONG) == limits.failures
    assert heard.count(Denial.CUT_OFF) == 60 - limits.failures
    assert await receivers[0].attempt("ann", "right", client=HERE, network=HERE) is Denial.CUT_OFF


@ON_SQLITE
async def test_the_database_names_nobody(journals: tuple[SqlJournal, SqlJournal], folder: Path) -> None:
    """Neither address nor name nor password is in the file, in the clear or in a digest that tells it."""
    await count(journals[0], HERE, "ann.lee@corp.example", "secret words")
    for one in journals:
        await one.close()
    written = b"".join(path.read_bytes() for path in folder.iterdir())  # noqa: ASYNC240  a small file
    assert not any(word in written for word in (b"ann.lee", b"192.0.2.1", b"secret words"))


async def test_old_rows_are_pruned(journals: tuple[SqlJournal, SqlJournal]) -> None:
    """A day after the last failure the row goes, with what else the journal forgets."""
    now = datetime.now(UTC)
    await journals[0].count_failure(HERE, "old", "1", now - timedelta(days=3), now - timedelta(days=2))
    await journals[0].count_failure(THERE, "new", "1", now - HOUR, now)
    await journals[0].prune(now - timedelta(days=90))
    assert await journals[0].failures(HERE, "old", NOON - timedelta(days=9000)) == Failures()
    assert (await journals[0].failures(THERE, "new", now - HOUR)).network == 1


async def test_the_process_remembers_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest rows go first."""
    monkeypatch.setattr(memory, "_MOST", 30)
    failures = MemoryFailures()
    for number in range(50):
        await count(failures, f"192.0.2.{number}", f"n{number}", "x")
    assert len(failures._rows) == 30
    assert (await failures.failures("192.0.2.0", "n0", NOON - HOUR)) == Failures()
    assert (await failures.failures("192.0.2.49", "n49", NOON - HOUR)).network == 1
