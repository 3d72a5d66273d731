"""Header bytes as text: stray octets, charsets, and RFC 2047 encoded words, tolerant to read and strict to write."""

import binascii
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from typing import Final

import numpy as np
import pybase64

from dlp_gateway.mail import charset

#: An encoded word wherever it stands: clients also decode it inside quoted strings and in the middle of a word.
WORD: Final = re.compile(r"=\?([^?\s]{1,75})\?([bBqQ])\?([^?]*+)\?=")
_STRAY_OCTETS: Final = {0xDC00 + octet: octet for octet in range(0x80, 0x100)}
#: What may stand before padding that is left out: the letters whose last four, or two, bits are nought (RFC 4648 3.5).
_LAST: Final = {2: b"AQgw", 3: b"AEIMQUYcgkosw048"}
_BLANKS: Final = b" \t\r\n"
_CRLF: Final = b"\r\n"
_WIDTH: Final = 1_000  # octets of a line; RFC 2045 6.8 has 76 letters at most
_NOT_BASE64: Final = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
#: Octets of base64 that are decoded at a time, so that those of a whole mail have no copy without their line ends.
SLICE: Final = 262_144
_PIECE: Final = 45  # octets in one encoded word: 60 characters of base64 + 12 stay within 75 (RFC 2047 section 2)


def text_of(octets: bytes) -> str:
    """Decode raw header octets: UTF-8 (RFC 6532), and what is not UTF-8 as ISO 8859-1, octet by octet."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("utf-8", "surrogateescape").translate(_STRAY_OCTETS)


def base64_octets(data: bytes, start: int = 0, end: int | None = None) -> tuple[bytes, bool]:
    """Decode base64 with junk, padding in the middle or a missing end; return the octets and whether it was clean.

    Some clients stop at the first padding, some go on behind it; all that either of them shows is decoded here. Padding
    that is left out at the end is no fault, every client adds it, unless what stands there was cut in an octet. What
    stands at the end of a large text may follow the padding for a `SLICE` at most.
    """
    end = len(data) if end is None else end
    with suppress(binascii.Error):
        if end - start < 2 * SLICE:
            return _strict(_closed(data[start:end].translate(None, _BLANKS))), True
        return _strict_in_slices(data, start, end), True
    return _lenient(data[place : min(place + SLICE, end)] for place in range(start, end, SLICE)), False


def _strict_in_slices(data: bytes, start: int, end: int) -> bytes:
    octets, rest = BytesIO(bytes((end - start) // 4 * 3 + 3)), b""  # room for all that it can be
    width = data.find(b"\n", start, start + _WIDTH) + 1 - start  # negative without a line end
    while end - start >= 2 * SLICE:
        stop = start + (SLICE - SLICE % width if 0 < width <= SLICE else SLICE)
        compact = rest + _without_blanks(data, start, stop, width)
        if b"=" in compact:
            raise binascii.Error
        whole = len(compact) - len(compact) % 4
        octets.write(_strict(compact[:whole]))
        rest = compact[whole:]
        start = stop
    octets.write(_strict(_closed(rest + data[start:end].translate(None, _BLANKS))))
    octets.truncate()
    return octets.getvalue()


def _without_blanks(data: bytes, start: int, stop: int, width: int) -> bytes:
    """Return what is no blank; lines of the same `width` are cut as one array, in a tenth of the time."""
    if width > len(_CRLF) and not (stop - start) % width:
        lines = np.frombuffer(data, _of_lines(width), (stop - start) // width, start)
        if bool((lines["end"] == int.from_bytes(_CRLF, "little")).all()):
            letters: bytes = lines["letters"].tobytes()
            has_blanks = np.frombuffer(letters, np.uint8).min() <= max(_BLANKS)
            return letters.translate(None, _BLANKS) if has_blanks else letters
    return data[start:stop].translate(None, _BLANKS)


@lru_cache(maxsize=16)
def _of_lines(width: int) -> np.dtype[np.void]:
    size = width - len(_CRLF)
    return np.dtype([("letters", f"V{size}"), ("end", "<u2")])


def _closed(compact: bytes) -> bytes:
    """Return the end of a text with its padding, where nothing but that is missing."""
    is_whole = len(compact) % 4 in {2, 3} and compact[-1:] in _LAST[len(compact) % 4]
    return compact + b"=" * (-len(compact) % 4) if is_whole else compact


def _lenient(slices: Iterable[bytes]) -> bytes:
    octets, rest = BytesIO(), b""
    for one in slices:
        *ended, rest = (rest + one.translate(None, _NOT_BASE64)).split(b"=")
        for piece in filter(None, ended):
            octets.write(binascii.a2b_base64(_padded(piece)))
        whole = len(rest) - len(rest) % 4
        octets.write(binascii.a2b_base64(rest[:whole]))
        rest = rest[whole:]
    octets.write(binascii.a2b_base64(_padded(rest)))
    return octets.getvalue()


def _strict(compact: bytes) -> bytes:
    try:
        return pybase64.b64decode(compact, validate=True)  # in a thirtieth of the time
    except binascii.Error:  # it does not take superfluous padding, which nobody minds
        return binascii.a2b_base64(compact, strict_mode=True)


def _padded(piece: bytes) -> bytes:
    whole = piece[:-1] if len(piece) % 4 == 1 else piece  # one character left over holds no octet
    return whole + b"=" * (-len(whole) % 4)


def charset_text(octets: bytes, label: str) -> tuple[str, bool]:
    """Decode `octets` by a charset label; where it is unknown or does not fit, as well as possible and with False."""
    codec = charset.codec(label)
    if not codec:
        return text_of(octets), False
    try:
        text, sound = octets.decode(codec), True
    except ValueError:  # UnicodeError and what single codecs raise besides
        text, sound = octets.decode(codec, "replace"), False
    if text.isascii() or not _SURROGATE.search(text):
        return text, sound
    return _SURROGATE.sub("\ufffd", text), False  # UTF-7 can say what nothing can write


def decode(text: str) -> tuple[str, bool]:
    """Decode all encoded words in `text`; return the text and whether every one was sound.

    White space between encoded words vanishes (RFC 2047 6.2), and octets of neighbours of one charset are joined before
    they are decoded, since many composers cut words in the middle of a character, and some in that of an octet.
    """
    if "=?" not in text:
        return text, True
    pieces: list[str] = []
    pending: list[tuple[str, str]] = []  # encoding and letters of words
    pending_label = ""
    sound = True
    position = 0

    def flush() -> bool:
        octets, whole = _joined(pending)
        decoded, good = charset_text(octets, pending_label)
        pieces.append(decoded)
        pending.clear()
        return good and whole

    for match in WORD.finditer(text):
        label = (match[1].partition("*")[0] or match[1]).lower()  # RFC 2231 section 5: a language may follow
        between = text[position : match.start()]
        if pending_label:
            joined = not between or between.isspace()
            if not joined or label != pending_label:
                sound &= flush()
            if not joined:
                pieces.append(between)
        else:
            pieces.append(between)
        pending.append((match[2].lower(), match[3]))
        pending_label = label
        position = match.end()
    if pending_label:
        sound &= flush()
    pieces.append(text[position:])
    return "".join(pieces), sound


def _joined(words: list[tuple[str, str]]) -> tuple[bytes, bool]:
    """Return the octets of neighbours, and whether each was sound; base64 that is cut in an octet is joined first."""
    *earlier, _ = letters = [letters for _, letters in words]
    is_cut = any(len(one) % 4 for one in earlier) and not any("=" in one for one in earlier)
    if is_cut and all(encoding == "b" for encoding, _ in words):
        return base64_octets("".join(letters).encode("utf-8", "replace"))[0], False
    decoded = [_word_octets(encoding, one) for encoding, one in words]
    return b"".join(octets for octets, _ in decoded), all(good for _, good in decoded)


def _word_octets(encoding: str, encoded: str) -> tuple[bytes, bool]:
    raw = encoded.encode("utf-8", "replace")
    if encoding == "b":
        return base64_octets(raw)
    return binascii.a2b_qp(raw, header=True), True


def phrase(name: str) -> bytes:
    """Write a display name afresh (RFC 5322 `phrase`): atoms, a quoted string or encoded words; never copied octets."""
    shown = " ".join("".join(character if character.isprintable() else " " for character in name).split())
    if _ATOMS.fullmatch(shown) and "=?" not in shown:
        return shown.encode()
    if shown.isascii() and "=?" not in shown and len(shown) <= _PIECE:
        return b'"%s"' % re.sub(r'(["\\])', r"\\\1", shown).encode()
    return b" ".join(b"=?utf-8?b?%s?=" % binascii.b2a_base64(piece, newline=False) for piece in _pieces(shown))


def _pieces(text: str) -> list[bytes]:
    """Cut UTF-8 between characters (RFC 2047 section 5: each word stands for whole characters)."""
    pieces = [b""]
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(pieces[-1]) + len(octets) > _PIECE:
            pieces.append(b"")
        pieces[-1] += octets
    return pieces
