"""Message → every text that a recipient can read, and a plain word on each part that cannot be read."""

import re
from collections.abc import Iterator
from typing import Final

from dlp_gateway.content import header, html
from dlp_gateway.content.charset import readings, strange
from dlp_gateway.content.text import Text, Unreadable, UnreadableReason
from dlp_gateway.mail.message import Message, Part

#: Octets of one part, and characters of all, beyond which nothing is read: more than people write, less than hurts.
PART_OCTETS: Final = 32_000_000
TOTAL_CHARACTERS: Final = 64_000_000
#: Lexbor's tree takes some twenty times its source.
HTML_OCTETS: Final = 8_000_000

_HTML: Final = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})
_FOLDED: Final = frozenset({"text/calendar", "text/vcard", "text/x-vcard", "text/directory", "application/ics"})
_HEADERS: Final = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
_PLAIN: Final = frozenset(
    {
        "application/csv",
        "application/javascript",
        "application/json",
        "application/sql",
        "application/x-csv",
        "application/x-yaml",
        "application/xml",
        "application/yaml",
        "message/delivery-status",
        "message/disposition-notification",
        "message/feedback-report",
        "message/global-delivery-status",
        "message/global-disposition-notification",
    }
)
#: Text on the wire that is not the text that people see: what can be read is read, and said to be incomplete.
_CODED: Final = frozenset({"text/rtf", "text/richtext", "text/troff", "application/rtf", "application/postscript"})
#: Types that say nothing, so that a client goes by the name or by the content.
_UNTYPED: Final = frozenset(
    {"", "application/octet-stream", "application/unknown", "application/download", "unknown/unknown"}
)
_FORMATS_IN_ASCII: Final = (b"{\\rtf", b"%PDF", b"%!PS", b"-----BEGIN PGP", b"-----BEGIN PKCS7")
_CALENDAR_FOLD: Final = re.compile(r"\r?\n[ \t]")
_META: Final = re.compile(rb"<meta\b[^>]{0,256}?charset\s{0,8}=\s{0,8}[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def read(message: Message) -> tuple[tuple[Text, ...], tuple[Unreadable, ...]]:
    """Return all readable text, header first, and every part (by path) that is not or not wholly readable."""
    texts: list[Text] = list(header.free_text(message))
    unreadable: list[Unreadable] = []
    left = TOTAL_CHARACTERS - sum(len(text.text) for text in texts)
    for part in message.parts:
        if part.filename:
            texts.append(Text(where=f"part:{part.path}.filename", text=part.filename))
        for result in _read_part(part):
            if isinstance(result, UnreadableReason):
                unreadable.append(Unreadable(part=part.path, type=part.media_type, reason=result))
            elif len(result) <= left:
                left -= len(result)
                texts.append(Text(where=f"part:{part.path}", text=result))
            else:
                unreadable.append(Unreadable(part=part.path, type=part.media_type, reason=UnreadableReason.TOO_LARGE))
    return tuple(texts), tuple(unreadable)


def _read_part(part: Part) -> Iterator[str | UnreadableReason]:
    """Yield the part's text, if it has any, and a reason if there may be more than that."""
    kind = part.media_type
    if not part.content:
        return
    if kind in _HEADERS:
        yield header.section_text(part.content)
    elif kind in _HTML:
        yield from _decoded(part, HTML_OCTETS, is_html=True)
    elif kind in _CODED:
        yield from _decoded(part, PART_OCTETS, is_html=False)
        yield UnreadableReason.ATTACHMENT
    elif kind.startswith("text/") or kind in _PLAIN or kind.endswith(("+json", "+xml")):
        yield from _decoded(part, PART_OCTETS, is_html=False)
    else:
        is_text = _is_text(part.content)
        if is_text:
            yield from _decoded(part, PART_OCTETS, is_html=False)
        if not is_text or kind not in _UNTYPED:
            yield UnreadableReason.ATTACHMENT


def _decoded(part: Part, octets: int, *, is_html: bool) -> Iterator[str | UnreadableReason]:
    """Yield all plausible readings as one text, the likeliest first, so that each offset means one place."""
    content = part.content[:octets]
    found = readings(content, part.charset or (_meta_charset(content) if is_html else ""))
    if is_html:
        found = tuple(dict.fromkeys(html.text(reading) or reading for reading in found))
    elif part.media_type in _FOLDED:  # RFC 5545 3.1, RFC 6350 3.2: a line may be folded in the middle of a word
        found = tuple(_CALENDAR_FOLD.sub("", reading) for reading in found)
    if found:
        text = found[0] if len(found) == 1 else "\n\n".join(found)
        yield text.replace("\r\n", "\n")
    if not found or ("\ufffd" in found[0] and strange(found[0])):
        yield UnreadableReason.CHARSET
    if len(part.content) > octets:
        yield UnreadableReason.TOO_LARGE


def _meta_charset(content: bytes) -> str:
    """The charset that HTML declares within itself (HTML standard, 13.2.3.2); "" if it does not."""
    match = _META.search(content, 0, 4096)
    return match[1].decode("ascii") if match else ""


def _is_text(content: bytes) -> bool:
    """Whether the content is plain text whatever its type says, as anybody finds out who opens it in an editor."""
    sample = content[:4096]
    return not content.startswith(_FORMATS_IN_ASCII) and not _BINARY.search(sample) and _is_utf_8(sample)


def _is_utf_8(sample: bytes) -> bool:
    try:
        sample.decode()
    except UnicodeDecodeError as problem:
        return len(sample) - problem.start < 4  # only the last character is cut
    return True
