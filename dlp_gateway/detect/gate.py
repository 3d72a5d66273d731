"""The gate: in one fast pass, whether a text can hold an identifier at all; most mail goes no further."""

from typing import Final

import re2

from dlp_gateway.detect.folding import fold
from dlp_gateway.detect.identifier_rules import RuleBook
from dlp_gateway.detect.labels import OTHER, pattern

_NUMBER: Final = r"\d"


class Gate:
    """Opens for a text with a number and a label of an identifier, or with a form that proves itself."""

    def __init__(self, book: RuleBook) -> None:
        options = re2.Options()
        options.case_sensitive = False
        options.log_errors = False
        options.never_capture = True
        options.max_mem = 1 << 26
        phrases = [
            pattern(p) for file in book.labels if file.owns != OTHER for group in file.phrases.values() for p in group
        ]
        finds = [rule.find_source for rule in book.rules if rule.find_source]
        self._number = re2.compile(_NUMBER, options)
        self._labels = re2.compile("|".join(f"(?:{phrase})" for phrase in phrases) or "$^", options)
        self._forms = re2.compile("|".join(f"(?:{find})" for find in finds) or "$^", options)

    def opens(self, text: str) -> bool:
        """Tell whether `text` needs a closer look."""
        data = (text if text.isascii() else fold(text).text).encode("ascii")
        if self._number.search(data) and self._labels.search(data.replace(b"_", b" ")):
            return True
        return bool(self._forms.search(data))
