"""What a file is: told by its content, and by type and name only where the content may be several things.

A file may be several kinds at once: a picture with an archive behind it is both, and is read as both.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import filetype

from dlp_gateway.content import cms, mailbox, pgp, rtf, zip_archive
from dlp_gateway.mail.message import Part


class Kind(StrEnum):
    """What a file is to its reader."""

    PLAIN = "text"
    HTML = "html"
    ENRICHED = "enriched text"
    HEADER = "header"
    CALENDAR = "calendar or card"
    TABLE = "table"
    JSON = "json"
    XML = "xml"
    CODED = "coded text"  # text for printers and typesetters
    RTF = "rtf"
    MESSAGE = "message"
    MAILBOX = "mailbox"
    PDF = "pdf"
    OFFICE = "office document"
    OPEN_DOCUMENT = "opendocument"
    FLAT_DOCUMENT = "flat opendocument"
    IWORK = "iwork objects"
    COMPOUND = "compound file"
    OUTLOOK_MESSAGE = "outlook message"
    TNEF = "winmail.dat"
    ZIP = "zip"
    SEVEN_ZIP = "7z"
    TAR = "tar"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTANDARD = "zstandard"
    RAR = "rar"
    CABINET = "cab"
    DISC = "disc image"
    LHA = "lha"
    CPIO = "cpio"
    AR = "ar"
    XAR = "xar"
    PACKAGE = "rpm"
    COMPRESSED = "compressed"  # by compress, lzip or LZ4
    OTHER_ARCHIVE = "archive"
    DATABASE = "database"
    PICTURE = "picture"
    MEDIA = "sound or film"
    PROGRAM = "program"
    CMS = "s/mime"
    PGP = "pgp"
    UNKNOWN = "unknown"


#: Kinds that are read in place, by nothing but the text of the message itself.
TEXTUAL: Final = frozenset(
    (Kind.PLAIN, Kind.HTML, Kind.ENRICHED, Kind.HEADER, Kind.CALENDAR, Kind.TABLE, Kind.JSON, Kind.CODED)
)

_SIGNATURES: Final = (
    (b"%PDF-", Kind.PDF),
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
    (b"PK00PK\x03\x04", Kind.ZIP),
    (b"PK\x07\x08PK\x03\x04", Kind.ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.COMPOUND),
    (b"7z\xbc\xaf\x27\x1c", Kind.SEVEN_ZIP),
    (b"\x1f\x8b\x08", Kind.GZIP),
    (b"BZh", Kind.BZIP2),
    (b"\xfd7zXZ\x00", Kind.XZ),
    (b"\x5d\x00\x00", Kind.XZ),
    (b"\x28\xb5\x2f\xfd", Kind.ZSTANDARD),
    (b"\x78\x9f\x3e\x22", Kind.TNEF),
    (b"Rar!\x1a\x07", Kind.RAR),
    (b"MSCF", Kind.CABINET),
    (b"ISc(", Kind.OTHER_ARCHIVE),
    (b"\x60\xea", Kind.OTHER_ARCHIVE),  # ARJ
    (b"\x1f\x9d", Kind.COMPRESSED),
    (b"LZIP", Kind.COMPRESSED),
    (b"\x04\x22\x4d\x18", Kind.COMPRESSED),  # LZ4
    (b"!<arch>\n", Kind.AR),
    (b"xar!", Kind.XAR),
    (b"070701", Kind.CPIO),
    (b"070702", Kind.CPIO),
    (b"070707", Kind.CPIO),
    (b"\xc7\x71", Kind.CPIO),
    (b"\x71\xc7", Kind.CPIO),
    (b"\xed\xab\xee\xdb", Kind.PACKAGE),
    (b"EGGA", Kind.OTHER_ARCHIVE),
    (b"!BDN", Kind.OTHER_ARCHIVE),  # a mailbox of Outlook's
    (b"MSWIM\0\0\0", Kind.OTHER_ARCHIVE),
    (b"conectix", Kind.OTHER_ARCHIVE),  # disks of virtual machines, which Windows opens as folders
    (b"vhdxfile", Kind.OTHER_ARCHIVE),
    (b"KDMV", Kind.OTHER_ARCHIVE),
    (b"QFI\xfb", Kind.OTHER_ARCHIVE),
    (b"StuffIt ", Kind.OTHER_ARCHIVE),
    (b"ITSF", Kind.OTHER_ARCHIVE),  # compiled help
    (b"SQLite format 3\0", Kind.DATABASE),
    (b"\xff\xd8\xff", Kind.PICTURE),
    (b"\x89PNG\r\n\x1a\n", Kind.PICTURE),
    (b"GIF87a", Kind.PICTURE),
    (b"GIF89a", Kind.PICTURE),
    (b"II*\x00", Kind.PICTURE),
    (b"MM\x00*", Kind.PICTURE),
    (b"II+\x00", Kind.PICTURE),
    (b"\x00\x00\x00\x0cjP  ", Kind.PICTURE),
    (b"\xff\x4f\xff\x51", Kind.PICTURE),
    (b"\xd7\xcd\xc6\x9a", Kind.PICTURE),  # WMF
    (b"8BPS", Kind.PICTURE),
    (b"MZ", Kind.PROGRAM),
    (b"\x7fELF", Kind.PROGRAM),
    (b"\xca\xfe\xba\xbe", Kind.PROGRAM),
    (b"\xcf\xfa\xed\xfe", Kind.PROGRAM),
)
_MAGIC: Final = (*(signature for signature, _ in _SIGNATURES), b"{\\rt")
#: Kinds that hold other files as they are.
_CONTAINERS: Final = frozenset(
    (
        *(Kind.TNEF, Kind.COMPOUND, Kind.TAR, Kind.RAR, Kind.CABINET, Kind.DISC, Kind.LHA, Kind.CPIO, Kind.AR),
        *(Kind.XAR, Kind.PACKAGE, Kind.OTHER_ARCHIVE),
    )
)
#: Signatures that ordinary words may begin with.
_WORDS: Final = frozenset(
    (
        *(b"BZh", b"MZ", b"MSCF", b"LZIP", b"xar!", b"ISc(", b"EGGA", b"ITSF", b"8BPS", b"conectix", b"vhdxfile"),
        *(b"KDMV", b"StuffIt ", b"070701", b"070702", b"070707"),
    )
)
#: Signatures that nothing else begins with by chance.
_CERTAIN: Final = tuple(signature for signature, _ in _SIGNATURES if len(signature) > 2 and signature not in _WORDS)
_RIFF_PICTURE: Final = re.compile(
    rb"RIFF....WEBP|....ftyp(?:hei|hev|mif1|msf1|avi[fs])|BM....\0\0\0\0....[\x0c\x28\x6c\x7c]", re.DOTALL
)
_METAFILE: Final = re.compile(rb"\x01\0\0\0.{36} EMF|\x01\0\x09\0\0[\x01\x03]", re.DOTALL)
_LHA: Final = re.compile(rb"..-l[hz][0-9ds]-", re.DOTALL)
_PDF_WITHIN: Final = 1_024
_TAR: Final = re.compile(rb"ustar(?:\0|  \0)")
_ARMOUR: Final = b"-----BEGIN PGP MESSAGE-----"

_HTML_TYPES: Final = frozenset({"text/html", "text/x-amp-html", "application/xhtml+xml", "image/svg+xml"})
_MESSAGES: Final = frozenset({"message/rfc822", "message/global", "message/news"})
_HEADERS: Final = frozenset({*_MESSAGES, "text/rfc822-headers", "message/global-headers"})
_BY_TYPE: Final = {
    **dict.fromkeys(_HTML_TYPES, Kind.HTML),
    **dict.fromkeys(_HEADERS, Kind.HEADER),
    "text/enriched": Kind.ENRICHED,  # RFC 1896: tags within the text
    **dict.fromkeys(
        ("text/calendar", "text/vcard", "text/x-vcard", "text/directory", "application/ics", "text/x-vcalendar"),
        Kind.CALENDAR,
    ),
    **dict.fromkeys(
        ("text/csv", "text/tab-separated-values", "application/csv", "application/x-csv", "text/x-csv"), Kind.TABLE
    ),
    **dict.fromkeys(("application/json", "text/json", "application/x-ndjson"), Kind.JSON),
    **dict.fromkeys(("application/xml", "text/xml"), Kind.XML),
    **dict.fromkeys(("text/richtext", "text/troff", "application/postscript"), Kind.CODED),
    **dict.fromkeys(
        (
            "application/javascript",
            "application/sql",
            "application/x-yaml",
            "application/yaml",
            "message/delivery-status",
            "message/disposition-notification",
            "message/feedback-report",
            "message/global-delivery-status",
            "message/global-disposition-notification",
        ),
        Kind.PLAIN,
    ),
}
#: The type of a message that lies in a file, which nobody has taken apart yet.
EMBEDDED: Final = "message/x-embedded"
#: Types that say nothing, so that a client goes by the name or by the content.
UNTYPED: Final = frozenset(
    {"", "application/octet-stream", "application/unknown", "application/download", "unknown/unknown"}
)
#: What a client takes a file for that has such a name, so far as people read it as it stands.
_BY_EXTENSION: Final = {
    **dict.fromkeys(("txt", "text", "log", "md", "asc", "ini", "cfg", "conf", "yml", "yaml", "sql"), Kind.PLAIN),
    **dict.fromkeys(("csv", "tsv", "tab"), Kind.TABLE),
    **dict.fromkeys(("json", "jsonl", "ndjson", "geojson"), Kind.JSON),
    **dict.fromkeys(("html", "htm", "shtml", "xhtml", "svg", "xht"), Kind.HTML),
    **dict.fromkeys(("ics", "ifb", "vcf", "vcs", "vcard", "ical"), Kind.CALENDAR),
    **dict.fromkeys(("ps", "eps", "man"), Kind.CODED),
    "xml": Kind.XML,
}
_MARKUP: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s{0,64}(?:<\?xml[^>]{0,256}>\s{0,64})?(?:<!--.{0,512}?-->\s{0,64})?"
    rb"<(?:!doctype (?:html|svg)|html|head|body|svg|table|div|meta)\b",
    re.IGNORECASE | re.DOTALL,
)
_XML: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}<\?xml\b")
_FLAT: Final = re.compile(rb"<office:document[\s>]")
_CALENDAR: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}BEGIN:V(?:CALENDAR|CARD)\b", re.IGNORECASE)
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_SAMPLE: Final = 4_096


def of(part: Part) -> tuple[Kind, ...]:
    """Return what the part is, each kind as which some program opens it, the most obvious first."""
    content = part.content
    is_body = part.media_type.startswith("text/") and not part.filename and part.disposition != "attachment"
    if is_body and not content.startswith(_MAGIC) and _ARMOUR not in content:
        return (_textual(part, is_body=True),)
    if part.media_type in _HEADERS:
        return (Kind.HEADER,)
    if part.media_type == EMBEDDED:
        return (Kind.MESSAGE,)
    found = list(dict.fromkeys(_binary(part)))
    if not found:
        found.append(_other(part, is_body=is_body))
    elif _ARMOUR in content and found == [Kind.PGP] and is_text(content):
        found.insert(0, _textual(part, is_body=is_body))
    return tuple(found)


def bears_signature(content: bytes) -> bool:
    """Return whether `content` begins as only files of a binary format do."""
    return content.startswith(_CERTAIN)


def _binary(part: Part) -> "list[Kind]":
    """Return the kinds of which `content` bears the signs."""
    content = part.content
    found: list[Kind] = []
    for signature, kind in _SIGNATURES:
        if content.startswith(signature) and not (signature in _WORDS and is_text(content)):
            found.append(kind)
    found += _signed_further_in(content)
    if content.find(b"%PDF-", 1, _PDF_WITHIN) > 0 and b"%%EOF" in content[-2_048:]:
        found.append(Kind.PDF)
    if Kind.ZIP not in found and _has_archive(content, found):
        found.append(Kind.ZIP)
    if Kind.ZIP in found:
        found[found.index(Kind.ZIP)] = _zipped(content)
    if Kind.COMPOUND in found and "__properties_version1.0".encode("utf-16-le") in content:
        found[found.index(Kind.COMPOUND)] = Kind.OUTLOOK_MESSAGE
    if rtf.is_rtf(content):
        found.append(Kind.RTF)
    if _ARMOUR in content or part.media_type == "application/pgp-encrypted":
        found.append(Kind.PGP)
    if cms.is_cms(content):
        found.append(Kind.CMS)
    return found


def _signed_further_in(content: bytes) -> Iterator[Kind]:
    """Yield the kinds whose signs do not stand at the beginning."""
    if _RIFF_PICTURE.match(content) or _METAFILE.match(content):
        yield Kind.PICTURE
    if _LHA.match(content):
        yield Kind.LHA
    if content.startswith(b"**ACE**", 7):
        yield Kind.OTHER_ARCHIVE
    if _TAR.match(content, 257):
        yield Kind.TAR
    match content[0x8001:0x8006]:
        case b"CD001":
            yield Kind.DISC
        case b"BEA01":  # UDF alone
            yield Kind.OTHER_ARCHIVE


def _has_archive(content: bytes, found: "list[Kind]") -> bool:
    """Whether programs find an archive behind what the content begins with, and not only within one of its files."""
    behind = zip_archive.appended(content)
    if behind < 0:
        return False
    if found and found[0] is Kind.PDF:
        return content.rfind(b"%%EOF") < len(content) - behind - 22
    return not (found and found[0] in _CONTAINERS) or not behind


def _zipped(content: bytes) -> Kind:
    """An archive is a document if it says so within."""
    if content.startswith(b"mimetypeapplication/vnd.oasis.opendocument", 30):
        return Kind.OPEN_DOCUMENT
    if b"[Content_Types].xml" in content:
        return Kind.OFFICE
    return Kind.OPEN_DOCUMENT if b"META-INF/manifest.xml" in content and b"content.xml" in content else Kind.ZIP


def _other(part: Part, *, is_body: bool) -> Kind:
    """Return the kind of what bears no sign of a binary format."""
    content, name = part.content, part.filename.lower()
    if part.media_type in {"application/pkcs7-mime", "application/x-pkcs7-mime"} or name.endswith(".p7m"):
        return Kind.CMS
    if name.endswith(".iwa") and content.startswith(b"\0"):
        return Kind.IWORK
    if name.endswith((".pgp", ".gpg")) or (pgp.is_packets(content) and not is_text(content)):
        return Kind.PGP
    if is_text(content) or content.startswith(_WIDE) or _is_text_of_a_charset(part):
        return _textual(part, is_body=is_body)
    guessed = filetype.guess(content[:_SAMPLE])
    family = guessed.mime.partition("/")[0] if guessed else ""
    if family in {"audio", "video"}:
        return Kind.MEDIA
    return Kind.PICTURE if family == "image" and guessed.extension != "dwg" else Kind.UNKNOWN


def _is_text_of_a_charset(part: Part) -> bool:
    """Whether it is said to be text and may be, in a charset with octets that plain text has not."""
    is_text_type = part.media_type.startswith("text/") or part.media_type in _BY_TYPE
    extension = part.filename.lower().rpartition(".")[2]
    if not is_text_type and extension not in _BY_EXTENSION and part.media_type not in UNTYPED:
        return False
    return is_text_type or extension in _BY_EXTENSION or not _BINARY.search(part.content[:_SAMPLE])


def _textual(part: Part, *, is_body: bool) -> Kind:
    """Return which kind of text it is: as it says, else as it looks."""
    content = part.content
    if not is_body:
        if _MARKUP.match(content):
            return Kind.HTML
        if _CALENDAR.match(content):
            return Kind.CALENDAR
        if _XML.match(content):
            return Kind.FLAT_DOCUMENT if _FLAT.search(content[:_SAMPLE]) else Kind.XML
        if mailbox.is_box(content):
            return Kind.MAILBOX
        if mailbox.is_message(content):
            return Kind.MESSAGE
    if part.media_type in _BY_TYPE:
        return _BY_TYPE[part.media_type]
    if part.media_type.endswith("+json"):
        return Kind.JSON
    if part.media_type.endswith("+xml"):
        return Kind.XML
    if part.media_type in UNTYPED or part.filename:
        return _BY_EXTENSION.get(part.filename.lower().rpartition(".")[2], Kind.PLAIN)
    return Kind.PLAIN


def is_text(content: bytes) -> bool:
    """Return whether it is plain text whatever its type says, as anybody finds out who opens it in an editor."""
    sample = content[:_SAMPLE]
    return not _BINARY.search(sample) and _is_utf_8(sample)


def _is_utf_8(sample: bytes) -> bool:
    try:
        sample.decode()
    except UnicodeDecodeError as problem:
        return len(sample) - problem.start < 4  # only the last character is cut
    return True
