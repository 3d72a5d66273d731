"""A line whose ends answer by script."""

import pytest

from dlp_gateway.pipeline import Pipeline
from quarantine.memory import MemoryStore
from tests.fakes import MemoryJournal, ScriptedSmarthost
from tests.pipeline.line import InPlace, made


@pytest.fixture
def smarthost() -> ScriptedSmarthost:
    """A next MTA that takes everything until told otherwise."""
    return ScriptedSmarthost()


@pytest.fixture
def custody() -> MemoryStore:
    """An empty custody."""
    return MemoryStore()


@pytest.fixture
def journal() -> MemoryJournal:
    """An empty journal."""
    return MemoryJournal()


@pytest.fixture
def pipeline(smarthost: ScriptedSmarthost, custody: MemoryStore, journal: MemoryJournal) -> Pipeline:
    """The pipeline with the default policy."""
    return made(smarthost, custody, journal, InPlace())
