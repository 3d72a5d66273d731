"""winmail.dat (MS-OXTNEF) → every text property of the message in it, its bodies and its attachments.

A reader of our own: the one that there is copies the rest of the file for each attribute and believes every count.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dlp_gateway.content.compressed_rtf import decompressed
from dlp_gateway.content.text import Account, File, Piece, Refused, UnreadableReason

MAGIC: Final = b"\x78\x9f\x3e\x22"
_HEAD: Final = struct.Struct("<BIi")  # level, attribute, length (2.1.3.1)
_ATTRIBUTES: Final = 20_000
_PROPERTIES: Final = 20_000
#: Attributes (2.1.3.2): the low half is the name, the high half the type.
_TITLE, _DATA, _RENDERING, _PROPERTY_LIST, _RECIPIENTS, _ATTACHMENT = 0x8010, 0x800F, 0x9002, 0x9003, 0x9004, 0x9005
_CODE_PAGE: Final = 0x9007
_STRING_TYPES: Final = frozenset({1, 2})  # atpTriples hold no text of their own; 1 is a string, 2 a text
#: Properties (MS-OXPROPS) and their types (MS-OXCDATA 2.11.1).
_RTF, _HTML, _ATTACHED, _LONG_NAME, _NAME = 0x1009, 0x1013, 0x3701, 0x3707, 0x3704
_STRING, _UNICODE, _OBJECT, _BINARY = 0x001E, 0x001F, 0x000D, 0x0102
_FIXED: Final = {0x02: 4, 0x03: 4, 0x04: 4, 0x0A: 4, 0x0B: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x14: 8, 0x40: 8, 0x48: 16}
_MESSAGE: Final = bytes.fromhex("0703020000000000c000000000000046")  # IID_IMessage


class _Property(NamedTuple):
    name: int
    type: int
    value: bytes


@dataclass(slots=True)
class _Found:
    """What was read so far: texts of the message, and names and contents of the attachment at hand."""

    account: Account
    charset: str = "cp1252"
    lines: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)

    def attachment(self) -> Iterator[File]:
        """Yield the attachment that ends here."""
        name = "\n".join(dict.fromkeys(filter(None, self.names)))
        for octets in self.files:
            self.account.count()
            self.account.spend(len(octets))
            yield File(name=name, content=octets)
        self.names, self.files = [], []


def read(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield the texts and files of the message."""
    found = _Found(account=account)
    place, count = 6, 0
    while place + _HEAD.size <= len(content) and count < _ATTRIBUTES:
        _, attribute, size = _HEAD.unpack_from(content, place)
        place += _HEAD.size
        value = content[place : place + max(0, size)]
        place += max(0, size) + 2
        count += 1
        if attribute & 0xFFFF == _RENDERING:
            yield from found.attachment()
        else:
            yield from _attribute(attribute, value, found)
    yield from found.attachment()
    text = "\n".join(dict.fromkeys(filter(None, found.lines)))
    if text:
        yield text
    if not 0 < count < _ATTRIBUTES or place > len(content) + 2:
        yield UnreadableReason.BROKEN


def _attribute(attribute: int, value: bytes, found: _Found) -> Iterator[Piece]:
    name, kind = attribute & 0xFFFF, attribute >> 16
    if name == _TITLE:
        found.names.append(_decoded(value, found.charset))
    elif name == _DATA:
        found.files.append(value)
    elif name == _CODE_PAGE and len(value) >= 4:
        found.charset = _codec(int.from_bytes(value[:4], "little"))
    elif name in {_PROPERTY_LIST, _ATTACHMENT, _RECIPIENTS}:
        for one in _properties(value, rows=name == _RECIPIENTS):
            if name == _ATTACHMENT and one.name == _ATTACHED:
                found.files.append(one.value.removeprefix(_MESSAGE) if one.type == _OBJECT else one.value)
            elif name == _ATTACHMENT and one.name in {_LONG_NAME, _NAME}:
                found.names.append(_string(one, found.charset))
            elif one.type in {_STRING, _UNICODE}:
                found.lines.append(_string(one, found.charset))
            elif one.name in {_RTF, _HTML} and one.type == _BINARY:
                yield from _body(one, found.account)
    elif kind in _STRING_TYPES:
        found.lines.append(_decoded(value, found.charset))


def _properties(value: bytes, *, rows: bool) -> Iterator[_Property]:
    """Yield the properties of a list, or of a table of such lists (2.1.3.4)."""
    place = 4 if rows else 0
    count = 0
    while place + 4 <= len(value) and count < _PROPERTIES:
        (expected,) = struct.unpack_from("<I", value, place)
        place += 4
        for _ in range(min(expected, _PROPERTIES)):
            if place + 4 > len(value):
                return
            kind, name = struct.unpack_from("<HH", value, place)
            place = _named(value, place + 4) if name >= 0x8000 else place + 4
            several, kind = kind & 0x1000, kind & 0xEFFF
            count += 1
            if kind in _FIXED:
                repeats = int.from_bytes(value[place : place + 4], "little") if several else 1
                place += (4 if several else 0) + _FIXED[kind] * repeats
                continue
            if kind not in {_STRING, _UNICODE, _OBJECT, _BINARY}:
                return
            repeats = int.from_bytes(value[place : place + 4], "little")
            place += 4
            for _ in range(min(repeats, _PROPERTIES)):
                size = int.from_bytes(value[place : place + 4], "little")
                yield _Property(name, kind, value[place + 4 : place + 4 + size])
                place += 4 + (size + 3) // 4 * 4
                if place > len(value):
                    return
        if not rows:
            return


def _named(value: bytes, place: int) -> int:
    """Return where a property goes on behind its name, which is a number or a string."""
    is_string = int.from_bytes(value[place + 16 : place + 20], "little")
    place += 20
    if not is_string:
        return place + 4
    return place + 4 + (int.from_bytes(value[place : place + 4], "little") + 3) // 4 * 4


def _body(one: _Property, account: Account) -> Iterator[Piece]:
    account.count()
    account.spend(len(one.value))
    if one.name == _HTML:
        yield File(name="", content=one.value, type="text/html")
        return
    try:
        yield File(name="", content=decompressed(one.value), type="text/rtf")
    except Refused as refusal:
        yield refusal.reason


def _string(one: _Property, charset: str) -> str:
    return _decoded(one.value, "utf-16-le" if one.type == _UNICODE else charset)


def _decoded(octets: bytes, charset: str) -> str:
    return octets.decode(charset, "replace").rstrip("\0").replace("\r\n", "\n")


def _codec(page: int) -> str:
    try:
        return b"".decode(f"cp{page}") or f"cp{page}"
    except LookupError:
        return "cp1252"
