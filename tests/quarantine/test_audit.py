"""Who decided about held mail."""

import os
import subprocess
import sys

import pytest

from quarantine.audit import operating_system_actor

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
