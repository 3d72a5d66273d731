"""Word, Excel and PowerPoint as they were until 2007, and whatever else lies in compound files.

The formats: [MS-DOC], [MS-XLS], [MS-PPT], [MS-OLEDS].
"""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Final

from dlp_gateway.content import compound, spreadsheet, traces
from dlp_gateway.content.compound import Compound
from dlp_gateway.content.rtf import packaged
from dlp_gateway.content.text import Account, File, Piece, UnreadableReason

_PIECES: Final = 100_000
_RECORDS: Final = 2_000_000
#: What these formats have for breaks: cell and row, field, page, column (MS-DOC 2.4.1).
_BREAKS: Final = str.maketrans(
    {"\r": "\n", "\x07": "\t", "\x1e": "-", "\x1f": ""}
    | dict.fromkeys("\x0b\x0c\x0e", "\n")
    | dict.fromkeys("\0\x01\x02\x03\x04\x05\x08\x13\x14\x15", " ")
)
_TEXT_CHARS, _TEXT_BYTES, _C_STRING = 0x0FA0, 0x0FA8, 0x0FBA  # MS-PPT 2.13.24
_ENCRYPTED_SESSION: Final = 0xF3D1_C4DF  # MS-PPT 2.3.2
_FILE_PASS: Final = 0x002F  # MS-XLS 2.4.117
#: Records of cells, which begin with row and column (MS-XLS 2.4): FORMULA, MULRK, MULBLANK, RSTRING, LABELSST, BLANK, …
_CELLS: Final = frozenset({0x06, 0xBD, 0xBE, 0xD6, 0xFD, 0x201, 0x203, 0x204, 0x205, 0x27E})
_KNOWN: Final = ("worddocument", "workbook", "book", "powerpoint document", "encryptedpackage")


def read(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield the text of each document in the file, and the files that are embedded in it."""
    file = compound.opened(content, account)
    if file.has("EncryptedPackage"):  # MS-OFFCRYPTO 2.3.4.4
        yield UnreadableReason.ENCRYPTED_OFFICE
        return
    known = False
    if file.has("WordDocument"):
        known = True
        yield from _word(file)
    for name in ("Workbook", "Book"):
        if file.has(name):
            known = True
            yield from _excel(content, file.stream(name))
    if file.has("PowerPoint Document"):
        known = True
        yield from _powerpoint(file)
    yield from _embedded(file, known=known)


def _embedded(file: Compound, *, known: bool) -> Iterator[Piece]:
    """Yield what lies in other streams: packages, documents within documents, properties; as traces at least."""
    told: list[str] = []
    for name in file.names:
        last = name[-1].lower()
        if len(name) == 1 and last in _KNOWN:
            continue
        octets = file.stream(*name)
        if last == "\x01ole10native":
            known = True
            yield packaged(octets[4:]) or File(name="", content=octets[4:])
        elif last in {"package", "contents", "\x01ole10itemname"} or octets[:4] in {b"PK\x03\x04", b"\xd0\xcf\x11\xe0"}:
            known = True
            yield File(name=name[0] if len(name) == 1 else name[-2], content=octets)
        elif last in _KNOWN:
            told += _stream_text(last, octets)
        else:
            told.append(traces.runs(octets))
    text = "\n".join(filter(None, told))
    if text:
        yield text
    if not known:
        yield UnreadableReason.ATTACHMENT


def _stream_text(name: str, octets: bytes) -> Iterator[str]:
    yield traces.runs(octets)
    if name == "powerpoint document":
        yield from _slides(octets)


def _word(file: Compound) -> Iterator[Piece]:
    """Yield the text of a .doc in its pieces: body, footnotes, headers, comments, text boxes (MS-DOC 2.4.1)."""
    main = file.stream("WordDocument")
    if len(main) < 0x1AA:
        yield traces.runs(main)
        yield UnreadableReason.BROKEN
        return
    (flags,) = struct.unpack_from("<H", main, 0x0A)
    if flags & 0x0100:  # fEncrypted
        yield UnreadableReason.ENCRYPTED_OFFICE
        return
    table = file.stream("1Table" if flags & 0x0200 else "0Table")
    start, size = struct.unpack_from("<II", main, 0x1A2)  # fcClx, lcbClx
    pieces = list(_word_pieces(table[start : start + size], main))
    if pieces:
        yield "".join(pieces).translate(_BREAKS)
    else:
        yield traces.runs(main)  # Word 6 and 95, and what is damaged
        yield UnreadableReason.BROKEN if size else UnreadableReason.ATTACHMENT


def _word_pieces(clx: bytes, main: bytes) -> Iterator[str]:
    """Yield the pieces in the order of the document (MS-DOC 2.9.38, 2.9.177)."""
    place = 0
    while place + 3 <= len(clx) and clx[place] == 1:  # formatting, which is not read
        place += 3 + struct.unpack_from("<H", clx, place + 1)[0]
    if place + 5 > len(clx) or clx[place] != 2:
        return
    (size,) = struct.unpack_from("<I", clx, place + 1)
    table = clx[place + 5 : place + 5 + size]
    count = min((len(table) - 4) // 12, _PIECES)
    for index in range(count):
        first, following = struct.unpack_from("<II", table, 4 * index)
        (where,) = struct.unpack_from("<I", table, 4 * ((len(table) - 4) // 12 + 1) + 8 * index + 2)
        length = max(0, following - first)
        if where & 0x4000_0000:  # one octet a character
            begin = (where & 0x3FFF_FFFF) // 2
            yield main[begin : begin + length].decode("cp1252", "replace")
        else:
            yield main[where : where + 2 * length].decode("utf-16-le", "replace")


def _excel(content: bytes, stream: bytes) -> Iterator[Piece]:
    """Yield the sheets of an .xls by calamine, and the rest (comments, headers, text boxes) as traces."""
    rows = columns = 0
    for kind, place, size in islice(_records(stream), _RECORDS):
        if kind == _FILE_PASS:
            yield UnreadableReason.ENCRYPTED_OFFICE
            return
        if kind in _CELLS and size >= 4:
            row, column = struct.unpack_from("<HH", stream, place)
            rows, columns = max(rows, row + 1), max(columns, column + 1)
    yield from spreadsheet.binary(content, rows * columns)
    yield traces.runs(stream)


def _records(stream: bytes) -> Iterator[tuple[int, int, int]]:
    place = 0
    while place + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, place)
        if place + 4 + size > len(stream):
            return
        yield kind, place + 4, size
        place += 4 + size


def _powerpoint(file: Compound) -> Iterator[Piece]:
    session = file.stream("Current User")
    if len(session) >= 16 and struct.unpack_from("<I", session, 12)[0] == _ENCRYPTED_SESSION:
        yield UnreadableReason.ENCRYPTED_OFFICE
        return
    yield "\n".join(_slides(file.stream("PowerPoint Document")))


def _slides(stream: bytes) -> Iterator[str]:
    """Yield the text atoms; containers are walked through, so that depth is nothing (MS-PPT 2.3.1)."""
    place = 0
    for _ in range(_RECORDS):
        if place + 8 > len(stream):
            return
        version, kind, size = struct.unpack_from("<HHI", stream, place)
        place += 8
        if version & 0x0F == 0x0F:
            continue
        if kind in {_TEXT_CHARS, _C_STRING}:
            yield stream[place : place + size].decode("utf-16-le", "replace").translate(_BREAKS)
        elif kind == _TEXT_BYTES:
            yield stream[place : place + size].decode("latin-1").translate(_BREAKS)
        place += size
