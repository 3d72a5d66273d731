"""The log, into memory."""

import io
from collections.abc import Iterator

import pytest

from dlp_gateway.observe import output


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """Give what is logged, as JSON lines; only our own logger is exchanged."""
    stream, former = io.StringIO(), output.current.logger
    output.current.logger = output._logger("debug", "json", stream)
    yield stream
    output.current.logger = former
