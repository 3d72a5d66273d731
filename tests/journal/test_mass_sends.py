"""A reply to all of a mass send is known by whom it reaches again, in every process at once."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.detect.base import Thread
from dlp_gateway.journal import SqlJournal, mass_sends, open_journal
from quarantine.crypto import PrivateKey

URL = "sqlite:///custody.db"
AUDIENCE = tuple(f"customer{number}@example.com" for number in range(40))


async def test_a_reply_to_all(journal: SqlJournal, noon: datetime) -> None:
    """The audience and how many of it are addressed again are told."""
    await journal.remember_mass_send("<1@corp.example>", AUDIENCE, noon)
    recipients = (*AUDIENCE[:12], "dan@example.net")
    assert await journal.thread(("<1@corp.example>",), recipients) == Thread(audience=40, addressed_again=12)
    assert await journal.thread(("<2@corp.example>",), recipients) is None
    assert await journal.thread((), recipients) is None


async def test_the_message_that_reaches_most_again(journal: SqlJournal, noon: datetime) -> None:
    """Of several messages in a thread the one with most of its audience addressed counts."""
    await journal.remember_mass_send("<1@corp.example>", AUDIENCE[:30], noon)
    await journal.remember_mass_send("<2@corp.example>", AUDIENCE[25:], noon)
    found = await journal.thread(("<1@corp.example>", "<2@corp.example>"), AUDIENCE[20:35])
    assert found == Thread(audience=30, addressed_again=10)


async def test_parts_of_one_mail_are_one_mass_send(journal: SqlJournal, noon: datetime) -> None:
    """Mail servers split at fifty recipients: the parts carry one Message-ID, and their audiences add up."""
    for start in range(0, 40, 15):
        await journal.remember_mass_send("<1@corp.example>", AUDIENCE[start : start + 20], noon)
    assert await journal.thread(("<1@corp.example>",), AUDIENCE) == Thread(audience=40, addressed_again=40)


async def test_other_processes_know_at_once(folder: Path, key: PrivateKey, noon: datetime) -> None:
    """What one receiver remembered, the next look-up of another finds."""
    one = await open_journal(URL, key.public, folder=folder)
    two = await open_journal(URL, key.public, folder=folder)
    for number in range(5):
        assert await two.thread((f"<{number}@corp.example>",), AUDIENCE) is None
        await one.remember_mass_send(f"<{number}@corp.example>", AUDIENCE, noon)
        found = await two.thread((f"<{number}@corp.example>",), AUDIENCE)
        assert found == Thread(audience=40, addressed_again=40)
    await one.close()
    await two.close()


async def test_the_audience_is_bounded(journal: SqlJournal, noon: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Message-ID that is used for ever does not grow for ever."""
    monkeypatch.setattr(mass_sends, "MOST", 25)
    for start in range(0, 40, 10):
        await journal.remember_mass_send("<1@corp.example>", AUDIENCE[start : start + 10], noon)
    found = await journal.thread(("<1@corp.example>",), AUDIENCE)
    assert found == Thread(audience=25, addressed_again=25)


@given(one=st.frozensets(st.sampled_from(AUDIENCE)), two=st.frozensets(st.sampled_from(AUDIENCE)))
def test_digests_keep_the_intersection(one: frozenset[str], two: frozenset[str], key: PrivateKey) -> None:
    """Counting digests is counting addresses."""
    shared = mass_sends.digests(key.public, one) & mass_sends.digests(key.public, two)
    assert len(one & two) == len(shared)
