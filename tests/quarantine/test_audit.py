"""Who decided, and what happened to held mail."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from quarantine.audit import operating_system_actor, trail
from quarantine.memory import MemoryStore
from quarantine.model import Deposit, Query, State

ASK = "from quarantine.audit import operating_system_actor; print(operating_system_actor())"


def test_the_actor_is_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the environment do not change who it was."""
    before = operating_system_actor()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "mallory")
    assert before == operating_system_actor()
    assert before


@pytest.mark.skipif(os.getuid() != 0, reason="becoming another user needs root")
def test_an_account_without_a_name() -> None:
    """A number without an account is told as a number."""
    told = subprocess.run(
        [sys.executable, "-c", f"import os; from quarantine import audit; os.setuid(54321); {ASK}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip().endswith("uid 54321")


async def test_the_trail_of_several_items(deposit: Callable[..., Deposit], noon: datetime) -> None:
    """Events of all matching items come in the order in which they happened."""
    store = MemoryStore()
    minute = timedelta(minutes=1)
    await store.take((deposit("m1"), deposit("m2", at=noon + minute), deposit("m3", reasons=("other",))))
    await store.release("m1", actor="ann", reason="", now=noon + 2 * minute)
    found = [(event.item, event.after) for event in await trail(store, Query(reason="licence-out"))]
    assert found == [("m1", State.HELD), ("m2", State.HELD), ("m1", State.DUE)]
