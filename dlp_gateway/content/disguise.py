"""Whether a file says that it is something else than what it is: by its type, or by its name."""

from typing import Final

from dlp_gateway.content.kind import Kind
from dlp_gateway.mail.message import Part

_TEXT, _DOCUMENT, _PDF, _ARCHIVE = "text", "document", "pdf", "archive"
_PICTURE, _MEDIA, _PROGRAM = "picture", "media", "program"
_FAMILY: Final = {
    **dict.fromkeys((Kind.PLAIN, Kind.HTML, Kind.TABLE, Kind.JSON, Kind.XML, Kind.CALENDAR, Kind.MESSAGE), _TEXT),
    Kind.PDF: _PDF,
    **dict.fromkeys((Kind.OFFICE, Kind.OPEN_DOCUMENT, Kind.COMPOUND, Kind.RTF), _DOCUMENT),
    **dict.fromkeys((Kind.ZIP, Kind.SEVEN_ZIP, Kind.TAR, Kind.GZIP, Kind.BZIP2, Kind.XZ, Kind.ZSTANDARD), _ARCHIVE),
    **dict.fromkeys(
        (Kind.RAR, Kind.CABINET, Kind.DISC, Kind.LHA, Kind.CPIO, Kind.AR, Kind.XAR, Kind.PACKAGE), _ARCHIVE
    ),
    **dict.fromkeys((Kind.COMPRESSED, Kind.OTHER_ARCHIVE), _ARCHIVE),
    Kind.PICTURE: _PICTURE,
    Kind.MEDIA: _MEDIA,
    Kind.PROGRAM: _PROGRAM,
}
_EXTENSIONS: Final = {
    **dict.fromkeys(
        ["txt", "text", "log", "md", "csv", "tsv", "json", "xml", "html", "htm", "ics", "vcf", "eml"], _TEXT
    ),
    **dict.fromkeys(["doc", "docx", "xls", "xlsx", "xlsm", "ppt", "pptx", "odt", "ods", "odp", "rtf"], _DOCUMENT),
    "pdf": _PDF,
    **dict.fromkeys(
        ["zip", "7z", "tar", "gz", "tgz", "bz2", "xz", "zst", "rar", "cab", "iso", "lzh", "cpio", "deb", "rpm"],
        _ARCHIVE,
    ),
    **dict.fromkeys(["jpg", "jpeg", "png", "gif", "tif", "tiff", "bmp", "webp", "heic", "heif", "avif"], _PICTURE),
    **dict.fromkeys(["mp3", "mp4", "wav", "m4a", "mov", "avi", "mkv", "ogg", "flac", "webm"], _MEDIA),
    **dict.fromkeys(["exe", "dll", "so"], _PROGRAM),
}
_TYPES: Final = {
    "application/pdf": _PDF,
    "application/msword": _DOCUMENT,
    "application/rtf": _DOCUMENT,
    "text/rtf": _DOCUMENT,
    "application/zip": _ARCHIVE,
    "application/x-zip-compressed": _ARCHIVE,
    "application/x-7z-compressed": _ARCHIVE,
    "application/gzip": _ARCHIVE,
    "application/x-tar": _ARCHIVE,
}
#: Claims that are no lies: tables and pages are called what opens them, and documents are archives, too.
_HONEST: Final = frozenset(
    {(_DOCUMENT, _TEXT), (_ARCHIVE, _DOCUMENT), (_ARCHIVE, _PROGRAM), (_PROGRAM, _ARCHIVE), (_PICTURE, _TEXT)}
)


def is_disguised(part: Part, kind: Kind) -> bool:
    """Return whether type or name of the part claim another family of files than the one it belongs to."""
    family = _FAMILY.get(kind, "")
    if not family or not part.content:
        return False
    name = part.filename.splitlines()[0] if part.filename else ""
    return _is_lie(_claimed(part.media_type), family) or _is_lie(
        _EXTENSIONS.get(name.rpartition(".")[2].strip().lower(), ""), family
    )


def _is_lie(claim: str, family: str) -> bool:
    return bool(claim) and claim != family and (claim, family) not in _HONEST


def _claimed(media_type: str) -> str:
    main = media_type.partition("/")[0]
    if media_type == "image/svg+xml":
        return _TEXT
    if main in {"audio", "video"}:
        return _MEDIA
    if main == "image":
        return _PICTURE
    if media_type.startswith(("application/vnd.openxmlformats", "application/vnd.oasis", "application/vnd.ms-")):
        return _DOCUMENT
    return _TYPES.get(media_type, _TEXT if main == "text" else "")
