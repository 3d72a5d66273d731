"""Scripts in pages → the words that they write, without running them.

Text in quotation marks is read with its escapes undone, sums of such texts and of names that stand for them as one,
values behind the name that they have; and what the usual functions make of a text that stands in the source is made of
it here as well: code points, lists that are joined, texts that are turned round, per cent signs, base64.
"""

import binascii
import re
from base64 import b64decode
from typing import Final
from urllib.parse import unquote

from dlp_gateway.content.structured import spoken

#: Characters of one script that are taken apart; libraries are longer, but what is said to people is not.
CHARACTERS: Final = 1_000_000
#: How much longer than its source what a script says may be, and what one name may stand for.
_MOST: Final = 4
_LONGEST_VALUE: Final = 65_536
#: Letters and items that calls may move in all: more than scripts have, but no product of their number and their lists.
_MOVED: Final = 1_000_000
_NAMES: Final = 2_000
_ITEMS: Final = 10_000
_TOKEN: Final = re.compile(
    r"""//[^\n]*+|/\*.*?(?:\*/|\Z)"""
    r"""|"((?:[^"\\\n]|\\.)*+)["\n]?+|'((?:[^'\\\n]|\\.)*+)['\n]?+|`((?:[^`\\]|\\.)*+)`?+"""
    r"""|(?<=[(,=:\[!&|?{};+\n])\s{0,8}/(?![*/])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.){0,100}+\]){1,200}+/[a-z]{0,8}"""
    r"""|((?:0x)?[0-9][0-9A-Fa-f.]*+)|([A-Za-z_$][\w$]*+)|([^\s\w])""",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{2})|u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|([0-7]{1,3})|\r?(\n)|(.))", re.DOTALL
)
_CONTROLS: Final = {"n": "\n", "r": "\n", "t": "\t", "b": "", "f": "\n", "v": "\n", "0": ""}
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}|%u[0-9A-Fa-f]{4}")
_WIDE_PERCENT: Final = re.compile(r"%u([0-9A-Fa-f]{4})")
_CODED: Final = re.compile(r"[A-Za-z0-9+/_-]{4,}={0,2}\Z")
_FROM_CODES: Final = frozenset({"fromCharCode", "fromCodePoint"})
#: Names of functions and of what scripts do their work with: no names of values.
_KEPT: Final = frozenset({"concat", "join", "reverse", "split", "trim", "toString"})
#: Words that begin a statement, before which a line end may be all that ends the last.
_STATEMENTS: Final = frozenset({"var", "let", "const", "return", "function", "if", "for", "document", "window"})
_FILLED: Final = re.compile(r"\$\{\s{0,8}([A-Za-z_$][\w$]{0,99})\s{0,8}\}")


def text(source: str) -> str:
    """Return what a script says, a line each; "" if it says nothing."""
    said = _Sayings(len(source))
    for token in _TOKEN.finditer(source[:CHARACTERS]):
        double, single, template, number, name, sign = token.groups()
        quoted = next((one for one in (double, single, template) if one is not None), None)
        if quoted is not None:
            plain = _unescaped(quoted) if "\\" in quoted else quoted
            said.value(said.filled(plain) if template else plain)
        elif number:
            said.number(number)
        elif name:
            said.name(name)
        elif sign:
            said.sign(sign)
    return said.close()


class _Sayings:
    """Puts values together as the signs between them say."""

    def __init__(self, size: int) -> None:
        self._lines: dict[str, None] = {}
        self._left = _MOST * min(size, CHARACTERS) + _LONGEST_VALUE
        self._movable = _MOVED
        self._known: dict[str, str] = {}
        self._pending: str | None = None
        self._is_sum = False
        self._label = ""
        self._target = ""
        self._name = ""
        self._is_member = False
        self._items: list[str] = []
        self._last_items: list[str] = []
        self._call = ""
        self._codes: list[str] | None = None

    def value(self, value: str) -> None:
        """A text, or what a name stands for."""
        if self._call == "join":
            self._join(value)
        elif self._call == "split":
            if self._moves(len(self._pending or "")):
                self._items = list(self._pending or "")
        elif self._is_sum and self._pending is not None:
            if len(self._pending) < _LONGEST_VALUE:
                self._replace((self._pending + value[:_LONGEST_VALUE])[:_LONGEST_VALUE])
        else:
            if self._pending is not None:
                self._end()
            self._pending = value
        self._is_sum, self._name, self._call = False, "", ""

    def filled(self, template: str) -> str:
        """Return a template with the values of the names in it."""
        return _FILLED.sub(lambda place: self._known.get(place[1], "")[:1_000], template, count=100)

    def number(self, number: str) -> None:
        """A number: a code point among such, or a value."""
        if self._codes is not None:
            self._codes.append(number)
        else:
            self.value(number)

    def name(self, name: str) -> None:
        """A name: what it stands for, if that is known."""
        if self._is_member and name in _KEPT:
            self._is_sum = name == "concat"
            self._call = name if name in {"join", "split"} else ""
            if name == "reverse" and self._moves(len(self._last_items or self._items) + len(self._pending or "")):
                self._last_items = (self._last_items or self._items)[::-1]
                if self._pending is not None:
                    self._say(self._pending[::-1])
        elif name in _STATEMENTS:
            self._end()
        elif name in _FROM_CODES:
            self._codes = []
        elif name in self._known and not self._is_member:
            self.value(self._known[name])
            self._name = name
        else:
            self._name = name
        self._is_member = False

    def sign(self, sign: str) -> None:
        """A sign: it joins values, ends them, or says what they are."""
        self._is_member = sign == "."
        if sign == "+":
            self._is_sum = self._pending is not None
            self._target = self._name if not self._is_sum else self._target
        elif sign in "=:" and (self._name or self._pending is not None):
            self._begin(sign)
        elif sign == "[":
            self._end()
            self._items = []
        elif sign == "]":
            self._end()
            self._last_items = self._items
        elif sign == ")" and self._codes is not None:
            codes, self._codes = self._codes, None
            self.value("".join(map(_character, codes)))
        elif sign in ",;}{":
            if self._codes is None:
                self._end()
        elif sign not in "().":
            self._is_sum = False

    def close(self) -> str:
        """Return all that was said."""
        self._end()
        return "\n".join(self._lines)

    def _begin(self, sign: str) -> None:
        """What stands before `=` or `:` names the value behind it."""
        adds = self._is_sum and sign == "=" and bool(self._name)
        name = self._name or self._pending or ""
        before = self._known.get(self._name, "") if adds else ""
        self._pending, self._name = None, ""
        self._label = name if len(name) <= 100 else ""
        self._target = name if sign == "=" else ""
        if adds:
            self._pending, self._is_sum = before, True

    def _join(self, between: str) -> None:
        """A list becomes one text, as far as a value may be long."""
        joined: list[str] = []
        length = 0
        for item in self._last_items or self._items:
            if length >= _LONGEST_VALUE or not self._moves(1):
                break
            joined.append(item)
            length += len(item) + len(between)
        self._replace(between.join(joined)[:_LONGEST_VALUE])

    def _moves(self, count: int) -> bool:
        """Return whether so much may be moved yet."""
        self._movable -= count
        return self._movable >= 0

    def _replace(self, value: str) -> None:
        self._pending = value

    def _end(self) -> None:
        """A value is whole."""
        if self._pending is not None:
            if self._target and (self._target in self._known or len(self._known) < _NAMES):
                self._known[self._target] = self._pending
            if len(self._items) < _ITEMS:
                self._items.append(self._pending)
            self._say(self._pending, self._label)
        self._pending, self._label, self._target, self._name, self._is_sum = None, "", "", "", False

    def _say(self, value: str, label: str = "") -> None:
        if self._left < 0:
            return
        for said in (value, *_decoded(value)):
            line = f"{spoken(label)}: {said}" if label else said
            self._left -= len(line)
            if said.strip() and self._left >= 0:
                self._lines[line] = None


def _decoded(value: str) -> tuple[str, ...]:
    """Return what the usual functions would make of a text."""
    if _PERCENT.search(value):
        return (unquote(_WIDE_PERCENT.sub(lambda code: chr(int(code[1], 16)), value)),)
    if len(value) < 8 or not _CODED.match(value) or value.isalpha():
        return ()
    try:
        octets = b64decode(value + "=" * (-len(value) % 4), altchars=b"-_" if "-" in value or "_" in value else None)
        words = octets.decode()
    except (binascii.Error, UnicodeDecodeError):
        return ()
    return (words,) if words.isprintable() else ()


def _unescaped(quoted: str) -> str:
    return _ESCAPE.sub(_sign_of, quoted)


def _sign_of(escape: re.Match[str]) -> str:
    short, braced, long, octal, line_end, other = escape.groups()
    if octal:
        return _character(f"0o{octal}")
    if short or braced or long:
        return _character(f"0x{short or braced or long}")
    return "" if line_end else _CONTROLS.get(other, other)


def _character(number: str) -> str:
    """Return the character of a code point; "" if there is none."""
    try:
        code = int(number, 0)
    except ValueError:
        return ""
    return chr(code) if code < 0xD800 or 0xE000 <= code < 0x110000 else ""
