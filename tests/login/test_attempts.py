"""Attempts: counted before they are answered, refused late, then not at all, and never without end."""

import asyncio
import time
from datetime import timedelta
from io import StringIO

import pytest

from dlp_gateway.login import AttemptLimits, Attempts
from dlp_gateway.login.memory import MemoryFailures
from dlp_gateway.observe import instruments
from dlp_gateway.ports import NEVER, Denial, Login
from quarantine.store import StoreError
from tests.login.people import Knows

HERE, THERE = "192.0.2.1", "198.51.100.1"
LIMITS = AttemptLimits(failures=4, delay=0, longest_delay=0)


class Broken(MemoryFailures):
    """A memory whose database is away."""

    async def failures(self, *_: object) -> None:  # type: ignore[override]
        """Fail."""
        raise StoreError("no database")

    count_failure = forgive = failures  # type: ignore[assignment]


def logins(result: str) -> float:
    """Return how many logins came out so in this process."""
    sample = f'dlp_logins_total{{result="{result}"}}'
    lines = (line.rpartition(" ") for line in instruments.expose()[0].decode().splitlines())
    return next((float(value) for name, _, value in lines if name == sample), 0.0)


async def tried(attempts: Attempts, password: str, name: str = "ann", network: str = HERE) -> Login | Denial:
    """Try one password."""
    return await attempts.attempt(name, password, client=network, network=network)


async def test_a_network_is_cut_off_and_nobody_else() -> None:
    """After the last failure not even the right password is looked at from there; from elsewhere it works as ever."""
    knows = Knows()
    attempts = Attempts(knows, MemoryFailures(), LIMITS)
    heard = [await tried(attempts, f"wrong {number}") for number in range(6)]
    assert heard == [Denial.WRONG] * 4 + [Denial.CUT_OFF] * 2
    assert await tried(attempts, "right") is Denial.CUT_OFF
    assert len(knows.asked) == 4
    assert await tried(attempts, "right", network=THERE) == Login(name="ann")


@pytest.mark.parametrize("minutes", [-11, 11 * 60 * 24])
async def test_a_cut_off_ends(minutes: int) -> None:
    """After `cut_off`, or once a clock that was ahead is set back, a network may try again; one failure ends that."""
    memory = MemoryFailures()
    attempts = Attempts(Knows(), memory, AttemptLimits(failures=3, delay=0, cut_off=timedelta(minutes=10)))
    for number in range(3):
        await tried(attempts, f"wrong {number}")
    assert await tried(attempts, "right") is Denial.CUT_OFF
    for row in (*memory._rows.values(), *attempts._own._rows.values()):
        row.at += timedelta(minutes=minutes)
    assert await tried(attempts, "wrong again") is Denial.WRONG
    assert await tried(attempts, "right") is Denial.CUT_OFF


async def test_a_name_under_attack_from_everywhere_is_never_locked() -> None:
    """A hundred networks guess at Ann: her own logs her in, and pays no delay."""
    attempts = Attempts(Knows(), MemoryFailures(), AttemptLimits(failures=4, delay=0.001, longest_delay=0.01))
    for number in range(100):
        assert await tried(attempts, f"wrong {number}", network=f"203.0.113.{number}") is Denial.WRONG
    assert attempts._delay((await attempts._own.failures("", "ann", NEVER)).name) == 0.01
    assert await tried(attempts, "right") == Login(name="ann")


async def test_the_same_old_password_counts_once_and_a_slip_not_at_all() -> None:
    """A device that asks for ever with an old password cuts nobody off; who gets it right in the end is forgiven."""
    attempts = Attempts(Knows(), MemoryFailures(), LIMITS)
    assert [await tried(attempts, "old") for _ in range(10)] == [Denial.WRONG] * 10
    for number in range(10):
        assert await tried(attempts, f"typo {number}") is Denial.WRONG
        assert await tried(attempts, "right") == Login(name="ann")


async def test_a_success_forgives_no_guesses_at_others() -> None:
    """Whoever has a login of his own cannot wipe out what he tries with other names by using it in between."""
    attempts = Attempts(Knows(), MemoryFailures(), LIMITS)
    heard = []
    for number in range(6):
        heard.append(await tried(attempts, "guess", name=f"boss{number}"))
        await tried(attempts, "right")
    assert heard == [Denial.WRONG] * 4 + [Denial.CUT_OFF] * 2


async def test_spelling_a_name_otherwise_is_no_new_name() -> None:
    """ANN and ann are one name to the count."""
    attempts = Attempts(Knows(), MemoryFailures(), LIMITS)
    for name in ("ann", "Ann", "ANN"):
        await tried(attempts, "wrong", name=name)
    assert (await attempts._own.failures(HERE, "ann", NEVER)).both == 1


@pytest.mark.parametrize(("failures", "expected"), [(1, 1.0), (2, 2.0), (3, 4.0), (5, 16.0), (6, 20.0), (10_000, 20.0)])
def test_delays_grow_to_a_bound(failures: int, expected: float) -> None:
    """Twice as long each time, up to the longest."""
    assert Attempts(Knows(), MemoryFailures(), AttemptLimits())._delay(failures) == expected


async def test_a_refusal_comes_late_and_others_do_not_wait() -> None:
    """The delay is the session's own: meanwhile another one from the same network logs in."""
    attempts = Attempts(Knows(), MemoryFailures(), AttemptLimits(delay=0.5, longest_delay=0.5))
    begun = time.monotonic()
    refused = asyncio.create_task(tried(attempts, "wrong"))
    assert await tried(attempts, "right") == Login(name="ann")
    assert not refused.done()
    assert await refused is Denial.WRONG
    assert time.monotonic() - begun >= 0.5


async def test_few_sessions_wait_for_a_refusal() -> None:
    """Beyond the bound a session is told at once, without a word on its password."""
    attempts = Attempts(Knows(), MemoryFailures(), AttemptLimits(delay=0.3, longest_delay=0.3, delayed=2))
    heard = await asyncio.gather(*(tried(attempts, f"wrong {number}") for number in range(5)))
    assert sorted(heard) == [Denial.CROWDED] * 3 + [Denial.WRONG] * 2


async def test_attempts_under_way_are_bounded() -> None:
    """Beyond the bound a client is told to come back, and nobody is asked."""
    knows = Knows(patience=0.1)
    attempts = Attempts(knows, MemoryFailures(), AttemptLimits(attempts=3))
    heard = await asyncio.gather(*(tried(attempts, "right", network=str(number)) for number in range(5)))
    assert heard.count(Denial.UNAVAILABLE) == 2
    assert len(knows.asked) == 3


async def test_a_burst_from_one_network_is_tried_a_few_at_a_time() -> None:
    """A hundred sessions at once get no more tries than one after another, and few are looked at in vain."""
    knows = Knows(patience=0.01)
    attempts = Attempts(knows, MemoryFailures(), LIMITS)
    heard = await asyncio.gather(*(tried(attempts, f"wrong {number}") for number in range(100)))
    assert knows.most_at_once <= 4
    assert heard.count(Denial.WRONG) == LIMITS.failures
    assert len(knows.asked) < LIMITS.failures + 4
    assert attempts._turns == {}


@pytest.mark.parametrize("place", range(8))
async def test_a_right_password_among_guesses_is_told_within_the_bound_only(place: int) -> None:
    """Who comes after as many failures as there may be is not told that he is right, whatever is looked at beside him.

    Who comes before is in at once, for what is under way is no failure yet.
    """
    knows = Knows(patience=0.01)
    attempts = Attempts(knows, MemoryFailures(), LIMITS)
    words = [f"wrong {number}" for number in range(8)]
    words.insert(place, "right")
    heard = await asyncio.gather(*(tried(attempts, word) for word in words))
    expected = Login(name="ann") if place < LIMITS.failures else Denial.CUT_OFF
    assert heard[place] == expected
    assert heard[:place].count(Denial.WRONG) == min(place, LIMITS.failures)


async def test_a_password_that_was_looked_at_too_long_is_not_told() -> None:
    """The last tries failed while the right one was with a slow directory: it came too late, and counts as nothing."""
    knows, memory = Knows(patience=0.5), MemoryFailures()
    attempts, other = (Attempts(one, memory, LIMITS) for one in (knows, Knows()))
    late = asyncio.create_task(tried(attempts, "right"))
    await asyncio.sleep(0.01)
    assert knows.asked == ["right"]
    assert [await tried(other, f"wrong {number}") for number in range(4)] == [Denial.WRONG] * 4
    assert await late is Denial.CUT_OFF
    assert (await memory.failures(HERE, "ann", NEVER)).network == 4


async def test_after_a_cut_off_a_burst_has_one_try() -> None:
    """As one after another would: the first failure cuts off again, and those beside it came too late."""
    memory = MemoryFailures()
    attempts = Attempts(Knows(patience=0.01), memory, LIMITS)
    for number in range(4):
        await tried(attempts, f"wrong {number}")
    for row in (*memory._rows.values(), *attempts._own._rows.values()):
        row.at -= timedelta(minutes=16)
    heard = await asyncio.gather(*(tried(attempts, f"guess {number}") for number in range(20)))
    assert heard.count(Denial.WRONG) == 1


async def test_who_hangs_up_has_had_his_try() -> None:
    """A cancelled session does not undo the count, nor hide from the metric, nor keep a place among those who wait."""
    before = logins("failed")
    attempts = Attempts(Knows(patience=0.05), MemoryFailures(), LIMITS)
    for number in range(4):
        session = asyncio.create_task(tried(attempts, f"wrong {number}"))
        await asyncio.sleep(0.01)
        session.cancel()
        await asyncio.gather(session, return_exceptions=True)
        await asyncio.gather(*attempts._under_way)
    assert await tried(attempts, "right") is Denial.CUT_OFF
    assert logins("failed") == before + 4
    attempts = Attempts(Knows(), MemoryFailures(), AttemptLimits(delay=0.01, longest_delay=0.01, delayed=1))
    for number in range(3):
        session = asyncio.create_task(tried(attempts, f"wrong {number}"))
        await asyncio.sleep(0)
        session.cancel()
        await asyncio.gather(session, *attempts._under_way, return_exceptions=True)
    assert await tried(attempts, "wrong 3") is Denial.WRONG


async def test_what_cannot_be_told_is_no_failure(log_lines: StringIO) -> None:
    """Down: nothing is counted, said once; the first answer after it is told, too."""
    knows = Knows(down=True)
    attempts = Attempts(knows, MemoryFailures(), LIMITS)
    assert [await tried(attempts, f"wrong {number}") for number in range(10)] == [Denial.UNAVAILABLE] * 10
    knows.down = False
    assert await tried(attempts, "right") == Login(name="ann")
    written = log_lines.getvalue()
    assert (written.count('"login_unavailable"'), written.count('"login_available"')) == (1, 1)


async def test_without_the_database_tries_are_still_counted(log_lines: StringIO) -> None:
    """This process counts for itself: nobody gets tries without end, and who is right gets in."""
    attempts = Attempts(Knows(), Broken(), LIMITS)
    assert await tried(attempts, "right") == Login(name="ann")
    heard = [await tried(attempts, f"wrong {number}") for number in range(6)]
    assert heard == [Denial.WRONG] * 4 + [Denial.CUT_OFF] * 2
    assert '"store_unavailable"' in log_lines.getvalue()


async def test_closing_lets_the_last_try_be_counted() -> None:
    """And gives back what the authenticator has open."""
    knows = Knows(patience=0.05)
    attempts = Attempts(knows, MemoryFailures(), LIMITS)
    session = asyncio.create_task(tried(attempts, "wrong"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await attempts.close()
    assert knows.closed
    assert await session is Denial.WRONG


async def test_no_name_and_no_password_is_logged(log_lines: StringIO) -> None:
    """The client's address is, and how many failures there are."""
    attempts = Attempts(Knows(), MemoryFailures(), LIMITS)
    for number in range(5):
        await tried(attempts, f"secret word {number}", name="ann.lee@corp.example")
    written = log_lines.getvalue()
    assert '"login_cut_off"' in written
    assert HERE in written
    assert "ann.lee" not in written
    assert "secret word" not in written


async def test_a_right_password_does_not_wait_behind_guesses() -> None:
    """A network without failures comes first, however many others wait; each guess takes its time."""
    knows = Knows(patience=0.02)
    attempts = Attempts(knows, MemoryFailures(), AttemptLimits(failures=1000, delay=0, longest_delay=0, checks=1))
    guessing = [f"203.0.113.{number}" for number in range(12)]
    for network in guessing:
        await attempts.attempt("ann", "a first guess", client=network, network=network)
    tasks = [
        asyncio.create_task(attempts.attempt("ann", f"guess {number}", client=network, network=network))
        for network in guessing
        for number in range(4)
    ]
    await asyncio.sleep(0.03)
    before = len(knows.asked)
    assert isinstance(await attempts.attempt("ann", "right", client=HERE, network=HERE), Login)
    assert knows.asked.index("right") <= before + 2
    for task in tasks:
        task.cancel()
    await attempts.close()


async def test_an_attacker_with_a_whole_site_is_cut_off() -> None:
    """65,536 networks of one /48 are not as many clients; a neighbour elsewhere is none of them."""
    attempts = Attempts(Knows(), MemoryFailures(), LIMITS)
    networks = [f"2001:db8:7:{number:x}::/64" for number in range(33)]
    outcomes = [
        await attempts.attempt(f"user{number}", f"guess {number}", client="2001:db8::1", network=network)
        for number, network in enumerate(networks)
    ]
    assert outcomes == [Denial.WRONG] * 32 + [Denial.CUT_OFF]
    elsewhere = await attempts.attempt("ann", "right", client="2001:db8::1", network="2001:db8:8::/64")
    assert elsewhere == Login(name="ann")


async def test_one_network_does_not_take_all_places() -> None:
    """Whoever asks fifty times at once is told so, and others are heard."""
    knows = Knows(patience=0.5)
    attempts = Attempts(knows, MemoryFailures(), AttemptLimits(attempts=100, delay=0, longest_delay=0))
    tasks = [
        asyncio.create_task(attempts.attempt("ann", f"guess {number}", client=HERE, network=HERE))
        for number in range(10)
    ]
    await asyncio.sleep(0.01)
    assert await attempts.attempt("ann", "one more", client=HERE, network=HERE) == Denial.CROWDED
    assert await attempts.attempt("ann", "right", client=THERE, network=THERE) == Login(name="ann")
    await asyncio.gather(*tasks)
