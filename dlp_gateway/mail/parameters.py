"""Content-Type and Content-Disposition: a value and its parameters, each reading kept (RFC 2045 5.1, 2183, 2231)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from dlp_gateway.mail.encoded_word import charset_text, decode, text_of

#: More parameters, or sections of one parameter, than any composer writes; bounds time.
PARAMETERS: Final = 200

_REMEMBERED: Final = 200  # octets; bounds what the memory of types holds
_PIECE: Final = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|\\.|[^\"()\\]++|.", re.DOTALL)
_COMMENT_PIECE: Final = re.compile(r"\\.|[^()\\]++|.", re.DOTALL)
_VALUE: Final = re.compile(r"[\s\"]*+([^\s;,\"()]++)")
_PARAMETER: Final = re.compile(r";\s*+([^\s=;\"]++)\s*+=\s*+(?:\"((?:[^\"\\]|\\.)*+)\"?|([^;]*+))", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parameterised:
    """`value` in lower case, and what each parameter (lower case) may mean, the likeliest first; never changed."""

    value: str
    parameters: dict[str, list[str]]

    def first(self, name: str) -> str:
        """Return the likeliest value of a parameter, "" if there is none."""
        return self.parameters.get(name, [""])[0]


def read(body: bytes) -> Parameterised:
    """Read the unfolded body of a field; never raises. A name that stands twice has two readings, clients differ."""
    return _read_once(body) if len(body) < _REMEMBERED else _read(body)


def _read(body: bytes) -> Parameterised:
    text = text_of(body)
    bare = uncommented(text)
    kind, slash, subtype = bare.partition(";")[0].partition(
        "/"
    )  # RFC 2045 5.1 lets blanks stand between any two tokens
    value = _VALUE.match(f"{kind.rstrip()}{slash}{subtype.lstrip()}")
    found = _parameters(text)
    if bare != text:
        for name, values in _parameters(bare).items():
            found[name] = list(dict.fromkeys([*found.get(name, []), *values]))
    return Parameterised(value[1].lower() if value else "", found)


def uncommented(text: str) -> str:
    """Return a field body with a blank for each comment, as it is if one of them does not close (RFC 5322 3.2.2)."""
    if "(" not in text:
        return text
    kept = []
    depth = position = 0
    while match := (_COMMENT_PIECE if depth else _PIECE).match(text, position):
        piece, position = match[0], match.end()
        if piece == "(":
            depth += 1
        elif piece == ")" and depth:
            depth -= 1
            kept.append(" ")
        elif not depth:
            kept.append(piece)
    return text if depth else "".join(kept)


def _parameters(text: str) -> dict[str, list[str]]:
    plain: dict[str, list[str]] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for count, match in enumerate(_PARAMETER.finditer(text)):
        if count == PARAMETERS:
            break
        quoted, bare = match[2], match[3]
        written = _ESCAPED.sub(r"\1", quoted) if quoted is not None else bare.strip()
        name, star, section = match[1].lower().partition("*")
        if star:
            number = section.rstrip("*")
            order = int(number) if number.isdecimal() and len(number) < 5 else 0
            sections.setdefault(name, {}).setdefault(order, (written, match[1].endswith("*")))
        else:
            plain.setdefault(name, []).append(decode(written)[0])
    for name, numbered in sections.items():
        plain[name] = [_joined(numbered), *plain.get(name, [])]
    return plain


_read_once: Final = lru_cache(maxsize=512)(_read)  # few mails write their types in a way of their own


def _joined(sections: dict[int, tuple[str, bool]]) -> str:
    """Join the sections of a continued parameter; the first names the charset (RFC 2231 3 and 4)."""
    charset = ""
    octets = b""
    for place, order in enumerate(sorted(sections)):
        written, extended = sections[order]
        if extended and place == 0 and written.count("'") >= 2:
            charset, _, written = written.split("'", 2)
        octets += unquote_to_bytes(written) if extended else written.encode("utf-8", "replace")
    return charset_text(octets, charset)[0] if charset else text_of(octets)
