"""What reading yields: `Text`, `File` and `Unreadable`, and `Account`, which bounds it all."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from io import StringIO
from typing import Final

_LONE_CR: Final = re.compile(rb"\r(?!\n)")  # a third of the time of counting CR LF
_LARGE: Final = 1_000_000  # characters
#: Octets of one part or file, and characters of all, beyond which nothing is read: more than people write, less than
#: hurts.
PART_OCTETS: Final = 16_000_000
TOTAL_CHARACTERS: Final = 64_000_000
#: Octets of one file that comes out of another, and of all of them; what is larger is no mail to people.
UNPACKED_OCTETS: Final = 64_000_000
TOTAL_UNPACKED_OCTETS: Final = 256_000_000
#: How many files come out of others, and how deep they may lie within each other.
FILES: Final = 2_000
DEPTH: Final = 12
#: How many pictures and scanned pages are searched for text, which takes a second each.
LOOKS: Final = 12
#: Seconds for all of them: pictures of noise take longer than any text.
LOOK_SECONDS: Final = 12.0
#: Pixels of one picture that is developed, and of all of them: more than cameras make.
PIXELS: Final = 50_000_000
TOTAL_PIXELS: Final = 300_000_000
#: What honest files expand by: spreadsheets of equal rows reach a hundred. Small ones may do what they like.
_RATIO: Final = 200
_SMALL: Final = 10_000_000


class UnreadableReason(StrEnum):
    """Why a part could not be read, or only with doubt; policy sees each as the finding kind `unreadable.<value>`."""

    ATTACHMENT = "attachment"  # a kind of file for which there is no reader
    ARCHIVE = "archive"  # an archive for which there is none
    MEDIA = "media"  # sound and moving pictures
    PICTURE = "picture"  # a picture, and no reader of pictures is installed
    IDENTITY_PICTURE = "identity-picture"  # a picture that looks like an identity document
    CHARSET = "charset"  # no codec, or the bytes do not fit any plausible one
    ENCRYPTED_ZIP = "encrypted.zip"
    ENCRYPTED_7Z = "encrypted.7z"
    ENCRYPTED_RAR = "encrypted.rar"
    ENCRYPTED_OFFICE = "encrypted.office"  # documents of word processors, spreadsheets and the like
    ENCRYPTED_PDF = "encrypted.pdf"
    ENCRYPTED_SMIME = "encrypted.smime"
    ENCRYPTED_PGP = "encrypted.pgp"
    BROKEN = "broken"  # the structure or the encoding is damaged
    BOMB = "bomb"  # it expands beyond all measure, or lies deeper than anybody digs
    AMBIGUOUS = "ambiguous"  # programs see different things in it; each was read
    DISGUISED = "disguised"  # it says that it is something else than what it is; it was read as what it is
    TOO_LARGE = "too-large"  # a bound was reached


class Refused(Exception):  # noqa: N818 - what a reader does
    """A file cannot be read any further, and why; what was yielded before stays."""

    def __init__(self, reason: UnreadableReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Readable text. `where` is "header:Subject" or "part:1.2"; offsets in findings count code points of `text`."""

    where: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A part that a recipient may be able to read and we are not: `part` is its path, `type` its media type."""

    part: str
    type: str
    reason: UnreadableReason


def with_newlines(text: str) -> str:
    r"""Return `text` with LF for each CRLF; leaving out single characters takes a tenth of the time of replacing two.

    In a large text, two copies more cost as much.

    >>> with_newlines("a\r\nb\rc")
    'a\nb\rc'
    """
    if len(text) > _LARGE or not text.isascii():
        return text.replace("\r\n", "\n")
    data = text.encode("ascii")
    if b"\r" not in data:
        return text
    return text.replace("\r\n", "\n") if _LONE_CR.search(data) else data.replace(b"\r", b"").decode("ascii")


def replaced(expression: re.Pattern[str], written: Callable[[re.Match[str]], str], text: str) -> str:
    """Return what `re.sub` does; that keeps a list of the pieces of a large text, which takes several times the text.

    >>> replaced(re.compile("[0-9]+"), lambda number: f"<{number[0]}>", "a 12 b 3")
    'a <12> b <3>'
    """
    if len(text) < _LARGE:
        return expression.sub(written, text)
    done = 0
    pieces = StringIO()
    for match in expression.finditer(text):
        pieces.write(text[done : match.start()])
        pieces.write(written(match))
        done = match.end()
    if not done:
        return text
    pieces.write(text[done:])
    return pieces.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that lies in another: in an archive, a document, a message. `type` is what is said of it, often ""."""

    name: str
    content: bytes = field(repr=False)
    type: str = ""


#: What a reader yields, in the order in which it stands in the file.
Piece = str | File | UnreadableReason


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRead:
    """What became of one part or file: its place, names, `kind` by content ("pdf"), and what was read of it."""

    path: str
    name: str
    type: str
    kind: str
    octets: int
    characters: int
    reasons: tuple[UnreadableReason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that was read of a message, and what was not; `parts` is the tree of it by path."""

    texts: tuple[Text, ...]
    unreadable: tuple[Unreadable, ...]
    parts: tuple[PartRead, ...]


@dataclass(slots=True)
class Account:
    """How much may still be unpacked of one message; readers draw on it before they make anything larger."""

    octets: int = TOTAL_UNPACKED_OCTETS
    files: int = FILES
    looks: int = LOOKS
    look_seconds: float = LOOK_SECONDS
    pixels: int = TOTAL_PIXELS

    def allowed(self, packed: int) -> int:
        """Return to how many octets `packed` of them may expand."""
        return max(0, min(self.octets, UNPACKED_OCTETS, max(_SMALL, _RATIO * packed)))

    def excess(self, packed: int) -> UnreadableReason:
        """Return what to call a file of `packed` octets that expands beyond what is allowed."""
        by_ratio = _RATIO * packed <= min(self.octets, UNPACKED_OCTETS)
        return UnreadableReason.BOMB if by_ratio or self.octets <= 0 else UnreadableReason.TOO_LARGE

    def spend(self, octets: int) -> None:
        """Note that so many octets were unpacked; raise `Refused` when there have been too many."""
        self.octets -= octets
        if self.octets < 0:
            raise Refused(UnreadableReason.BOMB)

    def develop(self, pixels: int) -> bool:
        """Note that a picture of so many pixels is developed; return whether it may be."""
        if pixels > min(PIXELS, self.pixels):
            return False
        self.pixels -= pixels
        return True

    def look(self) -> None:
        """Note that one more picture is searched for text; raise `Refused` when there have been too many."""
        self.looks -= 1
        if self.looks < 0 or self.look_seconds <= 0:
            raise Refused(UnreadableReason.PICTURE)

    def count(self) -> None:
        """Note one more file; raise `Refused` when there have been too many."""
        self.files -= 1
        if self.files < 0:
            raise Refused(UnreadableReason.BOMB)
