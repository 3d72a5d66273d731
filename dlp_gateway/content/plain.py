"""Parts that are text on the wire → text: charsets, markup, calendars, tables, each in every plausible reading."""

import quopri
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Final
from urllib.parse import unquote

from dlp_gateway.content import bidi, html, inline, structured
from dlp_gateway.content.charset import readings, strange
from dlp_gateway.content.kind import Kind
from dlp_gateway.content.text import PART_OCTETS, Piece, UnreadableReason, with_newlines
from dlp_gateway.mail.message import Part

#: Lexbor's tree takes some twenty times its source.
HTML_OCTETS: Final = 8_000_000

_META: Final = re.compile(rb"<meta\b[^>]{0,256}?charset\s{0,8}=\s{0,8}[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_OWN_FONT: Final = re.compile(rb"@font-face\s*+\{[^{}]{0,2000}?url\([\s'\"]{0,8}data:", re.IGNORECASE)
_QUOTED: Final = re.compile(r"=[0-9A-Fa-f]{2}(?:=[0-9A-Fa-f]{2}){7}")
#: Eight and more of each in a row are a text, and not what ordinary ones have of them.
_PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2}){8}")
_ENTITIES: Final = re.compile(r"(?:&#x?[0-9A-Fa-f]{1,6};){8}")
_ESCAPES: Final = re.compile(r"(?:\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})){8}")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2}))")
_MARKS: Final = re.compile(r"[*_`~\\]+")
_FURTHER: Final = frozenset({Kind.PLAIN, Kind.HTML, Kind.JSON, Kind.TABLE})
_RENDERED: Final[dict[Kind, Callable[[str], str]]] = {
    Kind.ENRICHED: html.loose,
    Kind.TABLE: structured.table,
    Kind.JSON: structured.json_text,
}


def read(part: Part, kind: Kind, *, holds_files: bool = True) -> Iterator[Piece]:
    """Yield all plausible readings as one text, the likeliest first, so that each offset means one place.

    `holds_files` is false where somebody has looked that plain text has no file in it.
    """
    octets = HTML_OCTETS if kind is Kind.HTML else PART_OCTETS
    content = part.content[:octets]
    found = readings(content, part.charset or (_meta_charset(content) if kind is Kind.HTML else ""))
    # Letters of a font of its own may look like any others; files that carry one, such as reports, are opened at will.
    is_body = not part.filename and part.disposition != "attachment"
    has_font = kind is Kind.HTML and is_body and _OWN_FONT.search(content) is not None
    del content  # of a part that is too large, it is a copy
    is_excessive = kind is Kind.HTML and any(map(html.is_excessive, found))
    if is_excessive:
        found = tuple(dict.fromkeys(map(html.loose, found)))
    elif kind is Kind.HTML:
        found = tuple(dict.fromkeys(html.text(reading) or reading for reading in found))
    elif kind in _RENDERED:
        found = tuple(dict.fromkeys(map(_RENDERED[kind], found)))
    elif kind is Kind.CALENDAR:
        pieces = [list(structured.calendar(reading)) for reading in found]
        found = tuple(dict.fromkeys(piece for reading in pieces for piece in reading if isinstance(piece, str)))
        attached = tuple(piece for piece in (pieces[0] if pieces else ()) if not isinstance(piece, str))
        del pieces  # they have the texts, too
        yield from attached
    if kind in _FURTHER and (further := [other for reading in found for other in _further(reading, part)]):
        found = tuple(dict.fromkeys((*found, *further)))
    is_doubtful = not found or ("\ufffd" in found[0] and strange(found[0]))
    if found:
        texts = [found[0] if len(found) == 1 else "\n\n".join(found)]
        del found
        yield bidi.with_overrides(with_newlines(texts.pop()))
    if is_doubtful:
        yield UnreadableReason.CHARSET
    if has_font:
        yield UnreadableReason.AMBIGUOUS
    if part.octets > octets or is_excessive:
        yield UnreadableReason.TOO_LARGE
    if kind is Kind.PLAIN and holds_files:
        yield from inline.files(part.content[:octets])
    elif kind is Kind.HTML:
        yield from inline.linked(part.content[:octets])
    if kind is Kind.CODED:
        yield UnreadableReason.ATTACHMENT


def _further(reading: str, part: Part) -> Iterator[str]:
    """Yield a text as programs show it that undo marks of their own: an encoding that no header tells of, Markdown."""
    if "=" in reading and _QUOTED.search(reading):  # nearly all texts have none
        yield quopri.decodestring(reading.encode("utf-8", "replace")).decode("utf-8", "replace")
    if "%" in reading and _PERCENT.search(reading):
        yield unquote(reading)
    if "&" in reading and _ENTITIES.search(reading):
        yield unescape(reading)
    if "\\" in reading and _ESCAPES.search(reading):
        yield _ESCAPE.sub(_character, reading)
    if "markdown" in part.media_type or part.filename.lower().endswith(".md"):
        yield _MARKS.sub("", reading)


def _character(escape: re.Match[str]) -> str:
    code = int(escape[1] or escape[2], 16)
    return escape[0] if 0xD800 <= code < 0xE000 else chr(code)


def _meta_charset(content: bytes) -> str:
    """The charset that HTML declares within itself (HTML standard, 13.2.3.2); "" if it does not."""
    match = _META.search(content, 0, 4096)
    return match[1].decode("ascii") if match else ""
