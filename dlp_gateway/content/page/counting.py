"""Counters of style sheets (CSS Lists 3, 4) and how they are written (CSS Counter Styles 3)."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from dlp_gateway.content.page.sheets import unescaped

STRING: Final = r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'"
_STEP: Final = re.compile(r"([A-Za-z_-][\w-]{0,63})(?:\s+(-?\d{1,20}))?")
#: Counters of one declaration.
_PAIRS: Final = 64
_STYLE: Final = re.compile(
    r"@counter-style\s+([\w-]{1,64})\s*\{((?:[^{}\"']|" + STRING + r"){0,2000})\}", re.IGNORECASE
)
_DESCRIPTOR: Final = re.compile(rf"(?:^|;)\s*([\w-]{{1,32}})\s*:((?:{STRING}|[^;\"'])*+)", re.DOTALL)
_SYMBOL: Final = re.compile(rf"({STRING})|([^\s\"']+)", re.DOTALL)
_STYLES: Final = 100


@dataclass(frozen=True, slots=True)
class CounterStyle:
    """How a number is written: by signs in turn, or as its digits."""

    symbols: tuple[str, ...]
    is_positional: bool
    prefix: str
    suffix: str

    @property
    def told(self) -> str:
        """All its signs, if they are words or numbers."""
        said = "".join((self.prefix, *self.symbols, self.suffix))
        return said if any(sign.isalnum() for sign in said) else ""

    def written(self, number: int) -> str:
        """Return a number in this style."""
        if not self.symbols:
            return str(number)
        if not self.is_positional or len(self.symbols) < 2:
            return self.symbols[(number - 1) % len(self.symbols)]
        digits = ""
        while number > 0:
            number, digit = divmod(number, len(self.symbols))
            digits = self.symbols[digit] + digits
        return digits or self.symbols[0]

    def marker(self, number: int) -> str:
        """Return a number as the mark of an item."""
        return f"{self.prefix}{self.written(number)}{self.suffix}"


def counter_styles(sheet: str) -> dict[str, CounterStyle]:
    """Return the styles that a sheet declares."""
    found = {}
    for name, declared in _STYLE.findall(sheet)[:_STYLES] if "@counter-style" in sheet.lower() else ():
        told = {key.lower(): value.strip() for key, value in _DESCRIPTOR.findall(declared)}
        if "additive-symbols" in told:
            symbols = [unescaped(one[1:-1]) for one in re.findall(STRING, told["additive-symbols"])]
        else:
            symbols = [_symbol(*one) for one in _SYMBOL.findall(told.get("symbols", ""))]
        found[name] = CounterStyle(
            tuple(symbols),
            told.get("system", "").lower() in {"numeric", "alphabetic"},
            _symbol_of(told.get("prefix", "")),
            _symbol_of(told.get("suffix", "'. '")),
        )
    return found


def _symbol(string: str, word: str) -> str:
    return unescaped(string[1:-1] if string else word)


def _symbol_of(value: str) -> str:
    found = _SYMBOL.match(value)
    return _symbol(found[1] or "", found[2] or "") if found else ""


@lru_cache(maxsize=256)
def _pairs(value: str, default: int) -> tuple[tuple[str, int], ...]:
    return tuple((name, int(number) if number else default) for name, number in _STEP.findall(value)[:_PAIRS])


@dataclass(slots=True)
class Counters:
    """What rules do to counters at elements, and their values where a page was read so far."""

    rules: defaultdict[tuple[int, str], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    values: dict[str, int] = field(default_factory=dict)

    def tell(self, place: tuple[int, str], name: str, value: str) -> None:
        """Note what a rule does to counters at an element, or before or behind it."""
        self.rules[place][name] = value

    def told(self) -> Iterator[str]:
        """Yield the values to which counters are set."""
        written = dict.fromkeys(value for told in self.rules.values() for value in told.values())
        numbers = [str(number) for value in written for _, number in _pairs(value, 0) if number]
        if numbers:
            yield f"{' '.join(numbers)}\n{''.join(numbers)}"

    def pass_by(self, place: tuple[int, str], replaced: Callable[[str], str]) -> None:
        """Go on to an element, or to what stands before or behind it; `replaced` knows its variables."""
        if place in self.rules:
            told = {name: replaced(value) if "var(" in value else value for name, value in self.rules[place].items()}
            self.values |= _pairs(told.get("counter-reset", ""), 0)
            for name, step in _pairs(told.get("counter-increment", ""), 1):
                self.values[name] = self.values.get(name, 0) + step
            self.values |= _pairs(told.get("counter-set", ""), 0)

    def shown(self, name: str, style: CounterStyle | None) -> str:
        """Return the value of a counter in a style."""
        value = self.values.get(name, 0)
        return style.written(value) if style else str(value)
