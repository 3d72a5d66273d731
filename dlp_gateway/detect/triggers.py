"""What occurs in a text at all: one fast look for every detector of words, so that most mail goes no further.

Many expressions cost one automaton no more time than one of them. There are two, since together they would have far
too many states: one of words, one of forms (of numbers, mostly).
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from itertools import chain
from typing import Final

from dlp_gateway.detect.automaton import Automaton
from dlp_gateway.detect.base import Material
from dlp_gateway.detect.folding import fold

_SHORT: Final = 64  # characters
_UNSEEN: Final = r"[\x00-\x08\x0e-\x1f\x7f]"  # of ASCII what folding leaves out


class Triggers:
    """Named expressions over folded text; a name with several occurs where each of them does, anywhere in the text.

    `words` are looked for with "_" read as a blank, `forms` in the text as it stands.
    """

    def __init__(self, *, words: Mapping[str, Collection[str]], forms: Mapping[str, Collection[str]]) -> None:
        self._words = _Named(words)
        self._forms = _Named({**forms, _UNSEEN: (_UNSEEN,)})
        self._of_name = lru_cache(maxsize=4096)(self._look)

    def __call__(self, material: Material) -> tuple[frozenset[str], ...]:
        """Return the names of what occurs in each text of a message, in the order of its texts."""
        return tuple([self.of(text.text) for text in material.texts])

    def of(self, text: str) -> frozenset[str]:
        """Return the names of what occurs in `text`; of people's names and of subjects, which recur, it is kept."""
        return self._of_name(text) if len(text) < _SHORT else self._look(text)

    def _look(self, text: str) -> frozenset[str]:
        data = (text if text.isascii() else fold(text).text).encode("ascii")
        forms = self._forms.names(data)
        if _UNSEEN in forms:
            data = fold(text).text.encode("ascii")
            forms = self._forms.names(data)
        words = self._words.names(data.replace(b"_", b" ") if b"_" in data else data)
        return words | forms if words and forms else words or forms


class _Named:
    """Expressions by name, in one automaton."""

    def __init__(self, expressions: Mapping[str, Collection[str]]) -> None:
        distinct = dict.fromkeys(chain.from_iterable(expressions.values()))
        places = {expression: place for place, expression in enumerate(distinct, 1)}
        self._automaton = Automaton(distinct)
        self._needing: dict[int, list[tuple[str, frozenset[int]]]] = {}  # by one of the expressions that a name needs
        for name, needed in expressions.items():
            needs = frozenset(places[expression] for expression in needed)
            self._needing.setdefault(max(needs), []).append((name, needs))

    def names(self, data: bytes) -> frozenset[str]:
        """Return the names of what occurs."""
        found = self._automaton.matching(data)
        if not found:
            return frozenset()
        return frozenset(
            name for place in found for name, needs in self._needing.get(place, ()) if needs.issubset(found)
        )
