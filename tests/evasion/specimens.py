"""Hiding places: each a mail with an identifier in one place, and its twin with nothing in the same place."""

from collections.abc import Iterator

from tests.evasion.containers import containers
from tests.evasion.images import images
from tests.evasion.layouts import layouts
from tests.evasion.papers import papers
from tests.evasion.quirks import quirks
from tests.evasion.specimen import Specimen
from tests.evasion.structures import structures
from tests.evasion.texts import texts
from tests.evasion.written import written


def specimens() -> Iterator[Specimen]:
    """Yield every specimen."""
    yield from papers()
    yield from containers()
    yield from texts()
    yield from structures()
    yield from images()
    yield from quirks()
    yield from layouts()
    yield from written()
