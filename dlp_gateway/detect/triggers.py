"""What occurs in a text at all: one fast look for every detector of words, so that most mail goes no further.

Many expressions cost one automaton no more time than one of them. There are two, since together they would have far
too many states: one of words, one of forms (of numbers, mostly).
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import re2

from dlp_gateway.detect.base import Material
from dlp_gateway.detect.folding import fold

_SHORT: Final = 64  # characters
_ALWAYS: Final = r"\A"
_UNSEEN: Final = r"[\x00-\x08\x0e-\x1f\x7f]"  # of ASCII what folding leaves out


class Triggers:
    """Named expressions over folded text; a name with several occurs where each of them does, anywhere in the text.

    `words` are looked for with "_" read as a blank, `forms` in the text as it stands.
    """

    def __init__(self, *, words: Mapping[str, Iterable[str]], forms: Mapping[str, Iterable[str]]) -> None:
        self._words = _Automaton(words)
        self._forms = _Automaton({**forms, _UNSEEN: (_UNSEEN,)})
        self._of_name = lru_cache(maxsize=4096)(self._look)

    def __call__(self, material: Material) -> tuple[frozenset[str], ...]:
        """Return the names of what occurs in each text of a message, in the order of its texts."""
        return tuple(self.of(text.text) for text in material.texts)

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


class _Automaton:
    """Expressions by name, compiled into one RE2 set."""

    def __init__(self, expressions: Mapping[str, Iterable[str]]) -> None:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.case_sensitive = False
        options.log_errors = False
        options.never_capture = True
        options.max_mem = 1 << 26
        self._set = re2.Set.SearchSet(options)
        self._set.Add(_ALWAYS)
        places: dict[str, int] = {}
        self._needed: list[tuple[str, frozenset[int]]] = []
        for name, needed in expressions.items():
            for expression in needed:
                if expression not in places:
                    places[expression] = self._set.Add(expression)
            self._needed.append((name, frozenset(places[expression] for expression in needed)))
        self._set.Compile()
        self.names(b"")

    def names(self, data: bytes) -> frozenset[str]:
        """Return the names of what occurs; raises MemoryError if RE2 could not tell, which it says by finding nothing.

        What always matches must be among the matches.
        """
        found: list[int] | None = self._set.Match(data)
        if found is None:
            raise MemoryError("triggers: the automaton does not fit into its memory")
        if len(found) == 1:
            return frozenset()
        hits = frozenset(found)
        return frozenset(name for name, needed in self._needed if needed <= hits)
