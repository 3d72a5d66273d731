"""Tables of own records in workers: they are opened there too, and a broken one costs every mail its "clean"."""

from pathlib import Path

from dlp_gateway.detect.base import Facts, Failure, FailureReason
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection.inspector import Inspector, InspectorOptions
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse
from tests.detect.edm.tables import build

MAIL = parse(b"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nlicence D1234567\r\n")


def recipe(folder: Path) -> Recipe:
    """Return the recipe with one table."""
    table = ("people", str(folder / "people.edm"), str(folder / "people.key"))
    return Recipe(inside=("corp.example",), tables=(table,))


async def test_a_worker_finds_what_the_receiver_finds(tmp_path: Path, envelope: Envelope) -> None:
    """The recipe goes over whole, and so do the findings."""
    build(tmp_path)
    found = []
    for in_place in (64_000, 0):
        async with Inspector(recipe(tmp_path), InspectorOptions(in_place_bytes=in_place)) as inspector:
            await inspector.ready()
            inspection = await inspector.inspect(envelope, MAIL, Facts())
            assert not inspection.failures
            found.append([one for one in inspection.findings if one.detector == "edm"])
    assert found[0] == found[1] != []


async def test_a_table_that_cannot_be_used_is_a_failure(tmp_path: Path, envelope: Envelope) -> None:
    """In a worker that starts after the table was spoilt, and in a receiver that has it open."""
    build(tmp_path)
    failure = Failure(detector="edm", reason=FailureReason.ERROR)
    async with Inspector(recipe(tmp_path)) as inspector:
        with (tmp_path / "people.edm").open("r+b") as file:
            file.truncate(100)
        assert (await inspector.inspect(envelope, MAIL, Facts())).failures == (failure,)
    async with Inspector(recipe(tmp_path), InspectorOptions(in_place_bytes=0)) as inspector:
        await inspector.ready()
        assert (await inspector.inspect(envelope, MAIL, Facts())).failures == (failure,)
