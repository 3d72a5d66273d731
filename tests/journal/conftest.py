"""A journal beside a custody, and entries to put into it."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dlp_gateway.journal import SqlJournal, open_journal
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import Entry, Passage
from dlp_gateway.recollection import Sending
from quarantine.crypto import PrivateKey
from tests.conftest import SQLITE

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
#: For a test that looks into the file, or locks it.
ON_SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.e2e)])
def url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database of each sort; SQLite's lies in `folder`."""
    return SQLITE if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def dropped() -> list[int]:
    """What the journal says that it dropped."""
    return []


@pytest.fixture
async def journal(url: str, folder: Path, key: PrivateKey, dropped: list[int]) -> AsyncIterator[SqlJournal]:
    """A journal that can be read, on each sort of database."""
    journal = await open_journal(url, key.public, key, folder=folder, dropped=dropped.append, busy_timeout=0.2)
    yield journal
    await journal.close()


@pytest.fixture(scope="session")
def noon() -> datetime:
    """When messages come in."""
    return NOON


@pytest.fixture(scope="session")
def entry() -> Callable[..., Entry]:
    """Make an entry; `recipients` are its recipients' addresses."""

    def make(
        name: str,
        *recipients: str,
        at: datetime = NOON,
        message_id: str = "<1@corp.example>",
        reverse_path: str = "ann@corp.example",
        disposition: Disposition = Disposition.FORWARD,
        reasons: tuple[str, ...] = ("bulk-visible",),
        shown: tuple[str, ...] = ("bob@example.com", "eve@example.org"),
        reply: str = "250 2.0.0 ok",
        owner: str = "desk@corp.example",
    ) -> Entry:
        return Entry(
            id=name,
            message_id=message_id,
            received_at=at,
            reverse_path=reverse_path,
            client="192.0.2.1",
            login="ann",
            disposition=disposition,
            reasons=reasons,
            observed=("phone-out",),
            findings=(("recipients.outsiders", 12), ("identifier.IBAN", 1)),
            passages=tuple(
                Passage(recipient=recipient, shown=shown, outcome="forwarded", reply=reply)
                for recipient in recipients or ("bob@example.com",)
            ),
            owner=owner,
        )

    return make


@pytest.fixture(scope="session")
def sent() -> Callable[..., Sending]:
    """Make what the memory sees of a mail that shows `shown` and, unless `addressed` is given, goes to them."""

    def make(
        *shown: str,
        at: datetime = NOON,
        name: str = "m1",
        message_id: str = "<1@corp.example>",
        answered: tuple[str, ...] = (),
        topic: str = "",
        is_answer: bool | None = None,
        is_ours: bool = False,
        reverse_path: str = "ann@corp.example",
        login: str = "",
        addressed: tuple[str, ...] | None = None,
        names: tuple[tuple[str, str], ...] = (),
    ) -> Sending:
        outsiders = shown if addressed is None else addressed
        return Sending(
            id=name,
            at=at,
            message_id=message_id,
            answered=answered,
            topic=topic,
            is_answer=bool(answered) if is_answer is None else is_answer,
            is_ours=is_ours,
            reverse_path=reverse_path,
            login=login,
            client="192.0.2.1",
            recipients=outsiders,
            outside=tuple(range(len(outsiders))),
            addressed=outsiders,
            shown=shown,
            names=names,
        )

    return make
