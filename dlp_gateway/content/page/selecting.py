"""Selectors of CSS → the elements that they mean, in time that grows with the page and no faster.

Lexbor walks back and forth for each element: `a ~ b ~ c` takes the cube of as many siblings as there are, descendants
of descendants take powers of the depth, `:nth-child()` a square. So it is asked for one compound selector at a time,
each once, and what stands between them (Selectors 4, 14) is a single pass over the elements in their order.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress
from operator import and_
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

#: Signs of a selector: an escape, a string, a combinator with its blanks, a bracket, or what a compound is made of.
_SIGN: Final = re.compile(
    r"""\\[0-9A-Fa-f]{1,6}\s?|\\.|"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|\s*+[,>+~]\s*+|\s++|[()\[\]]"""
    r"""|[^\s,>+~()\[\]"'\\]++|.""",
    re.DOTALL,
)
_BETWEEN: Final = frozenset({"", ">", "+", "~"})
_COUNTED: Final = re.compile(r"(:nth-[a-z-]+)\(\s*+[-+n0-9oddev\s]*+\)", re.IGNORECASE)
#: What makes Lexbor walk to other elements from each, in brackets from each of those, too; names may hide in escapes.
_WALKS: Final = re.compile(
    r":(?:nth-|has\(|(?:first|last|only)-of-type)|:[\w-]*+\\|[>+~](?!=)|(?<![\s(,>+~])\s++(?![),>+~])", re.IGNORECASE
)
#: A compound selector up to its pseudo-classes, each of which can only leave elements out.
_PLAIN: Final = re.compile(r"(?:[^:\[\\]|\\.|\[(?:[^\]\"']|\"[^\"]*+\"|'[^']*+')*+\])*+", re.DOTALL)

#: Elements that may be visited: so many times those of a page, and more in a small one.
_TIMES: Final = 60
_VISITS: Final = 6_000_000
#: What else takes the time of a visit or of several: an element that is found or passed here, steps within Lexbor, and
#: characters of attributes that it compares.
_ELEMENT: Final = 4
_STEPS: Final = 16
_CHARACTERS: Final = 100
#: Selectors that are looked up, each of which visits every element, and elements that they find in all.
RULES: Final = 60
_MATCHES: Final = 6_000


@dataclass(frozen=True, slots=True)
class _Order:
    """Of each element the place of its parent and of the one beside it, -1 for none, and how far Lexbor would walk."""

    places: dict[int, int]
    parents: list[int]
    beside: list[int]
    steps: int  # from all elements to those around them
    farthest: int  # from one element


def _order(nodes: list[LexborNode], asides: int) -> _Order:
    places = {node.mem_id: place for place, node in enumerate(nodes)}
    parents = [places.get(node.parent.mem_id, -1) if node.parent is not None else -1 for node in nodes]
    beside: list[int] = []
    depths: list[int] = []
    last = [-1] * (len(nodes) + 1)
    widths = [asides] * (len(nodes) + 1)
    for place, parent in enumerate(parents):
        beside.append(last[parent])
        last[parent] = place
        widths[parent] += 1
        depths.append(depths[parent] + 1 if parent >= 0 else 0)
    steps = sum(depths) + sum(map(widths.__getitem__, parents))
    return _Order(places, parents, beside, steps, max(depths, default=0) + max(widths))


@dataclass
class Finder:
    """Finds elements of a tree by selectors, as long as there are visits left."""

    tree: LexborHTMLParser
    nodes: list[LexborNode]
    asides: int = 0  # comments, which stand beside elements
    characters: int = 0  # as long may attributes be
    _known: dict[str, bytearray] = field(default_factory=dict)
    _left: int = 0

    def __post_init__(self) -> None:
        """Have visits as the page is large."""
        self._left = max(_VISITS, _TIMES * (len(self.nodes) + self.characters // _CHARACTERS))

    @cached_property
    def _order(self) -> _Order:
        return _order(self.nodes, self.asides)

    def found(self, selector: str) -> list[LexborNode]:
        """Return the elements of a selector; none of one that is wrong, or once too many were visited."""
        alternatives = list(_taken_apart(selector))
        if all(len(compounds) == 1 and not _WALKS.search(compounds[0][1]) for compounds in alternatives):
            return self._asked(selector, len(alternatives))
        found: set[int] = set()
        for compounds in alternatives:
            chained = self._chained(compounds)
            if 1 in chained:
                self._left -= _ELEMENT * len(self.nodes)
                found.update(compress(range(len(self.nodes)), chained))
        return [self.nodes[place] for place in sorted(found)]

    def _asked(self, selector: str, compounds: int = 1) -> list[LexborNode]:
        """Return what Lexbor finds."""
        if self._left <= 0:
            return []
        self._left -= compounds * (len(self.nodes) + self.characters // _CHARACTERS)
        try:
            found = self.tree.css(selector)
        except (SelectolaxError, ValueError):
            return []
        self._left -= _ELEMENT * len(found)
        return list({node.mem_id: node for node in found}.values()) if compounds > 1 else found

    def _chained(self, compounds: list[tuple[str, str]]) -> bytes | bytearray:
        """Return whether each element is one of a complex selector; one more stands for what is around all of them."""
        found = self._compound(compounds[0][1])
        for between, compound in compounds[1:]:
            if 1 not in found or 1 not in (wanted := self._compound(compound)) or self._left <= 0:
                return b""
            self._left -= _ELEMENT * len(self.nodes)
            found = bytearray(map(and_, self._reached(found, between), wanted))
        return found

    def _reached(self, found: bytearray, between: str) -> bytearray:
        """Return whether each element stands in, or behind, one of those that were found."""
        sources = self._order.parents if between in {"", ">"} else self._order.beside
        if between in {">", "+"}:
            return bytearray([*map(found.__getitem__, sources), 0])
        reached = bytearray(len(found))
        for place, source in enumerate(sources):
            reached[place] = found[source] | reached[source]
        return reached

    def _compound(self, selector: str) -> bytearray:
        """Return whether each element is one of a compound selector, or of what is cheap in it."""
        if selector not in self._known:
            found = bytearray(len(self.nodes) + 1)
            self._known[selector] = found
            for node in self._asked(self._cheap(selector)):
                if (place := self._order.places.get(node.mem_id)) is not None:
                    found[place] = 1
        return self._known[selector]

    def _cheap(self, selector: str) -> str:
        """Return a compound selector, without its pseudo-classes where Lexbor would walk too far for them."""
        if walks := len(_WALKS.findall(_COUNTED.sub(r"\1", selector))):
            visits = self._order.steps * self._order.farthest ** (walks - 1) // _STEPS
            if visits > self._left:
                plain = _PLAIN.match(selector)
                return (plain and plain[0]) or "*"
            self._left -= visits
        return selector


@dataclass(slots=True)
class Lookup:
    """Finds elements by selectors, as many as may be."""

    finder: Finder
    rules: int = RULES
    nodes: int = _MATCHES

    def matched(self, selector: str) -> list[LexborNode]:
        """Return the elements of a selector; none for one that is wrong, or when there were too many."""
        self.rules -= 1
        if self.rules < 0 or self.nodes <= 0:
            return []
        found = self.finder.found(selector)
        self.nodes -= len(found)
        return found[:_MATCHES]


def _taken_apart(selector: str) -> Iterable[list[tuple[str, str]]]:
    """Yield the compounds of each selector in a list, and what stands before each."""
    compounds = [["", ""]]
    depth = 0
    for sign in _SIGN.findall(selector.strip()):
        depth += (sign in "([") - (sign in ")]")
        mark = sign.strip()
        if depth > 0 or (mark != "," and mark not in _BETWEEN):
            compounds[-1][1] += sign
        elif mark == ",":
            yield [(between, compound) for between, compound in compounds]
            compounds = [["", ""]]
        else:
            compounds.append([mark, ""])
    yield [(between, compound) for between, compound in compounds]
