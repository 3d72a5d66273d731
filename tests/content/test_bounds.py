"""Whatever a file expands to, reading ends soon, with a reason."""

import binascii
import io
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.content import boxes, html, inline, reader, structured, xml
from dlp_gateway.content import text as texts
from dlp_gateway.content.text import FILES, Account, File, Piece, Reading, Refused, UnreadableReason
from dlp_gateway.mail.message import Message, Part
from tests.formats import archives, documents
from tests.resident import growing

HUGE = bytes(100_000_000)
SHEET = '<worksheet xmlns="x"><sheetData><row>' + '<c t="s"><v>0</v></c>' * 200_000 + "</row></sheetData></worksheet>"
WIDE_SHEET = '<worksheet xmlns="x"><sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></sheetData></worksheet>'
REPEATED = (
    "<office:document-content xmlns:office='o' xmlns:table='t' xmlns:text='x'><table:table><table:table-row>"
    "<table:table-cell table:number-columns-repeated='1000000'><text:p>ab</text:p></table:table-cell>"
    "</table:table-row></table:table></office:document-content>"
)


def read(content: bytes) -> Reading:
    """Read a file as the only part of a mail."""
    part = Part(
        path="1",
        media_type="application/octet-stream",
        charset="",
        filename="",
        disposition="attachment",
        content=content,
    )
    return reader.read_all(Message(raw=b"", fields=(), body_start=0, visible=(), parts=(part,), defects=()))


def reasons(content: bytes) -> set[UnreadableReason]:
    """Return why not all of a file was read."""
    return {gone.reason for gone in read(content).unreadable}


def _layers() -> bytes:
    content = documents.packed({"a": bytes(5_000_000)})
    for _ in range(5):
        content = documents.packed({str(number): content for number in range(16)})
    return content


@pytest.mark.parametrize("values", ["1," * 20_000 + "1", "[1]," * 10_000 + "1", '{"a":1},1,' * 4_000 + "1"])
def test_a_long_name_is_not_said_before_each_value(values: str) -> None:
    """The name of a list is said again as far as its text is long, and once at least."""
    name = "licenceNumber" * 3_000
    said = structured.json_text(f'{{"{name}": [{values}], "b": 2}}')
    assert "licence Number" in said
    assert said.endswith("b: 2")
    assert len(said) < 1_000_000


@pytest.mark.parametrize(("code", "cells"), [("[" * 400_000, 1), ("a" * 20_000, 40_000)], ids=["signs", "cells"])
def test_hostile_number_formats_take_no_time(code: str, cells: int) -> None:
    """However long a format is, and however many cells have it, it is read once."""
    formats = f"<numFmts><numFmt numFmtId='164' formatCode='{code}'/></numFmts>"
    styles = f"{formats}<cellXfs>{'<xf numFmtId=`164`/>' * cells}</cellXfs>".replace("`", "'")
    with zipfile.ZipFile(io.BytesIO(documents.xlsx("ab 12"))) as book:
        parts: dict[str, bytes | str] = {name: book.read(name) for name in book.namelist()}
    parts["xl/styles.xml"] = f"<styleSheet {documents.S}>{styles}</styleSheet>"
    assert "ab" in read(documents.packed(parts)).texts[0].text


@pytest.mark.parametrize(
    "unit",
    [
        b"content-transfer-encoding: base64\r\n" + b"a:x\r\n" * 20,
        b"content-transfer-encoding: base64\r\n" + b" x\r\n" * 20,
        b"content-transfer-encoding: base64\r\n",
    ],
)
def test_hostile_sources_take_no_time(unit: bytes) -> None:
    """Fields without a body behind them are gone through once for each beginning."""
    assert [*inline.files(unit * 2_000)] == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(documents.packed({"a": HUGE}), id="zip"),
        pytest.param(archives.gz(HUGE), id="gzip"),
        pytest.param(archives.bz(HUGE), id="bzip2"),
        pytest.param(archives.xz(HUGE), id="xz"),
        pytest.param(archives.zst(HUGE), id="zstandard"),
        pytest.param(archives.seven_zip({"a": HUGE}), id="7z"),
        pytest.param(archives.gz(archives.gz(archives.gz(HUGE))), id="gzip in gzip"),
        pytest.param(_layers(), id="archives in archives"),
        pytest.param(archives.zip_nested(b"x", 40), id="too deep"),
        pytest.param(documents.packed({str(number): "x" for number in range(FILES + 1)}), id="too many members"),
        pytest.param(archives.zip_overlapping(2_000, bytes(5_000_000)), id="members that overlap"),
        pytest.param(documents.packed({"[Content_Types].xml": "<Types/>", "word/document.xml": HUGE}), id="document"),
        pytest.param(
            documents.packed(
                {
                    "[Content_Types].xml": "<Types/>",
                    "xl/sharedStrings.xml": f"<sst><si><t>{'a' * 30_000}</t></si></sst>",
                    "xl/worksheets/sheet1.xml": SHEET,
                }
            ),
            id="one string in every cell",
        ),
        pytest.param(
            documents.pdf_objects(
                [
                    b"<</Type/Catalog/Pages 2 0 R>>",
                    b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
                    b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
                    documents.pdf_stream(HUGE, filtered=True),
                ]
            ),
            id="pdf",
        ),
        pytest.param(b"{\\rtf1" + b"{" * 1_000_000, id="rtf"),
    ],
)
def test_bombs_are_called_so(content: bytes) -> None:
    """Each kind of bomb ends as one, not as text and not as a failure."""
    assert UnreadableReason.BOMB in reasons(content)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"<?xml version='1.0'?>" + b"<a>" * 100_000, id="deep elements"),
        pytest.param(
            b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "' + b"x" * 50_000 + b'">]><l>' + b"&a;" * 50_000 + b"</l>",
            id="one long entity",
        ),
    ],
)
def test_hostile_xml_is_broken(content: bytes) -> None:
    """The parser's own bounds end it."""
    assert UnreadableReason.BROKEN in reasons(content)


def test_a_sheet_with_one_cell_at_its_end_is_small() -> None:
    """Rows and columns before it are a gap, not cells."""
    content = documents.packed({"[Content_Types].xml": "<Types/>", "xl/worksheets/sheet1.xml": WIDE_SHEET})
    found = read(content)
    assert not found.unreadable
    assert sum(len(text.text) for text in found.texts) < 1_000


def test_repeated_cells_are_written_out_some_times() -> None:
    """Sheets repeat cells to their end."""
    found = read(documents.packed({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": REPEATED}))
    assert 20 < sum(text.text.count("ab") for text in found.texts) < 100


def test_what_expands_like_honest_files_does_is_read() -> None:
    """Ten megabytes of blanks are nothing unusual."""
    assert not reasons(documents.packed({"a.txt": b" " * 9_000_000 + b"text"}))


def test_the_account_is_one_for_all() -> None:
    """What was unpacked counts, whichever file it came from."""
    account = Account(octets=1_000, files=2)
    account.spend(600)
    assert account.allowed(100) == 400
    with pytest.raises(Refused):
        account.spend(600)
    account.count()
    account.count()
    with pytest.raises(Refused):
        account.count()


@pytest.mark.parametrize(
    ("line", "copies"),
    [
        # Its octets, its text as it is, and as it is kept; then the signs in which codes are sought.
        (b"1234567 12345678 123456789 of them\r\n", 3.9),
        (b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo- 1234567\r\n", 5.5),
    ],
    ids=["numbers", "codes"],
)
def test_a_large_text_is_read_with_few_copies(line: bytes, copies: float) -> None:
    """Beside the octets that came."""
    content = line * (20_000_000 // len(line))
    part = Part(path="1", media_type="text/plain", charset="", filename="", disposition="", content=content)
    message = Message(raw=b"", fields=(), body_start=0, visible=(), parts=(part,), defects=())
    tracemalloc.start()
    texts, _ = reader.read(message)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(texts[0].text) > 15_000_000
    assert peak < copies * 16_000_000


def test_an_xml_document_costs_what_it_says() -> None:
    """However short its lines are: no object for each of them is kept."""
    content = b"<a>" + b'<b c="1234">x</b>' * 600_000 + b"</a>"
    with growing() as growth:
        (found,) = xml.read(content, Account())
    assert growth.peak < 50_000_000
    assert isinstance(found, str)
    assert found.startswith("c: 1234\nb: x\nc: 1234\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<a " + b" ".join(b'b%d="c"' % n for n in range(300_000)) + b" d='last'/>", UnreadableReason.TOO_LARGE),
        (b"<a>" * 1_000_000 + b"last" + b"</a>" * 1_000_000, UnreadableReason.BROKEN),
    ],
    ids=["attributes", "depth"],
)
def test_what_nobody_writes_in_xml_costs_its_source(content: bytes, reason: UnreadableReason) -> None:
    """Attributes of one element by the ten thousand, and elements as deep, are read as they stand."""
    with growing() as growth:
        found = [*xml.read(content, Account())]
    assert growth.peak < 5 * len(content)
    assert [isinstance(one, str) and "last" in one for one in found] == [True, False]
    assert found[-1] is reason


@pytest.mark.parametrize(
    "content",
    [
        b"<a>" + b'<b c="1"/>' * 10_000 + b"</a>",
        b"<a>" + b"QUJD" * 50_000 + b"</a>",
        b'<a b="' + b"QUJD" * 50_000 + b'" c="1"/>',
        b"<a " + b" ".join(b'b%d="c"' % n for n in range(10_000)) + b"/>",
        b"<a><!-- " + b'b="c" ' * 20_000 + b"--></a>",
    ],
)
def test_other_elements_are_not_crowded(content: bytes) -> None:
    """However long their values are, and whatever stands in their comments."""
    assert not xml.is_crowded(content)
    assert xml.is_crowded(content + b"<a" + b' b="c"' * 10_001 + b"/>")


def test_a_file_in_a_text_costs_what_it_holds() -> None:
    """Its lines are decoded one after the other, and an empty one stands for nothing."""
    octets = bytes(range(1, 46)) * 100_000
    content = b"begin 644 a.bin\n" + (binascii.b2a_uu(octets[:45]) + b"\n") * 100_000 + b"end\n"
    tracemalloc.start()
    (found,) = inline.files(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(found, File)
    assert found.content == octets
    assert peak < 2 * len(octets)


def test_of_a_header_section_as_much_is_read_as_of_the_mails_own() -> None:
    """However many lines a field is folded into; that there is more is told."""
    content = b"Comments: first\r\nTo: " + b",\r\n " * 1_000_000 + b"\r\nComments: last\r\n"
    part = Part(path="1", media_type="text/rfc822-headers", charset="", filename="", disposition="", content=content)
    message = Message(raw=b"", fields=(), body_start=0, visible=(), parts=(part,), defects=())
    tracemalloc.start()
    texts, unreadable = reader.read(message)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [text.text for text in texts] == ["Comments: first"]
    assert [one.reason for one in unreadable] == [UnreadableReason.TOO_LARGE]
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        (structured.table, '12,John Smith,1234567,"x y",99.20\n'),
        (structured.table, "ssn,"),
        (structured.table, '"ssn",1,'),
        (structured.table, "1,1,1,1,1,xx,"),
        (boxes.with_wholes, "1\t1\t1\t1\t1\txx\t"),
        (boxes.with_wholes, "ssn\t" * 300_000 + "\n" + "no.\t" * 300_000 + "\n1\t2\n"),
        (lambda text: next(structured.calendar(text)), "ATTENDEE;CN=x:mailto:a@b.example\\, c\n"),
        (html.loose, "<p><b>word</b> <i>other 123456789</i></p>\n"),
        (boxes.with_wholes, "AB12\tCD34\t56\n"),
    ],
)
def test_a_large_text_is_written_anew_in_little_memory(written: Callable[[str], Piece], unit: str) -> None:
    """However many pieces of it change, there is no list of them, which takes several times the text."""
    text = unit * (4_000_000 // len(unit))
    with growing() as growth:
        found = written(text)
    assert isinstance(found, str)
    assert growth.peak < 5 * len(text)


@given(st.lists(st.sampled_from(["a1", "AB12\t", "\n", "=", ":", "B\n", "é", "x\ty\t1\t2\t3\t4\n"])).map("".join))
def test_a_large_text_is_written_anew_like_a_small_one(text: str) -> None:
    """Line by line, number by number."""
    small = boxes.with_wholes(text), list(structured.calendar(text)), structured.table(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "_LARGE", 0)
        assert (boxes.with_wholes(text), list(structured.calendar(text)), structured.table(text)) == small


def test_a_large_document_costs_little_more_than_it_holds() -> None:
    """Neither its paragraphs nor what it is packed in are kept beside its text, nor is that unpacked twice."""
    paragraphs = "".join(f"<w:p><w:r><w:t>Line {number} of it</w:t></w:r></w:p>" for number in range(200_000))
    document = f"<w:document xmlns:w='w'><w:body>{paragraphs}</w:body></w:document>".encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", document)
    content = packed.getvalue()
    with growing() as growth:
        reading = read(content)
    assert reading.texts[0].text.endswith("Line 199999 of it")
    assert growth.peak < 2.5 * len(document)
