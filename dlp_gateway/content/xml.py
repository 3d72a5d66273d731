"""XML → its text, a line an element (the only door to lxml).

The parser tells what it meets and builds no tree, so a document of any size costs its text only. Entities are replaced
where the document itself declares them, within libxml2's bounds; nothing is fetched.
"""

import re
from collections.abc import Iterator
from io import StringIO
from typing import Final, Protocol

from lxml import etree

from dlp_gateway.content.structured import spoken
from dlp_gateway.content.text import Account, Piece, UnreadableReason

_STEP: Final = 65_536
#: Attributes that say nothing to people.
_MACHINE: Final = frozenset({"id", "class", "style", "xmlns", "schemaLocation", "type", "lang", "space", "version"})
_LONGEST_ATTRIBUTE: Final = 65_536
#: Open elements: libxml2 bounds them only where it builds a tree, and takes forty octets for each.
_DEPTH: Final = 10_000
#: Attributes of one element, for each of which libxml2 and lxml take two hundred octets.
_ATTRIBUTES: Final = 10_000
_CROWDED: Final = re.compile(
    rb"""<[^\s<>/!?]++(?:\s++[^\s<>=]++\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+')){%d}""" % (_ATTRIBUTES + 1)
)
#: So many octets without a tag are in one that is crowded: an attribute takes five, and "<" stands in none.
_WINDOW: Final = 5 * _ATTRIBUTES // 2
_BEGINNING: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s{0,256}<(?:\?\w|(?![!/])[A-Za-z_][\w.:-]{0,128}[\s/>]|!DOCTYPE\b|!--)"
)
_WIDE: Final = ("\ufeff<?xml".encode("utf-16-le"), "\ufeff<?xml".encode("utf-16-be"), "<?xml".encode("utf-16-le"))


def is_xml(content: bytes) -> bool:
    """Return whether `content` begins as an XML document does."""
    return _BEGINNING.match(content) is not None or content.startswith(_WIDE)


class Listener(Protocol):
    """What is told of a document, in its order."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins; names are with their namespace, `{uri}name`."""
        ...

    def end(self, tag: str, /) -> None:
        """An element ends."""
        ...

    def data(self, text: str) -> None:
        """Text, perhaps in several pieces."""
        ...

    def close(self) -> object:
        """The document ends."""
        ...


def tell(content: bytes, listener: Listener) -> bool:
    """Tell `listener` what is in `content`; return whether it was well-formed. What is broken is read so far.

    Nothing is told where an element has more attributes than anybody writes (see `_ATTRIBUTES`).
    """
    if is_crowded(content):
        return False
    parser = etree.XMLParser(
        target=listener,
        resolve_entities="internal",
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=False,
    )
    try:
        for start in range(0, len(content), _STEP):
            parser.feed(content[start : start + _STEP])
        parser.close()
    except (etree.XMLSyntaxError, ValueError, LookupError):
        return False
    return True


def is_crowded(content: bytes) -> bool:
    """Return whether an element has too many attributes; no more than a look at a few octets of most documents."""
    place = 0
    while place + _WINDOW <= len(content):
        if content.find(b"<", place, place + _WINDOW) < 0:
            begin = content.rfind(b"<", 0, place)
            if begin >= 0 and _CROWDED.match(content, begin):
                return True
            following = content.find(b"<", place)
            place = following if following >= 0 else len(content)
        place += _WINDOW
    return False


def local(tag: str) -> str:
    """Return the name of an element or attribute without its namespace."""
    return tag.rpartition("}")[2]


class _Lines:
    """Writes "name: text" for each element and attribute, for in XML the name of an element is its label."""

    def __init__(self) -> None:
        self._written = StringIO()  # a list of short lines takes several times what they say
        self._pending: list[str] = []
        self._open: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._flush()
        name = spoken(local(tag))
        self._open.append(name)
        if self.is_too_deep:
            raise ValueError("elements are nested too deep")
        for key, value in attributes.items():
            if value.strip() and local(key) not in _MACHINE and len(value) < _LONGEST_ATTRIBUTE:
                self._write(f"{spoken(local(key))}: {value}")

    def end(self, _: str) -> None:
        self._flush()
        if self._open:
            self._open.pop()

    def data(self, text: str) -> None:
        self._pending.append(text)

    def comment(self, text: str) -> None:
        self._write(text)

    def pi(self, _: str, data: str | None = None) -> None:
        if data:
            self._write(data)

    def close(self) -> None:
        self._flush()

    @property
    def is_too_deep(self) -> bool:
        """Whether elements are nested deeper than anybody nests them."""
        return len(self._open) > _DEPTH

    @property
    def text(self) -> str:
        """What was written."""
        return self._written.getvalue()

    def _write(self, line: str) -> None:
        if self._written.tell():
            self._written.write("\n")
        self._written.write(line)

    def _flush(self) -> None:
        text = "".join(self._pending).strip()
        self._pending.clear()
        if text:
            self._write(f"{self._open[-1]}: {text}" if self._open else text)


def text(content: bytes) -> str:
    """Return the text of an XML document of any kind, so far as it is well-formed."""
    listener = _Lines()
    tell(content, listener)
    return listener.text


def read(content: bytes, _: Account) -> Iterator[Piece]:
    """Yield the text of an XML document of any kind; of one that is crowded or too deep, its source."""
    if is_crowded(content):
        yield content.decode("utf-8", "replace")
        yield UnreadableReason.TOO_LARGE
        return
    listener = _Lines()
    well_formed = tell(content, listener)
    if text := listener.text:
        yield text
    if listener.is_too_deep:
        yield content.decode("utf-8", "replace")
    if not well_formed:
        yield UnreadableReason.BROKEN
