"""Style sheets → their rules, each a selector and its declarations, nested ones with what they are nested in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import re2

#: Characters of sheets that count.
SHEET: Final = 200_000
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_RULE: Final = re.compile(r"([^{};]{1,400}+)\{([^{}]{0,2000}+)\}")
#: Rules for other screens than a reader's: those that are wide count. What stands before the bracket is taken in one
#: way only, or each of its words would be a new attempt at all rules within.
_ELSEWHERE: Final = re.compile(
    r"@media(?=[^{}]{0,200}?(?:max-|print|prefers|resolution|orientation))[^{}]{0,411}+\{(?:[^{}]*+\{[^{}]*+\})*+[^{}]*+\}",
    re.IGNORECASE,
)
#: A rule within a style rule, or a bracket within a string, for which rules are taken apart sign by sign.
_INVOLVED: Final = re2.compile(
    r"(?:^|[{};])\s*[^@{};\s][^{};]*\{[^{}]*\{"
    r"|(?:^|[{}])[^\"'{}]*(?:(?:\"[^\"{}\n]*\"|'[^'{}\n]*')[^\"'{}]*)*(?:\"[^\"{}\n]*|'[^'{}\n]*)[{}][^\"'\n]*[\"']"
)
_SIGN: Final = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'|[{};,()\[\]]|[^{};,()\[\]\"']++|.", re.DOTALL)
#: Selectors of a nested rule, how long each may be, and all of them, beyond which what they are nested in is left out.
_ALTERNATIVES: Final = 16
_LONGEST: Final = 400
_SELECTORS: Final = 4 * SHEET
_DEPTH: Final = 64
_ESCAPE: Final = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})\s?|(.))", re.DOTALL)


def without_comments(text: str) -> str:
    """Return a style without its comments."""
    return _COMMENT.sub(" ", text) if "/*" in text else text


def rules(sheet: str) -> list[tuple[str, str]]:
    """Return selectors and declarations of a sheet without comments; rules for other screens come first."""
    if "@" in sheet:
        sheet = "\n".join((*_ELSEWHERE.findall(sheet), _ELSEWHERE.sub(" ", sheet)))
    if _INVOLVED.search(sheet):
        return _Sheet().taken_apart(sheet)
    return [(selector.strip(), declarations) for selector, declarations in _RULE.findall(sheet)]


@dataclass(slots=True)
class _Rule:
    """A rule that is open: its selectors, none of rules that only hold others, and what was declared so far."""

    selectors: list[str]
    place: int
    declared: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Sheet:
    """Takes rules within rules apart (CSS Nesting 1, 3)."""

    left: int = _SELECTORS

    def taken_apart(self, sheet: str) -> list[tuple[str, str]]:
        """Return all rules, each where it begins."""
        found: list[tuple[str, str]] = []
        opened: list[_Rule] = []
        written: list[str] = []
        for sign in _SIGN.findall(sheet):
            if sign == "{" and len(opened) < _DEPTH:
                opened.append(_Rule(self._within(opened, written), len(found)))
                found.append(("", ""))
                written.clear()
            elif sign in "};":
                if opened:
                    opened[-1].declared += (*written, ";")
                written.clear()
                if sign == "}" and opened:
                    rule = opened.pop()
                    found[rule.place] = (",".join(rule.selectors), "".join(rule.declared))
            else:
                written.append(sign)
        for rule in opened:  # a sheet that ends within a rule (CSS Syntax 3, 5.4.4)
            found[rule.place] = (",".join(rule.selectors), "".join((*rule.declared, *written)))
        return [(selector, declarations) for selector, declarations in found if selector and declarations.strip("; \n")]

    def _within(self, opened: list[_Rule], written: list[str]) -> list[str]:
        """Return the selectors of a rule by those of the rules around it."""
        around = opened[-1].selectors if opened else []
        prelude = "".join(written).strip()
        if prelude.startswith("@"):
            return around
        alternatives = [*_alternatives(written)]
        if not around:
            return alternatives
        if len(alternatives) * len(around) <= _ALTERNATIVES and self.left > 0:
            found = [_put(one, outer) for one in alternatives for outer in around]
            self.left -= sum(map(len, found))
            if all(len(selector) <= _LONGEST for selector in found):
                return found
        return [_put(one, "*") for one in alternatives]


def _put(selector: str, around: str) -> str:
    return selector.replace("&", around) if "&" in selector else f"{around} {selector}"


def _alternatives(written: list[str]) -> Iterator[str]:
    """Yield the selectors of a list."""
    selector: list[str] = []
    depth = 0
    for sign in written:
        depth += (sign in {"(", "["}) - (sign in {")", "]"})
        if sign == "," and depth <= 0:
            yield "".join(selector).strip()
            selector.clear()
        else:
            selector.append(sign)
    yield "".join(selector).strip()


def unescaped(string: str) -> str:
    """Undo the escapes of a string (CSS Syntax 3, 4.3.7)."""
    if "\\" not in string:
        return string
    return _ESCAPE.sub(lambda found: _character(found[1]) if found[1] else found[2].strip("\n"), string)


def _character(digits: str) -> str:
    number = int(digits, 16)
    return chr(number) if 0x1F < number < 0x11_0000 and not 0xD800 <= number < 0xE000 else "\ufffd"
