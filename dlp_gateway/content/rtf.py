r"""Rich Text Format 1.9 → text: hidden, deleted, in headers, notes and fields, and the objects and pictures in it.

A reader of our own, since what others skip (headers, notes, properties) leaves the house like the rest. It knows which
destinations are for programs; every other one is read, whether it is known or not. What tears a word, and is not seen
there by everybody, is read as it is seen, too.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from dlp_gateway.content import views
from dlp_gateway.content.text import PART_OCTETS, Account, File, Piece, Refused, UnreadableReason

_TOKEN: Final = re.compile(
    rb"\\([A-Za-z]{1,32})(-?\d{1,10})? ?|\\'([0-9A-Fa-f]{2})|\\([^A-Za-z])|([{}])|[\r\n\0]+|([^\\{}\r\n\0]+)"
)
_DEPTH: Final = 1_000
_FILES: Final = 500
#: Destinations that are tables of the program's own.
_TABLES: Final = frozenset(
    (
        b"fonttbl",
        b"colortbl",
        b"stylesheet",
        b"listtable",
        b"listoverridetable",
        b"rsidtbl",
        b"themedata",
        b"datastore",
        b"colorschememapping",
        b"latentstyles",
        b"xmlnstbl",
        b"generator",
        b"revtbl",
        b"mmathPr",
        b"wgrffmtfilter",
        b"filetbl",
        b"pgptbl",
        b"blipuid",
        b"panose",
        b"falt",
        b"fontemb",
        b"objclass",
        b"passwordhash",
    )
)
_BREAKS: Final = {
    **dict.fromkeys((b"par", b"line", b"row", b"page", b"sect", b"column", b"softline", b"nestrow"), "\n"),
    **dict.fromkeys((b"tab", b"cell", b"nestcell"), "\t"),
    **dict.fromkeys((b"emdash", b"endash"), "-"),
    **dict.fromkeys((b"lquote", b"rquote"), "'"),
    **dict.fromkeys((b"ldblquote", b"rdblquote"), '"'),
    **dict.fromkeys((b"emspace", b"enspace", b"qmspace"), " "),
    b"bullet": "*",
}
_SIGNS: Final = {b"~": "\u00a0", b"_": "-", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n", b"\r": "\n", b"\t": "\t"}
#: Destinations beside the flow of the text, each on a line of its own.
_ASIDE: Final = frozenset(
    (
        b"header",
        b"headerl",
        b"headerr",
        b"headerf",
        b"footer",
        b"footerl",
        b"footerr",
        b"footerf",
        b"footnote",
        b"annotation",
        b"title",
        b"subject",
        b"author",
        b"keywords",
        b"comment",
        b"doccomm",
        b"company",
        b"manager",
        b"category",
        b"hlinkbase",
        b"docvar",
        b"userprops",
        b"propname",
        b"staticval",
        b"fldinst",
        b"shptxt",
        b"atnid",
    )
)
#: Properties of characters, which not everybody sees; a 0 behind the word, or \plain, ends them.
_PASSAGES: Final = {
    **dict.fromkeys((b"deleted", b"strike", b"striked"), views.DELETED),
    b"revised": views.INSERTED,
    **dict.fromkeys((b"v", b"webhidden"), views.UNSEEN),
}
#: Charsets of fonts (\fcharsetN) as code pages.
_CHARSETS: Final = {
    0: 1252,
    2: 1252,
    77: 10000,
    128: 932,
    129: 949,
    130: 1361,
    134: 936,
    136: 950,
    161: 1253,
    162: 1254,
    163: 1258,
    177: 1255,
    178: 1256,
    186: 1257,
    204: 1251,
    222: 874,
    238: 1250,
    255: 437,
}
_OLE: Final = b"\x01\x05\x00\x00"


@dataclass(frozen=True, slots=True)
class _Group:
    """What holds between two braces."""

    is_table: bool = False
    is_aside: bool = False
    hexadecimal: bool = False  # an object or a picture
    skipped: int = 1  # characters for old programs behind each \u
    font: int = -1
    is_unseen: bool = False  # it is for programs that know it, or beside the flow of the text
    passages: frozenset[bytes] = frozenset()  # words that say that not everybody sees it


@dataclass(slots=True)
class _State:
    """What was read so far."""

    pieces: list[str] = field(default_factory=list)
    octets: bytearray = field(default_factory=bytearray)  # characters that wait for their charset
    digits: list[bytes] = field(default_factory=list)
    fonts: dict[int, int] = field(default_factory=dict)
    page: int = 1252
    font: int = -1  # whose charset the waiting octets are in
    marks: str = ""  # of passages that are open

    def flush(self) -> None:
        """Decode what waits: characters of East Asia are two octets, which may be written in two ways."""
        if self.octets:
            page = self.fonts.get(self.font, self.page)
            try:
                text = self.octets.decode(f"cp{page}", "replace")
            except LookupError:
                text = self.octets.decode("latin-1")
            self.pieces.append(views.without_marks(text))
            self.octets.clear()

    def put(self, text: str) -> None:
        """Add text that needs no charset."""
        self.flush()
        self.pieces.append(views.without_marks(text))

    def mark(self, group: _Group) -> None:
        """Note which passages of a group begin and end before what comes."""
        marks = _marks(group)
        if marks != self.marks:
            self.flush()
            self.pieces += (views.ENDS[mark] for mark in self.marks if mark not in marks)
            self.pieces += (mark for mark in marks if mark not in self.marks)
            self.marks = marks


def _marks(group: _Group) -> str:
    marks = "".join(sorted({_PASSAGES[word] for word in group.passages})) if group.passages else ""
    return marks if not group.is_unseen or views.UNSEEN in marks else marks + views.UNSEEN


def is_rtf(content: bytes) -> bool:
    """Return whether programs take it for RTF; Word asks for no more of a version."""
    return content[:256].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rt")


def read(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield the text, and what is embedded."""
    state = _State()
    files: list[bytes] = []
    try:
        _tokens(content[:PART_OCTETS], state, files)
    except Refused as refusal:
        yield refusal.reason
    state.flush()
    text = "".join(state.pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    state.pieces.clear()
    yield views.readings(text)
    for octets in files:
        account.count()
        account.spend(len(octets))
        yield _embedded(octets)


def _tokens(content: bytes, state: _State, files: list[bytes]) -> None:
    """Go through the tokens; binary data is stepped over by its length."""
    group = _Group()
    groups: list[_Group] = []
    place = skip = 0
    while place < len(content):
        token = _TOKEN.match(content, place)
        if token is None:
            place += 1
            continue
        place = token.end()
        word, number, _, _, brace, _ = token.groups()
        if brace == b"{":
            if len(groups) >= _DEPTH:
                raise Refused(UnreadableReason.BOMB)
            groups.append(group)
        elif brace == b"}":
            group, skip = _left(group, groups, state, files), 0
        elif word == b"bin":
            length = max(0, int(number or 0))
            _keep_binary(group, content[place : place + length], files)
            place += length
        elif word == b"u" and number and not group.is_table:
            state.mark(group)
            state.put(chr(int(number) & 0xFFFF))  # a signed number, half of a pair beyond the first plane
            skip = group.skipped
        elif word is not None:
            group = _controlled(group, word, int(number) if number else None, state)
        elif token[0] == b"\\*":  # a destination that programs skip which do not know it
            group = replace(group, is_unseen=True)
        elif not group.is_table:
            state.mark(group)
            skip = _said(token, group, state, skip)


def _said(token: re.Match[bytes], group: _Group, state: _State, skip: int) -> int:
    """Take text, or one character of it; return how many characters for old programs are still to be skipped."""
    _, _, hexadecimal, sign, _, text = token.groups()
    if group.hexadecimal:
        state.digits += [text] if text else []
    elif skip:
        _write(text[skip:] if text else b"", group, state)
        return max(0, skip - (len(text) if text else 1))
    elif hexadecimal:
        _write(binascii.unhexlify(hexadecimal), group, state)
    elif text:
        _write(text, group, state)
    elif sign in _SIGNS:
        state.put(_SIGNS[sign])
    return 0


def _write(octets: bytes, group: _Group, state: _State) -> None:
    if state.font != group.font:
        state.flush()
        state.font = group.font
    state.octets += octets


def _controlled(group: _Group, word: bytes, value: int | None, state: _State) -> _Group:
    """Return the group as it is behind a control word."""
    if word in _TABLES:
        return replace(group, is_table=True, hexadecimal=False)
    if word in {b"objdata", b"pict", b"themedata"}:
        state.flush()
        return replace(group, hexadecimal=True)
    if word in _ASIDE:
        group = replace(group, is_aside=True, is_unseen=True)
        state.mark(group)
        state.put("\n")
        return group
    if word in _BREAKS and not group.is_table:
        state.mark(group)
        state.put(_BREAKS[word])
    elif word in _PASSAGES:
        return replace(group, passages=group.passages - {word} if value == 0 else group.passages | {word})
    elif word == b"plain" and group.passages:
        return replace(group, passages=group.passages & {b"deleted", b"revised"})
    elif word == b"uc" and value is not None:
        return replace(group, skipped=min(max(value, 0), 8))
    elif word == b"f" and value is not None:
        return replace(group, font=value)
    elif word == b"fcharset" and value is not None:
        state.fonts[group.font] = _CHARSETS.get(value, state.page)
    elif word == b"ansicpg" and value is not None:
        state.page = value
    elif word == b"mac":
        state.page = 10000
    elif word in {b"pc", b"pca"}:
        state.page = 437 if word == b"pc" else 850
    return group


def _left(group: _Group, groups: list[_Group], state: _State, files: list[bytes]) -> _Group:
    """Close a group and return the one around it."""
    outer = groups.pop() if groups else _Group()
    if group.hexadecimal and not outer.hexadecimal:
        digits = b"".join(state.digits).translate(None, b" \t")
        state.digits.clear()
        if len(digits) > 1 and len(files) < _FILES:
            try:
                files.append(binascii.unhexlify(digits[: len(digits) // 2 * 2]))
            except binascii.Error:
                state.put(digits.decode("latin-1"))
    if group.is_aside and not outer.is_aside:
        state.mark(group)
        state.put("\n")
    return outer


def _keep_binary(group: _Group, octets: bytes, files: list[bytes]) -> None:
    if not group.is_table and octets and len(files) < _FILES:
        files.append(octets)


def _embedded(octets: bytes) -> File:
    """Return the file in an OLE 1 object (MS-OLEDS 2.2.5), or a picture as it is."""
    if octets.startswith(_OLE):
        place = 8  # version, kind
        for _ in range(3):  # class, topic, item
            place += 4 + int.from_bytes(octets[place : place + 4], "little")
        octets = octets[place + 4 : place + 4 + int.from_bytes(octets[place : place + 4], "little")]
    return packaged(octets) or File(name="", content=octets)


def packaged(octets: bytes) -> File | None:
    """Return the file in a packager's stream: two octets, label, path, eight octets, path, size, content (2.3.6)."""
    if not octets.startswith(b"\x02\x00"):
        return None
    names = []
    place = 2
    for skipped in (0, 0, 8):
        start = place + skipped
        place = octets.find(b"\0", start, start + 1_024) + 1
        if not place:
            return None
        names.append(octets[start : place - 1].decode("cp1252", "replace"))
    size = int.from_bytes(octets[place : place + 4], "little")
    return File(name=names[0], content=octets[place + 4 : place + 4 + size])
