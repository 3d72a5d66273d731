"""CMS, the format of S/MIME (RFC 5652) → what was signed or compressed; what is encrypted is said so. BER and DER."""

import re
from base64 import b64decode
from binascii import Error as BadEncoding
from collections.abc import Iterator
from typing import Final, NamedTuple

from dlp_gateway.content import unpack
from dlp_gateway.content.text import Account, File, Piece, UnreadableReason

_SIGNED: Final = bytes.fromhex("2a864886f70d010702")
_COMPRESSED: Final = bytes.fromhex("2a864886f70d0109100109")  # RFC 3274
_DATA: Final = bytes.fromhex("2a864886f70d010701")
_FAMILY: Final = (bytes.fromhex("2a864886f70d0107"), bytes.fromhex("2a864886f70d01091001"))
_ARMOUR: Final = re.compile(rb"-----BEGIN (?:PKCS7|PKCS #7 SIGNED DATA|CMS)-----\s([A-Za-z0-9+/=\s]*+)-----END ")
_OBJECT, _OCTETS, _SEQUENCE, _SET = 0x06, 0x04, 0x30, 0x31
_EXPLICIT: Final = 0xA0
_CONSTRUCTED: Final = 0x20
_DEPTH: Final = 16
_VALUES: Final = 10_000
_HEAD: Final = 64


class _Value(NamedTuple):
    """One BER value: `content[start:end]` is what it holds; the next begins at `following`."""

    tag: int
    start: int
    end: int
    following: int


def is_cms(content: bytes) -> bool:
    """Return whether `content` is a ContentInfo of some kind, bare or in armour."""
    if content[:1] == bytes((_SEQUENCE,)):
        return any(b"\x06" + bytes((length,)) + one in content[:_HEAD] for one in _FAMILY for length in (9, 11))
    return content.startswith(b"-----BEGIN") and _ARMOUR.match(content) is not None


def read(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield the entity that is signed or compressed; the reason, if it is a secret."""
    armour = _ARMOUR.match(content)
    if armour:
        try:
            content = b64decode(armour[1])
        except BadEncoding:
            yield UnreadableReason.BROKEN
            return
    account.count()
    kind, inner = _content_info(content, 0, len(content))
    if kind == _SIGNED and inner is not None:
        yield from _signed(content, inner, account)
    elif kind == _COMPRESSED and inner is not None:
        yield from _compressed(content, inner, account)
    elif kind in {b"", _SIGNED, _COMPRESSED}:
        yield UnreadableReason.BROKEN
    else:
        yield UnreadableReason.ENCRYPTED_SMIME


def _signed(content: bytes, inner: _Value, account: Account) -> Iterator[Piece]:
    """Yield the content of SignedData (5.1); a detached signature has none."""
    kind, wrapped = _encapsulated(content, inner)
    if wrapped is None:
        if not kind:
            yield UnreadableReason.BROKEN
        return
    octets = b"".join(_pieces(content, wrapped, 0))
    account.spend(len(octets))
    yield File(name="", content=octets, type="message/rfc822" if kind == _DATA else "application/pkcs7-mime")


def _compressed(content: bytes, inner: _Value, account: Account) -> Iterator[Piece]:
    _, wrapped = _encapsulated(content, inner)
    if wrapped is None:
        yield UnreadableReason.BROKEN
        return
    octets = b"".join(_pieces(content, wrapped, 0))
    try:
        found, _ = unpack.one(octets, 0, len(octets), unpack.zlib_stream, account)
    except unpack.Damaged as damaged:
        found = damaged.so_far
        yield UnreadableReason.BROKEN
    yield File(name="", content=found, type="message/rfc822")


def _encapsulated(content: bytes, inner: _Value) -> tuple[bytes, _Value | None]:
    """Return type and value of the EncapsulatedContentInfo, the first sequence with an object identifier of ours."""
    for value in _values(content, inner.start, inner.end):
        if value.tag == _SEQUENCE:
            kind, wrapped = _content_info(content, value.start, value.end, is_inside=True)
            if kind:
                return kind, wrapped
    return b"", None


def _content_info(content: bytes, start: int, end: int, *, is_inside: bool = False) -> tuple[bytes, _Value | None]:
    """Return the content type and, of its [0] EXPLICIT content, the first value (5652 3, 5.2)."""
    if not is_inside:
        outer = next(_values(content, start, end), None)
        if outer is None or outer.tag != _SEQUENCE:
            return b"", None
        start, end = outer.start, outer.end
    values = _values(content, start, end)
    kind = next(values, None)
    if kind is None or kind.tag != _OBJECT:
        return b"", None
    identifier = content[kind.start : kind.end]
    if not identifier.startswith(_FAMILY):
        return b"", None
    wrapped = next(values, None)
    if wrapped is None or wrapped.tag != _EXPLICIT:
        return identifier, None
    return identifier, next(_values(content, wrapped.start, wrapped.end), None)


def _pieces(content: bytes, value: _Value, depth: int) -> Iterator[bytes]:
    """Yield an octet string, which BER may cut into pieces (X.690 8.7.3)."""
    if not value.tag & _CONSTRUCTED:
        yield content[value.start : value.end]
    elif depth < _DEPTH:
        for piece in _values(content, value.start, value.end):
            yield from _pieces(content, piece, depth + 1)


def _values(content: bytes, start: int, end: int) -> Iterator[_Value]:
    """Yield the values that stand between `start` and `end`, one behind the other."""
    place = start
    for _ in range(_VALUES):
        value = _value(content, place, end, 0) if place < end else None
        if value is None or (value.tag == 0 and value.start == value.end):
            return
        yield value
        place = value.following


def _value(content: bytes, place: int, end: int, depth: int) -> _Value | None:
    """Read tag and length (X.690 8.1); an indefinite length is found by reading what is inside."""
    if place + 2 > end or content[place] & 0x1F == 0x1F or depth > _DEPTH:
        return None
    tag, length = content[place], content[place + 1]
    place += 2
    if length == 0x80:
        inner = place
        for _ in range(_VALUES):
            if content[inner : inner + 2] == b"\0\0":
                return _Value(tag, place, inner, inner + 2)
            value = _value(content, inner, end, depth + 1)
            if value is None:
                return _Value(tag, place, end, end)
            inner = value.following
        return _Value(tag, place, end, end)
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(content[place : place + count], "big")
        place += count
    return _Value(tag, place, min(place + length, end), min(place + length, end))
