"""The words between a label and its number, and words that speak of a matter: data of `rules/labels/grammar.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import re2

from dlp_gateway.detect.folding import fold
from dlp_gateway.document import Model, load


class DomainWords(Model):
    """Words that speak of the matter of a short label, and words of other matters in which the same label is used."""

    speaking: tuple[str, ...]
    alien: tuple[str, ...]


class GrammarFile(Model):
    """`rules/labels/grammar.yaml`: the words that own nothing, by what they do between a label and a number."""

    number: tuple[str, ...]
    linking: tuple[str, ...]
    function: tuple[str, ...]
    preposition: tuple[str, ...]
    domains: dict[str, DomainWords]
    closing: tuple[str, ...]
    countries: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """The words of `GrammarFile`, folded to lower-case ASCII."""

    number: frozenset[str]
    linking: frozenset[str]
    function: frozenset[str]
    preposition: frozenset[str]
    speaking: Mapping[str, "re2._Regexp[bytes]"]
    alien: Mapping[str, "re2._Regexp[bytes]"]
    closing: frozenset[str]
    countries: Mapping[str, tuple[str, ...]]  # by language, the likeliest first


def load_grammar(path: Path) -> Grammar:
    """Return the grammar of a file; raise `ConfigurationError`."""
    file = load(path, GrammarFile)
    return Grammar(
        number=_folded(file.number),
        linking=_folded(file.linking),
        function=_folded(file.function),
        preposition=_folded(file.preposition),
        speaking={kind: _any_of(words.speaking) for kind, words in file.domains.items()},
        alien={kind: _any_of(words.alien) for kind, words in file.domains.items()},
        closing=_folded(file.closing),
        countries=file.countries,
    )


def _any_of(words: tuple[str, ...]) -> "re2._Regexp[bytes]":
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    return re2.compile(rf"\b(?:{'|'.join(map(re2.escape, sorted(_folded(words))))})\b", options)


def _folded(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(fold(word.lower()).text for word in words)
