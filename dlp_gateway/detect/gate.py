"""The gate: in one fast pass, whether a text can hold an identifier at all; most mail goes no further."""

from typing import Final

import re2

from dlp_gateway.detect.folding import fold, without_controls
from dlp_gateway.detect.identifier_rules import RuleBook
from dlp_gateway.detect.labels import OTHER, pattern

# What European mail is full of: replaced here, so that it need not be folded to be told apart.
_COMMON: Final = tuple(
    (character.encode(), plain)
    for characters, plain in (("\u00a0\u202f\u2009", b" "), ("\u2019", b"'"), ("\u2010\u2011\u2012\u2013\u2014", b"-"))
    for character in characters
)
# Anything but ASCII, accented Latin letters, typographic quotes, bullets, the ellipsis, the euro sign and pictures; an
# accent that stands behind a digit; digits, letters and tags beyond the first plane.
_ODD: Final = (
    r"\xc2(?:\xad|[\x80-\x84\x86-\x9f])|\d\xcc|[\xc6-\xcb\xcd-\xe1\xe3-\xef]"
    r"|\xcd|\xe2(?:[\x83-\xbf]|\x80[\x8b-\x8f\xa8-\xae]|\x81|\x82[\x80-\xab\xad-\xbf])|\xf0[\x90-\x9e]|\xf0\x9f(?:[\x84-\x86]|\xaf)|\xf3"
)


class Gate:
    """Opens for a text with a number and a label of an identifier, or with a form that proves itself."""

    def __init__(self, book: RuleBook) -> None:
        phrases = [p for file in book.labels if file.owns != OTHER for group in file.phrases.values() for p in group]
        finds = [rule.find_source for rule in book.rules if rule.find_source]
        self._number = _compile(r"\d")
        self._odd = _compile(_ODD)
        self._labels = _compile("|".join(f"(?:{pattern(phrase, accented=True)})" for phrase in phrases) or "$^")
        self._forms = _compile("|".join(f"(?:{find})" for find in finds) or "$^")

    def opens(self, text: str) -> bool:
        """Tell whether `text` needs a closer look; lone surrogates count as letters."""
        data = without_controls(text.encode("utf-8", "replace"))
        if not text.isascii():
            for character, plain in _COMMON:
                data = data.replace(character, plain)
            if self._odd.search(data):
                data = fold(text).text.encode("ascii")
        if self._number.search(data) and self._labels.search(data.replace(b"_", b" ")):
            return True
        return bool(self._forms.search(data))


def _compile(expression: str) -> "re2._Regexp[bytes]":
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = False
    options.log_errors = False
    options.never_capture = True
    options.max_mem = 1 << 26
    return re2.compile(expression.encode("latin-1"), options)
