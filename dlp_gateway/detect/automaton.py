"""Many expressions in one RE2 automaton, which tells in one pass which of them match; linear in time, never silent."""

from collections.abc import Iterable
from typing import Final

import re2

# RE2 reports nothing where it could not tell, so there is one expression that always matches: its absence is a failure.
_ALWAYS: Final = {False: r"\A", True: r"(?s).*"}


class Automaton:
    """Expressions over octets: each matches anywhere in them, or with `whole` all of them; letters of either case."""

    def __init__(self, expressions: Iterable[str], *, whole: bool = False, either_case: bool = True) -> None:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.case_sensitive = not either_case
        options.log_errors = False
        options.never_capture = True
        options.max_mem = 1 << 26
        self._set = re2.Set.FullMatchSet(options) if whole else re2.Set.SearchSet(options)
        for expression in (_ALWAYS[whole], *expressions):
            self._set.Add(expression)
        self._set.Compile()
        self.matching(b"")

    def matching(self, data: bytes) -> list[int]:
        """Return the numbers of the expressions that match, from 1, in any order; MemoryError if RE2 could not tell."""
        found: list[int] | None = self._set.Match(data)
        if found is None:
            raise MemoryError("automaton: it does not fit into its memory")
        if len(found) == 1:
            return []
        found.remove(0)
        return found
