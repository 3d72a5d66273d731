"""Content-Transfer-Encoding undone (RFC 2045 6) as the most forgiving client would undo it."""

import binascii
import re
from typing import Final

from dlp_gateway.mail.encoded_word import base64_octets
from dlp_gateway.mail.message import Defect

_WORD: Final = re.compile(rb"[A-Za-z0-9_-]++")
#: Encodings by how some write them, without "x", "-" and "_" (RFC 2045 6.1 has but one spelling of each).
_SPELLINGS: Final = {
    "base64": "base64",
    "quotedprintable": "quoted-printable",
    "uuencode": "uuencode",
    "uue": "uuencode",
}
#: Encodings by which octets become others.
CHANGING: Final = frozenset(_SPELLINGS.values())
#: Encodings that change nothing.
IDENTITY: Final = frozenset({"7bit", "8bit", "binary", ""})
_KNOWN: Final = IDENTITY.union(CHANGING) - {""}
# White space before a line end was added on the way and goes (RFC 2045 6.7 (3)); the look-behind keeps this linear.
_TRAILING_BLANKS: Final = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")
_BAD_ESCAPE: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n|\Z)")
_UU_BEGIN: Final = re.compile(rb"(?:\A|\n)begin [0-7]{3,4} [^\n]*+\n")


def encodings_named(body: bytes) -> tuple[str, ...]:
    """Return what encodings a field body may mean, lower case: each that it names, else its first word.

    So no comment, list, quotes or encoded word hides one.
    """
    words = [_spelt(word.decode().lower()) for word in _WORD.findall(body)] or [""]
    return tuple(dict.fromkeys(word for word in words if word in _KNOWN)) or (words[0],)


def _spelt(token: str) -> str:
    return _SPELLINGS.get(token.replace("-", "").replace("_", "").removeprefix("x"), token)


def decode(content: bytes, encoding: str) -> tuple[bytes, tuple[Defect, ...]]:
    """Return the octets that `content` stands for; an unknown encoding leaves it as it is (`UNKNOWN_ENCODING`)."""
    if encoding in IDENTITY:
        return content, ()
    if encoding == "base64":
        octets, clean = base64_octets(content)
        return octets, () if clean else (Defect.BAD_ENCODING,)
    if encoding == "quoted-printable":
        tidy = (
            _TRAILING_BLANKS.sub(b"", content)
            if b" \r" in content or b" \n" in content or b"\t" in content
            else content
        )
        return binascii.a2b_qp(tidy), (Defect.BAD_ENCODING,) if _BAD_ESCAPE.search(tidy) else ()
    if encoding == "uuencode":
        return _uudecoded(content)
    return content, (Defect.UNKNOWN_ENCODING,)


def _uudecoded(content: bytes) -> tuple[bytes, tuple[Defect, ...]]:
    begin = _UU_BEGIN.search(content)
    if begin is None:
        return content, (Defect.BAD_ENCODING,)
    octets = bytearray()
    for line in filter(None, content[begin.end() :].splitlines()):
        if line.strip() == b"end":
            return bytes(octets), ()
        try:
            octets += binascii.a2b_uu(line)
        except binascii.Error:
            return bytes(octets), (Defect.BAD_ENCODING,)
    return bytes(octets), (Defect.BAD_ENCODING,)
