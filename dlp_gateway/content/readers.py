"""Which reader reads which kind of file. Readers are loaded when they are first needed, in workers before any mail."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Final, cast

from dlp_gateway.content import traces
from dlp_gateway.content.kind import Kind
from dlp_gateway.content.text import Account, File, Piece, UnreadableReason

Reader = Callable[[bytes, Account], Iterator[Piece]]

_READERS: Final = {
    Kind.PDF: ("pdf", "read"),
    Kind.OFFICE: ("office", "read"),
    Kind.OPEN_DOCUMENT: ("opendocument", "read"),
    Kind.FLAT_DOCUMENT: ("opendocument", "read_flat"),
    Kind.IWORK: ("iwork", "read"),
    Kind.COMPOUND: ("legacy_office", "read"),
    Kind.OUTLOOK_MESSAGE: ("outlook_message", "read"),
    Kind.TNEF: ("tnef", "read"),
    Kind.RTF: ("rtf", "read"),
    Kind.XML: ("xml", "read"),
    Kind.ZIP: ("archive", "zipped"),
    Kind.SEVEN_ZIP: ("archive", "seven_zipped"),
    Kind.TAR: ("archive", "tarred"),
    Kind.GZIP: ("archive", "gzipped"),
    Kind.BZIP2: ("archive", "bzipped"),
    Kind.XZ: ("archive", "xzipped"),
    Kind.ZSTANDARD: ("archive", "zstandard"),
    Kind.RAR: ("foreign_archive", "rarred"),
    Kind.CABINET: ("foreign_archive", "cabinet"),
    Kind.DISC: ("foreign_archive", "disc"),
    Kind.LHA: ("foreign_archive", "lha"),
    Kind.CPIO: ("foreign_archive", "cpio"),
    Kind.AR: ("foreign_archive", "ar"),
    Kind.XAR: ("foreign_archive", "xar"),
    Kind.PACKAGE: ("foreign_archive", "package"),
    Kind.COMPRESSED: ("foreign_archive", "compressed"),
    Kind.MAILBOX: ("mailbox", "messages"),
    Kind.CMS: ("cms", "read"),
    Kind.PGP: ("pgp", "read"),
    Kind.DATABASE: ("database", "read"),
    Kind.PICTURE: ("picture", "read"),
}
#: Kinds without a reader, and what that is called.
_UNREAD: Final = {
    Kind.OTHER_ARCHIVE: UnreadableReason.ARCHIVE,
    Kind.MEDIA: UnreadableReason.MEDIA,
    Kind.PROGRAM: UnreadableReason.ATTACHMENT,
    Kind.UNKNOWN: UnreadableReason.ATTACHMENT,
}
#: How archives begin that stand behind the program that unpacks them; ZIP is found by its end.
_BEHIND_PROGRAMS: Final = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"MSCF\0\0\0\0")
#: Octets at either end of a recording in which its title and its author stand.
_TITLES: Final = 100_000


def pieces(kind: Kind, content: bytes, account: Account) -> Iterator[Piece]:
    """Yield what the reader of `kind` finds; of what nobody reads, the traces of text in it and why."""
    if kind in _READERS:
        yield from _reader(kind)(content, account)
        return
    is_long = kind is Kind.MEDIA and len(content) > 2 * _TITLES
    found = traces.runs(content[:_TITLES] + content[-_TITLES:] if is_long else content)
    if found:
        yield found
    if kind is Kind.PROGRAM:  # archives that open themselves
        starts = (content.find(signature) for signature in _BEHIND_PROGRAMS)
        yield from (File(name="", content=content[start:]) for start in starts if start > 0)
    yield _UNREAD[kind]


def load() -> None:
    """Load every reader, so that no message waits for it, and none is loaded where files can no longer be opened."""
    for kind in _READERS:
        _reader(kind)
    import_module("dlp_gateway.content.ocr").engine()


def _reader(kind: Kind) -> Reader:
    module, function = _READERS[kind]
    return cast("Reader", getattr(import_module(f"dlp_gateway.content.{module}"), function))
