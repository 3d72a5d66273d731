"""Outlook's .msg (MS-OXMSG) → every text property of the message and its recipients, its bodies and its attachments."""

from collections.abc import Iterator
from typing import Final

from dlp_gateway.content import compound
from dlp_gateway.content.compound import Compound
from dlp_gateway.content.compressed_rtf import decompressed
from dlp_gateway.content.text import Account, File, Piece, Refused, UnreadableReason

_PROPERTY: Final = "__substg1.0_"
_WIDE, _NARROW, _OCTETS = "001F", "001E", "0102"
_HTML, _RTF = "1013", "1009"
_DATA, _TYPE = "3701", "370E"
#: What is no text to people: classes, keys and addresses of a directory.
_MACHINE: Final = frozenset(
    ("001A", "0C1E", "0064", "3002", "0075", "0077", "3FFA", "1035", "1042", "1039", "0E1D", "5D0B")
)
_DEPTH: Final = 8


def is_message(names: tuple[tuple[str, ...], ...]) -> bool:
    """Return whether a compound file is a message."""
    return any(name[0].startswith("__properties_version1.0") for name in names)


def read(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield the texts and files of a message; messages that are embedded in it are read on in place."""
    file = compound.opened(content, account)
    yield from _message(file, (), account, 0)


def _message(file: Compound, storage: tuple[str, ...], account: Account, depth: int) -> Iterator[Piece]:
    if depth > _DEPTH:
        yield UnreadableReason.BOMB
        return
    texts: list[str] = []
    attachments: dict[str, None] = {}
    for path in file.below(*storage):
        inner = path[len(storage) :]
        if inner[0].startswith("__attach"):
            attachments[inner[0]] = None
        elif inner[0].startswith("__recip") or len(inner) == 1:
            tag, kind = _tag(inner[-1])
            if kind in {_WIDE, _NARROW} and tag not in _MACHINE:
                texts.append(_text(file.stream(*path), kind))
            elif tag == _HTML and kind == _OCTETS:
                yield _counted(account, File(name="", content=file.stream(*path), type="text/html"))
            elif tag == _RTF and kind == _OCTETS:
                yield from _rich(file.stream(*path), account)
    yield "\n".join(dict.fromkeys(filter(None, texts)))
    for name in attachments:
        yield from _attachment(file, (*storage, name), account, depth)


def _rich(octets: bytes, account: Account) -> Iterator[Piece]:
    try:
        yield _counted(account, File(name="", content=decompressed(octets), type="text/rtf"))
    except Refused as refusal:
        yield refusal.reason


def _attachment(file: Compound, storage: tuple[str, ...], account: Account, depth: int) -> Iterator[Piece]:
    """Yield what an attachment is: octets, a message, or an object of another program."""
    names: dict[str, str] = {}
    for path in file.below(*storage):
        tag, kind = _tag(path[-1])
        if len(path) == len(storage) + 1 and kind in {_WIDE, _NARROW}:
            names[tag] = _text(file.stream(*path), kind)
    name = "\n".join(dict.fromkeys(value for tag, value in names.items() if tag != _TYPE and value))
    content = file.stream(*storage, f"{_PROPERTY}{_DATA}{_OCTETS}")
    yield _counted(account, File(name=name, content=content, type=names.get(_TYPE, "").lower()))
    inner = (*storage, f"{_PROPERTY}{_DATA}000D")
    below = list(file.below(*inner))
    if any(len(path) == len(inner) + 1 and path[-1].startswith("__properties") for path in below):
        yield from _message(file, inner, account, depth + 1)
    else:
        yield from (_counted(account, File(name=path[-1], content=file.stream(*path))) for path in below)


def _counted(account: Account, file: File) -> File:
    account.count()
    return file


def _tag(name: str) -> tuple[str, str]:
    """Return property and type in a stream's name (2.2.1); "" and "" if it is another's."""
    if not name.startswith(_PROPERTY):
        return "", ""
    return name[len(_PROPERTY) :][:4].upper(), name[len(_PROPERTY) :][4:8].upper()


def _text(octets: bytes, kind: str) -> str:
    text = octets.decode("utf-16-le", "replace") if kind == _WIDE else octets.decode("cp1252", "replace")
    return text.replace("\r\n", "\n").strip("\0")
