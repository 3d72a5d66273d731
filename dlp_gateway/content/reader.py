"""Message → every text that a recipient can read, and a plain word on each part that cannot be read."""

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from dlp_gateway.content import cms, encoded, header, machine_readable_zone, pgp, plain, readers
from dlp_gateway.content.disguise import is_disguised
from dlp_gateway.content.inline import links_files, may_hold
from dlp_gateway.content.kind import EMBEDDED, TEXTUAL, UNTYPED, Kind, is_text, of
from dlp_gateway.content.text import (
    DEPTH,
    PART_OCTETS,
    TOTAL_CHARACTERS,
    Account,
    File,
    PartRead,
    Piece,
    Reading,
    Refused,
    Text,
    Unreadable,
    UnreadableReason,
)
from dlp_gateway.mail.header import HEADER_OCTETS
from dlp_gateway.mail.message import Defect, Message, Part
from dlp_gateway.mail.parse import UNREAD, parse

_DAMAGE: Final = frozenset({Defect.BAD_ENCODING, Defect.UNKNOWN_ENCODING, Defect.NO_BOUNDARY})
#: In ASCII prose there are fewer letters to a blank than this; what has more is a code of some kind.
_LETTERS_A_BLANK: Final = 30
_SAMPLE: Final = 4_096
#: What readers and the libraries behind them raise over files that are not as their format has it.
_FAULTS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
    struct.error,
)


class NotInPlace(Exception):  # noqa: N818 - what a message is
    """Among what lies in its texts is a file that takes a reader, so that a worker has to read the message."""


def read(message: Message, *, in_place: bool = False) -> tuple[tuple[Text, ...], tuple[Unreadable, ...]]:
    """Return all readable text, header first, and every part (by path) that is not or not wholly readable.

    Raise `NotInPlace` if that is asked for and the message cannot be read without readers that may be made to hurt.
    """
    found = read_all(message, in_place=in_place)
    return found.texts, found.unreadable


def read_all(message: Message, *, in_place: bool = False) -> Reading:
    """Return what `read` does, and the tree of the parts with what was read of each."""
    walk = _Walk(in_place=in_place)
    for text in header.free_text(message):
        walk.keep(text)
        for number, file in enumerate(encoded.files(text.text), 1):
            walk.part(_as_part(file, f"0.{number}"), 1)
    # RFC 3156 4, RFC 1847 2.2: what stands beside the control part is the secret.
    sealed = {_parent(part.path) for part in message.parts if part.media_type == "application/pgp-encrypted"}
    for part in message.parts:
        is_payload = part.media_type in UNTYPED and _parent(part.path) in sealed
        walk.part(part, 0, (Kind.PGP,) if is_payload else None)
    return Reading(texts=tuple(walk.texts), unreadable=tuple(walk.unreadable), parts=tuple(walk.parts))


def is_plain(part: Part) -> bool:
    """Return whether the part is read as it stands, by no reader of a format that could be made to hurt."""
    if not part.content:
        return True
    kinds = of(part)
    if kinds == (Kind.UNKNOWN,):  # searched for traces of text, as fast as any text
        return True
    if len(kinds) > 1 or kinds[0] not in TEXTUAL:
        return False
    # What holds files is read with them.
    match kinds[0]:
        case Kind.PLAIN:
            return not may_hold(part.content)
        case Kind.HTML:
            return not links_files(part.content)
        case Kind.CALENDAR:
            return b"ENCODING" not in part.content.upper()
        case _:
            return True


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


class _Walk:
    """Goes through parts and the files in them, and keeps what was read; bounded by one account for all."""

    def __init__(self, *, in_place: bool) -> None:
        self._in_place = in_place
        self.texts: list[Text] = []
        self.unreadable: list[Unreadable] = []
        self.parts: list[PartRead] = []
        self._account = Account()
        self._left = TOTAL_CHARACTERS

    def keep(self, text: Text) -> bool:
        """Keep a text if there is room for it."""
        if len(text.text) > self._left:
            return False
        self._left -= len(text.text)
        self.texts.append(text)
        if machine_readable_zone.may_hold(text.text):
            zones = machine_readable_zone.found(text.text)
            if zones and zones not in text.text:  # what readers of pictures tell has them already
                self.texts.append(replace(text, text=zones))
        return True

    def part(self, part: Part, depth: int, kinds: tuple[Kind, ...] | None = None) -> None:
        """Read a part, or a file in one, and whatever lies in that; as `kinds`, if it is known what it must be."""
        if self._in_place and depth and not is_plain(part):
            raise NotInPlace
        if part.filename:
            self.keep(Text(where=f"part:{part.path}.filename", text=part.filename))
        kinds = (kinds or of(part)) if part.content else ()
        place = len(self.parts)
        reasons: dict[UnreadableReason, None] = {}
        characters = 0
        members = 0
        try:
            for piece in self._pieces(part, kinds, depth):
                if isinstance(piece, File):
                    members += 1
                    self.part(_as_part(piece, f"{part.path}.{members}"), depth + 1)
                elif isinstance(piece, Part):
                    self.part(replace(piece, path=f"{part.path}.{piece.path}"), depth + 1)
                elif isinstance(piece, UnreadableReason):
                    reasons[piece] = None
                elif self.keep(Text(where=f"part:{part.path}", text=piece)):
                    characters += len(piece)
                    for file in encoded.files(piece):
                        members += 1
                        self.part(_as_part(file, f"{part.path}.{members}"), depth + 1)
                else:
                    reasons[UnreadableReason.TOO_LARGE] = None
        except MemoryError:  # what was read so far stays
            reasons[UnreadableReason.TOO_LARGE] = None
        if reasons:
            told = part.media_type or (kinds[0].value.replace(" ", "-") if kinds else "")
            self.unreadable += (Unreadable(part=part.path, type=told, reason=reason) for reason in reasons)
        self.parts.insert(
            place,
            PartRead(
                path=part.path,
                name=part.filename,
                type=part.media_type,
                kind=" and ".join(kinds),
                octets=part.octets,
                characters=characters,
                reasons=tuple(reasons),
            ),
        )

    def _pieces(self, part: Part, kinds: tuple[Kind, ...], depth: int) -> Iterator[Piece | Part]:
        """Yield what each reader finds, and what is odd about the part; nothing that a file does to one is raised."""
        if depth > DEPTH:
            yield UnreadableReason.BOMB
            return
        for kind in kinds:
            try:
                yield from self._read_as(kind, part)
            except Refused as refusal:
                yield refusal.reason
            except MemoryError:
                yield UnreadableReason.TOO_LARGE
            except RecursionError:
                yield UnreadableReason.BOMB
            except _FAULTS:
                yield UnreadableReason.BROKEN
        if len(kinds) > 1 and kinds[0] not in TEXTUAL:
            yield UnreadableReason.AMBIGUOUS
        # RFC 2046 5.2.2: of a message/partial the rest is in other mails.
        if Defect.AMBIGUOUS in part.defects or part.media_type == "message/partial":
            yield UnreadableReason.AMBIGUOUS
        if part.left_out:
            yield UnreadableReason.TOO_LARGE
        if kinds and is_disguised(part, kinds[0]):
            yield UnreadableReason.DISGUISED
        yield from _damage(part)

    def _read_as(self, kind: Kind, part: Part) -> Iterator[Piece | Part]:
        if kind is Kind.HEADER:
            yield header.section_text(part.content)
            if part.octets > HEADER_OCTETS:
                yield UnreadableReason.TOO_LARGE
        elif kind in TEXTUAL:
            yield from plain.read(part, kind, holds_files=not self._in_place)  # see `is_plain`
        elif kind is Kind.MESSAGE:
            yield from _message(part.content, self._account)
        elif part.octets > PART_OCTETS:
            yield UnreadableReason.TOO_LARGE
        elif kind in {Kind.CMS, Kind.PGP}:
            yield from _opened(kind, part, self._account)
        else:
            yield from readers.pieces(kind, part.content, self._account)


def _as_part(file: File, path: str) -> Part:
    return Part(
        path=path,
        media_type=EMBEDDED if file.type == "message/rfc822" else file.type,
        charset="",
        filename=file.name,
        disposition="attachment",
        content=file.content,
    )


def _opened(kind: Kind, part: Part, account: Account) -> Iterator[Piece]:
    """Yield what is in an envelope that may be sealed; what is not even an envelope counts as sealed."""
    if kind is Kind.CMS:
        # What S/MIME holds is told by the content, not by the smime-type parameter (RFC 8551 3.2.2).
        is_open, content = cms.is_cms(part.content), part.content
        sealed = UnreadableReason.ENCRYPTED_SMIME
    else:
        content = pgp.armoured(part.content) or part.content
        is_open, sealed = pgp.is_packets(content), UnreadableReason.ENCRYPTED_PGP
    if is_open:
        yield from readers.pieces(kind, content, account)
    else:
        yield sealed


def _message(content: bytes, account: Account) -> Iterator[Piece | Part]:
    """Yield the header's text of a message that lies in a file, and its parts, for the same reader."""
    message = parse(content)
    yield header.section_text(content[: message.body_start])
    for part in message.parts:
        account.count()
        account.spend(len(part.content))
        yield part
    if UNREAD.intersection(message.defects):
        yield UnreadableReason.TOO_LARGE


def _damage(part: Part) -> Iterator[UnreadableReason]:
    """Yield `BROKEN` for what was not decoded as it should be, unless it is text that everybody can read as it is."""
    if _DAMAGE.intersection(part.defects) and part.content:
        beheld = part.content[:_SAMPLE]
        prose = beheld.count(b" ") * _LETTERS_A_BLANK > len(beheld) or not beheld.isascii()
        is_attached = not part.media_type.startswith("text/") or part.disposition == "attachment"
        if is_attached or not is_text(beheld) or (Defect.UNKNOWN_ENCODING in part.defects and not prose):
            yield UnreadableReason.BROKEN
