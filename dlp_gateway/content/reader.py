"""Message → every text that a recipient can read, and a plain word on each part that cannot be read."""

import re
from collections.abc import Iterator
from typing import Final

from dlp_gateway.content import encryption, header, html
from dlp_gateway.content.charset import readings, strange
from dlp_gateway.content.text import Text, Unreadable, UnreadableReason, with_newlines
from dlp_gateway.mail.message import Defect, Message, Part

#: Octets of one part, and characters of all, beyond which nothing is read: more than people write, less than hurts.
PART_OCTETS: Final = 32_000_000
TOTAL_CHARACTERS: Final = 64_000_000
#: Lexbor's tree takes some twenty times its source.
HTML_OCTETS: Final = 8_000_000

_HTML: Final = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})
_ENRICHED: Final = frozenset({"text/enriched"})  # RFC 1896: tags within the text
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
#: What a client takes an untyped part for that has such a name, so far as people read it as it stands.
_BY_EXTENSION: Final = {
    **dict.fromkeys(("txt", "text", "log", "md", "asc", "csv", "tsv"), "text/plain"),
    **dict.fromkeys(("ini", "cfg", "conf", "yml", "yaml", "json", "xml", "sql"), "text/plain"),
    **dict.fromkeys(("html", "htm", "shtml"), "text/html"),
    "xhtml": "application/xhtml+xml",
    "svg": "image/svg+xml",
    "ics": "text/calendar",
    "vcf": "text/vcard",
    "rtf": "text/rtf",
}
_DAMAGE: Final = frozenset({Defect.BAD_ENCODING, Defect.UNKNOWN_ENCODING, Defect.NO_BOUNDARY})
#: In ASCII prose there are fewer letters to a blank than this; what has more is a code of some kind.
_LETTERS_A_BLANK: Final = 30
_SAMPLE: Final = 4_096
_FORMATS_IN_ASCII: Final = (b"{\\rtf", b"%PDF", b"%!PS", b"-----BEGIN PGP", b"-----BEGIN PKCS7")
_CALENDAR_FOLD: Final = re.compile(r"\r?\n[ \t]")
_META: Final = re.compile(rb"<meta\b[^>]{0,256}?charset\s{0,8}=\s{0,8}[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_MARKUP: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def read(message: Message) -> tuple[tuple[Text, ...], tuple[Unreadable, ...]]:
    """Return all readable text, header first, and every part (by path) that is not or not wholly readable."""
    texts: list[Text] = list(header.free_text(message))
    unreadable: list[Unreadable] = []
    left = TOTAL_CHARACTERS - sum(len(text.text) for text in texts)
    # RFC 3156 4, RFC 1847 2.2: what stands beside the control part is the secret.
    sealed = {_parent(part.path) for part in message.parts if part.media_type == "application/pgp-encrypted"}
    for part in message.parts:
        if part.filename:
            texts.append(Text(where=f"part:{part.path}.filename", text=part.filename))
        is_payload = part.media_type in _UNTYPED and _parent(part.path) in sealed
        for result in (*_read_part(part, is_payload=is_payload), *_damage(part)):
            if isinstance(result, UnreadableReason):
                unreadable.append(Unreadable(part=part.path, type=part.media_type, reason=result))
            elif len(result) <= left:
                left -= len(result)
                texts.append(Text(where=f"part:{part.path}", text=result))
            else:
                unreadable.append(Unreadable(part=part.path, type=part.media_type, reason=UnreadableReason.TOO_LARGE))
    return tuple(texts), tuple(unreadable)


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _read_part(part: Part, *, is_payload: bool) -> Iterator[str | UnreadableReason]:
    """Yield the part's text, if it has any, and a reason if there may be more than that."""
    kind = _kind(part)
    if not part.content:
        return
    is_sealed = is_payload or encryption.is_sealed(kind, part.filename, part.content)
    if kind in _HEADERS:
        yield header.section_text(part.content)
    elif kind in _HTML:
        yield from _decoded(part, kind, HTML_OCTETS)
    elif kind in _CODED:
        yield from _decoded(part, kind, PART_OCTETS)
        yield UnreadableReason.ATTACHMENT
    elif kind.startswith("text/") or kind in _PLAIN or kind.endswith(("+json", "+xml")):
        yield from _decoded(part, kind, PART_OCTETS)
    else:
        if _is_text(part.content):
            yield from _decoded(part, kind, PART_OCTETS)
        if not is_sealed:
            yield UnreadableReason.ATTACHMENT
    if is_sealed or encryption.is_locked(part.content):
        yield UnreadableReason.ENCRYPTED


def _kind(part: Part) -> str:
    """Return the media type, or what the name or the first octets say where the type says nothing."""
    if part.media_type not in _UNTYPED:
        return part.media_type
    if _MARKUP.match(part.content):
        return "text/html"
    return _BY_EXTENSION.get(part.filename.rpartition(".")[2].lower(), part.media_type)


def _damage(part: Part) -> Iterator[UnreadableReason]:
    """Yield `BROKEN` for what was not decoded as it should be, unless it is text that everybody can read as it is."""
    if _DAMAGE.intersection(part.defects) and part.content:
        beheld = part.content[:_SAMPLE]
        prose = beheld.count(b" ") * _LETTERS_A_BLANK > len(beheld) or not beheld.isascii()
        is_attached = not part.media_type.startswith("text/") or part.disposition == "attachment"
        if is_attached or not _is_text(beheld) or (Defect.UNKNOWN_ENCODING in part.defects and not prose):
            yield UnreadableReason.BROKEN


def _decoded(part: Part, kind: str, octets: int) -> Iterator[str | UnreadableReason]:
    """Yield all plausible readings as one text, the likeliest first, so that each offset means one place."""
    content = part.content[:octets]
    is_html = kind in _HTML
    found = readings(content, part.charset or (_meta_charset(content) if is_html else ""))
    is_excessive = is_html and any(map(html.is_excessive, found))
    if is_excessive:
        found = tuple(dict.fromkeys(map(html.loose, found)))
    elif is_html:
        found = tuple(dict.fromkeys(html.text(reading) or reading for reading in found))
    elif kind in _ENRICHED:
        found = tuple(dict.fromkeys(map(html.loose, found)))
    elif kind in _FOLDED:  # RFC 5545 3.1, RFC 6350 3.2: a line may be folded in the middle of a word
        found = tuple(_CALENDAR_FOLD.sub("", reading) for reading in found)
    if found:
        text = found[0] if len(found) == 1 else "\n\n".join(found)
        yield with_newlines(text)
    if not found or ("\ufffd" in found[0] and strange(found[0])):
        yield UnreadableReason.CHARSET
    if len(part.content) > octets or is_excessive:
        yield UnreadableReason.TOO_LARGE


def _meta_charset(content: bytes) -> str:
    """The charset that HTML declares within itself (HTML standard, 13.2.3.2); "" if it does not."""
    match = _META.search(content, 0, 4096)
    return match[1].decode("ascii") if match else ""


def _is_text(content: bytes) -> bool:
    """Whether the content is plain text whatever its type says, as anybody finds out who opens it in an editor."""
    sample = content[:_SAMPLE]
    return not content.startswith(_FORMATS_IN_ASCII) and not _BINARY.search(sample) and _is_utf_8(sample)


def _is_utf_8(sample: bytes) -> bool:
    try:
        sample.decode()
    except UnicodeDecodeError as problem:
        return len(sample) - problem.start < 4  # only the last character is cut
    return True
