"""Tables of own records in workers: they are opened there too, and a broken one costs every mail its "clean"."""

import base64
from pathlib import Path

import pytest

from dlp_gateway.detect.base import Facts, Failure, FailureReason
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection.inspector import Inspector, InspectorOptions
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse
from tests.detect.edm.tables import build
from tests.formats.documents import W, packed, paragraph

MAIL = parse(b"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nlicence D1234567\r\n")

ROWS = "name;dob\nMüller;02.01.1980\nO'Brien;1/3/75\n"
HTML = "<table><tr><td>M&uuml;ller<td>02.01.1980<tr><td>O&#39;Brien<td>1<b>.3.</b>1975</table>"
JSON = '[{"n": "Muller", "b": "1980-01-02"}, {"n": "O\'Brien", "b": "1975-03-01"}]'
PAGE = paragraph("Müller 2 January 1980") + paragraph("O'Brien 1 March 1975")
DOCUMENT = f"<?xml version='1.0'?><w:document {W}><w:body>{PAGE}</w:body></w:document>"


def attached(media_type: str, name: str, content: bytes) -> bytes:
    """Return the fields and the content of a part in base64."""
    fields = f'Content-Type: {media_type}; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return fields.encode() + base64.encodebytes(content)


BODIES = {
    "html": b"Content-Type: text/html\r\n\r\n" + HTML.encode(),
    "csv": attached("text/csv", "c.csv", ROWS.encode()),
    "json": attached("application/json", "c.json", JSON.encode()),
    "docx": attached(
        *("application/octet-stream", "c.docx"),
        packed({"[Content_Types].xml": "<Types/>", "word/document.xml": DOCUMENT}),
    ),
}


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


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_records_are_found_in_whatever_is_read(tmp_path: Path, envelope: Envelope, body: bytes) -> None:
    """A table in HTML, a CSV file, JSON, a document: what recipients can read is searched."""
    build(tmp_path)
    async with Inspector(recipe(tmp_path)) as inspector:
        await inspector.ready()
        inspection = await inspector.inspect(envelope, parse(b"Subject: x\r\n" + body + b"\r\n"), Facts())
    assert not inspection.failures
    assert sum(one.count for one in inspection.findings if one.kind == "edm.records.people") == 2


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
