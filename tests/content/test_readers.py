"""Readers of every format on files that are damaged, mutilated or not what they seem."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlp_gateway.content import disguise, inline, kind, readers
from dlp_gateway.content.kind import Kind
from dlp_gateway.content.reader import is_plain, read_all
from dlp_gateway.content.text import Reading, UnreadableReason
from dlp_gateway.mail.message import Message, Part
from dlp_gateway.mail.parse import parse
from tests.formats import archives, documents, legacy, sealed

TEXT = "MARKER-4711 and more words"
OCTETS = TEXT.encode()
SAMPLES = {
    "docx": documents.docx(TEXT, "table"),
    "xlsx": documents.xlsx(TEXT),
    "pptx": documents.pptx(TEXT),
    "odt": documents.opendocument(TEXT, "table"),
    "pdf": documents.pdf(TEXT, "form", files={"a.txt": OCTETS}),
    "rtf": documents.rtf(TEXT, file=("a.txt", OCTETS)),
    "doc": legacy.doc(TEXT),
    "ppt": legacy.ppt(TEXT),
    "msg": legacy.msg(body=TEXT, rtf=legacy.compressed_rtf(documents.rtf(TEXT)), embedded=TEXT),
    "tnef": legacy.tnef(TEXT, rtf=legacy.compressed_rtf(documents.rtf(TEXT)), attachments={"a.txt": OCTETS}),
    "zip": documents.packed({"a.txt": TEXT, "b.txt": "x"}),
    "tar": archives.tar({"a.txt": OCTETS}),
    "gz": archives.gz(OCTETS),
    "7z": archives.seven_zip({"a.txt": OCTETS}),
    "cms": sealed.signed(OCTETS, streamed=True),
    "pgp": sealed.pgp_signed(OCTETS, squeeze=True),
    "xml": b"<?xml version='1.0'?><a b='c'>" + OCTETS + b"</a>",
    "ics": b"BEGIN:VCALENDAR\r\nATTACH;ENCODING=BASE64:TUFSS0VS\r\nEND:VCALENDAR",
}


def part(content: bytes, name: str = "", media_type: str = "application/octet-stream") -> Part:
    """Return a part with this content."""
    return Part(path="1", media_type=media_type, charset="", filename=name, disposition="attachment", content=content)


def read(content: bytes, name: str = "", media_type: str = "application/octet-stream") -> Reading:
    """Read one file."""
    return read_all(
        Message(raw=b"", fields=(), body_start=0, visible=(), parts=(part(content, name, media_type),), defects=())
    )


def text_of(reading: Reading) -> str:
    """Return all that was read."""
    return "\n".join(text.text for text in reading.texts)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "ics"])
def test_every_sample_is_read_wholly(name: str) -> None:
    """The samples that are mutilated below are sound."""
    found = read(SAMPLES[name])
    assert "MARKER-4711" in text_of(found)
    assert not found.unreadable


CARD, IBAN = "4111111111111111", "GB29NWBK60161331926819"
HEADER = f"<headerFooter><oddHeader>{CARD}</oddHeader></headerFooter>"
PROMPT = f'<dataValidations><dataValidation prompt="{IBAN}"/></dataValidations>'
CELL = '<sheetData><row><c t="str"><f>"x"</f><v>7</v></c></row></sheetData>'


@pytest.mark.parametrize(
    ("sheet", "lines"),
    [
        (HEADER, [CARD]),
        (PROMPT, [IBAN]),
        (HEADER + PROMPT, [CARD, IBAN]),
        (CELL, ["7", '"x"']),
        (CELL + HEADER, ["7", '"x"', CARD]),
        (CELL + HEADER + "<a", ["7", '"x"', CARD]),
        ("<sheetData><row><c><v>7</v></c></row></sheetData>", ["7"]),
    ],
)
def test_what_is_in_no_cell_stands_once_on_a_line_of_its_own(sheet: str, lines: list[str]) -> None:
    """A number that is written twice in a row, or next to another, is none that is known."""
    parts = {"[Content_Types].xml": "", "xl/worksheets/sheet1.xml": f"<worksheet>{sheet}</worksheet>"}
    found = [text.text.splitlines() for text in read(documents.packed(parts)).texts]
    assert lines in found


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_no_mutilation_is_raised(name: str, data: st.DataObject) -> None:
    """Octets that are changed, cut out or doubled cost the file, and never the mail."""
    content = bytearray(SAMPLES[name])
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["change", "cut", "double", "zero"])):
            case "change":
                content[place] = data.draw(st.integers(0, 255))
            case "cut":
                del content[place : place + data.draw(st.integers(1, 40))]
            case "double":
                content[place:place] = content[place : place + 40]
            case _:
                content[place : place + 4] = b"\xff\xff\xff\xff"
        if not content:
            return
    found = read(bytes(content))
    assert found.parts[0].path == "1"


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_no_cut_is_raised(name: str) -> None:
    """A file that ends anywhere is read so far."""
    content = SAMPLES[name]
    for end in range(1, len(content), max(1, len(content) // 60)):
        assert read(content[:end]).parts


def test_all_readers_can_be_loaded() -> None:
    """Workers load them before any mail; one that cannot be loaded would look like a damaged file."""
    readers.load()
    for one in Kind:
        assert list(readers.pieces(one, b"", None)) is not None if one in {Kind.MEDIA, Kind.UNKNOWN} else True  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (SAMPLES["docx"], Kind.OFFICE),
        (SAMPLES["odt"], Kind.OPEN_DOCUMENT),
        (SAMPLES["pdf"], Kind.PDF),
        (b"\r\n\r\n" + SAMPLES["pdf"], Kind.PDF),
        (SAMPLES["doc"], Kind.COMPOUND),
        (SAMPLES["msg"], Kind.OUTLOOK_MESSAGE),
        (SAMPLES["tnef"], Kind.TNEF),
        (SAMPLES["zip"], Kind.ZIP),
        (SAMPLES["7z"], Kind.SEVEN_ZIP),
        (SAMPLES["tar"], Kind.TAR),
        (SAMPLES["gz"], Kind.GZIP),
        (SAMPLES["cms"], Kind.CMS),
        (SAMPLES["pgp"], Kind.PGP),
        (SAMPLES["xml"], Kind.XML),
        (b"Received: from a\r\nSubject: x\r\n\r\nhi", Kind.MESSAGE),
        (b"From a@b Thu Jan  1 00:00:00 1970\nSubject: x\n\nhi", Kind.MAILBOX),
        (b"BEGIN:VCARD\r\n", Kind.CALENDAR),
        (b"<!DOCTYPE html><p>", Kind.HTML),
        (b"\xff\xd8\xff\xe0", Kind.PICTURE),
        (b"MZ\x90\0", Kind.PROGRAM),
        (b"BZhang writes a letter, and MZ too", Kind.PLAIN),
        (b"Note: this is a letter\r\nwith lines", Kind.PLAIN),
        (b"ID3\x04\0\0\0\0\0\0", Kind.MEDIA),
        (b"\0\1\2\3", Kind.UNKNOWN),
    ],
)
def test_a_file_is_what_its_content_says(content: bytes, expected: Kind) -> None:
    """Whatever it is called."""
    for name, media_type in (("", "application/octet-stream"), ("a.txt", "text/plain"), ("a.png", "image/png")):
        if expected in {Kind.PLAIN, Kind.UNKNOWN, Kind.MEDIA} and name:
            continue
        assert kind.of(part(content, name, media_type))[0] is expected


def test_an_archive_that_opens_itself_is_read() -> None:
    """Behind the program that unpacks it."""
    found = read(b"MZ" + bytes(200) + archives.seven_zip({"a.txt": OCTETS}))
    assert "MARKER-4711" in text_of(found)


def test_a_file_that_is_two_things_is_read_as_both() -> None:
    """A picture with an archive behind it, a document with one."""
    for first in (b"\x89PNG\r\n\x1a\n" + bytes(60), documents.pdf("first")):
        found = read(first + documents.packed({"a.txt": TEXT}))
        assert "MARKER-4711" in text_of(found)
        assert UnreadableReason.AMBIGUOUS in {gone.reason for gone in found.unreadable}


@pytest.mark.parametrize("name", ["tnef", "msg", "tar", "pdf"])
def test_an_archive_within_a_file_is_no_second_nature(name: str) -> None:
    """Files that hold an archive as it is are not ambiguous, although programs find it."""
    within = {"a.zip": documents.packed({"a.txt": TEXT})}
    made = {
        "tnef": legacy.tnef("x", attachments=within),
        "msg": legacy.msg(attachments=within),
        "tar": archives.tar(within),
        "pdf": documents.pdf("x", files=within),
    }
    found = read(made[name])
    assert "MARKER-4711" in text_of(found)
    assert not found.unreadable


@pytest.mark.parametrize(
    ("name", "media_type", "content", "expected"),
    [
        ("a.txt", "text/plain", SAMPLES["pdf"], True),
        ("a.jpg", "image/jpeg", SAMPLES["zip"], True),
        ("a.pdf", "application/pdf", b"only text", True),
        ("a.pdf", "application/pdf", b"MZ\x90\0", True),
        ("a.docx", "application/octet-stream", SAMPLES["docx"], False),
        ("a.docx", "application/zip", SAMPLES["docx"], False),
        ("a.xls", "application/vnd.ms-excel", b"a\tb\r\n1\t2", False),
        ("a.xls", "application/vnd.ms-excel", b"<table><tr><td>1", False),
        ("a.doc", "application/msword", SAMPLES["rtf"], False),
        ("a.csv", "text/csv", b"a;b", False),
        ("", "application/octet-stream", SAMPLES["pdf"], False),
        ("a.bin", "application/x-anything", SAMPLES["zip"], False),
        ("a.jpg", "image/png", b"\xff\xd8\xff\xe0", False),
    ],
)
def test_lies_about_the_type(name: str, media_type: str, content: bytes, *, expected: bool) -> None:
    """Another family of files is a lie; the habits of honest programs are none."""
    one = part(content, name, media_type)
    assert disguise.is_disguised(one, kind.of(one)[0]) is expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"begin 644 a.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n", ("a.txt", b"hello")),
        (b"begin-base64 644 a.txt\r\naGVsbG8=\r\n====\r\n", ("a.txt", b"hello")),
        (b"=ybegin line=128 size=5 name=a.txt\r\n\x92\x8f\x96\x96\x99\r\n=yend size=5\r\n", ("a.txt", b"hello")),
        (b"=ybegin line=128 size=2 name=a.txt\r\n=}=J\r\n=yend size=2\r\n", ("a.txt", bytes((0x13, 0xE0)))),
    ],
)
def test_files_written_into_text(content: bytes, expected: tuple[str, bytes]) -> None:
    """As people did before MIME, and newsreaders do."""
    assert [(one.name, one.content) for one in inline.files(b"Hello\r\n" + content)] == [expected]


def test_binhex() -> None:
    """The way of old Macintosh programs, with its run-length encoding."""
    import binascii  # noqa: PLC0415 - for one test

    alphabet = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
    data = b"hel" + b"\x90\x02" + b"o"  # "hello": the l twice
    head = b"\x05a.txt\0TEXTttxt\0\0" + (5).to_bytes(4, "big") + bytes(4) + b"\0\0"
    packed = binascii.b2a_base64(head + data + b"\0\0", newline=False).decode().rstrip("=")
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body = packed.translate(str.maketrans(plain, alphabet))
    text = f"(This file must be converted with BinHex 4.0)\r\n\r\n:{body}:\r\n"
    assert [(one.name, one.content) for one in inline.files(text.encode())] == [("a.txt", b"hello")]


def test_the_tree_tells_what_was_read() -> None:
    """Parts and files within by path, each with its kind, name and what was read."""
    inner = documents.packed({"b/c.docx": documents.docx(TEXT), "d.zip": archives.zip_encrypted({"e": b"x"})})
    found = read(inner, "a.zip")
    assert [(one.path, one.name, one.kind, bool(one.characters)) for one in found.parts] == [
        ("1", "a.zip", "zip", False),
        ("1.1", "b/c.docx", "office document", True),
        ("1.2", "d.zip", "zip", False),
        ("1.2.1", "e", "", False),
    ]
    assert [(gone.part, gone.reason.value) for gone in found.unreadable] == [("1.2", "encrypted.zip")]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Content-Type: text/plain\r\n\r\nHello", True),
        (b"Content-Type: text/html\r\n\r\n<p>Hello", True),
        (b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR", True),
        (b"Content-Type: text/csv\r\n\r\na;b", True),
        (b"Content-Type: message/delivery-status\r\n\r\nAction: failed", True),
        (b"Content-Type: text/plain\r\n\r\n%PDF-1.7", False),
        (b"Content-Type: text/plain\r\n\r\nHello\r\nbegin 644 a\r\n", False),
        (b"Content-Type: text/xml\r\n\r\n<?xml version='1.0'?><a/>", False),
        (b"Content-Type: text/calendar\r\n\r\nATTACH;encoding=base64:AAAA", False),
        (b"Content-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n", False),
        (b"Content-Type: application/pdf\r\n\r\n", True),
    ],
)
def test_what_needs_a_reader_is_known(raw: bytes, *, expected: bool) -> None:
    """So that no reader of binary formats ever runs where mail is received."""
    assert all(map(is_plain, parse(raw).parts)) is expected


def test_what_measures_in_place_loads_no_reader() -> None:
    """Commands start without the libraries behind readers; only the fork server loads them (`readers.load`)."""
    import subprocess  # noqa: PLC0415 - for one test
    import sys  # noqa: PLC0415 - for one test

    names = "lxml pypdfium2 python_calamine olefile py7zr PIL zxingcpp tesserocr"
    code = (
        "import sys, dlp_gateway.inspection.inspector, dlp_gateway.content.reader;"
        f"print(*[name for name in '{names}'.split() if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=Path(__file__).parents[2])
    assert shown.stdout.strip() == b""
