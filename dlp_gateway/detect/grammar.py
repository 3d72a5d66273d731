"""The words between a label and its number, and words that speak of a matter: data of `rules/labels/grammar.yaml`."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import re2

from dlp_gateway.detect.folding import fold
from dlp_gateway.detect.labels import pattern
from dlp_gateway.detect.licence_words import LicenceWords, LicenceWordsFile, compile_words
from dlp_gateway.document import Model, load

_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?")
_READ: Final = 4_000  # characters of a text that tell its language
_ENOUGH: Final = 6


class DomainWords(Model):
    """Words that speak of the matter of a short label, and words of other matters in which the same label is used."""

    speaking: tuple[str, ...]
    alien: tuple[str, ...]


class HeadingWords(Model):
    """Words of lines that stand over a list, by what they do beside the label of its numbers."""

    numbers: tuple[str, ...]
    collections: tuple[str, ...]
    about: tuple[str, ...]
    genitives: tuple[str, ...]
    sought: tuple[str, ...]
    asking: tuple[str, ...]
    handling: tuple[str, ...]
    negations: tuple[str, ...]
    attached: tuple[str, ...]
    parting: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadingGrammar:
    """The words of `HeadingWords`, folded to lower-case ASCII."""

    numbers: frozenset[str]
    collections: frozenset[str]
    about: frozenset[str]
    genitives: frozenset[str]
    sought: frozenset[str]
    asking: frozenset[str]
    handling: frozenset[str]
    negations: frozenset[str]
    attached: frozenset[str]
    parting: frozenset[str]


class QuestionWords(Model):
    """Words of questions and of turns of a talk, by what they ask for or tell; `calls` in the notation of labels."""

    interrogatives: tuple[str, ...]
    wanting: tuple[str, ...]
    numbers: tuple[str, ...]
    indefinite: tuple[str, ...]
    having: tuple[str, ...]
    telling: tuple[str, ...]
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionGrammar:
    """The words of `QuestionWords`, folded to lower-case ASCII."""

    interrogatives: frozenset[str]
    wanting: frozenset[str]
    numbers: frozenset[str]
    indefinite: frozenset[str]
    having: frozenset[str]
    telling: frozenset[str]
    calls: "re2._Regexp[bytes]"

    def speak_of_calls(self, text: str) -> bool:
        """Tell whether a folded text speaks of calling somebody."""
        return self.calls.search(text.encode("ascii")) is not None


class GrammarFile(Model):
    """`rules/labels/grammar.yaml`: the words that own nothing, by what they do between a label and a number."""

    number: tuple[str, ...]
    linking: tuple[str, ...]
    function: tuple[str, ...]
    preposition: tuple[str, ...]
    domains: dict[str, DomainWords]
    closing: tuple[str, ...]
    countries: dict[str, tuple[str, ...]]
    languages: dict[str, tuple[str, ...]]
    headings: HeadingWords
    questions: QuestionWords
    licences: LicenceWordsFile


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
    languages: Mapping[str, frozenset[str]]  # by word: in which languages it is frequent
    headings: HeadingGrammar
    questions: QuestionGrammar
    licences: LicenceWords


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
        languages=_by_word(file.languages),
        headings=HeadingGrammar(**{name: _folded(words) for name, words in file.headings}),
        questions=QuestionGrammar(
            interrogatives=_folded(file.questions.interrogatives),
            wanting=_folded(file.questions.wanting),
            numbers=_folded(file.questions.numbers),
            indefinite=_folded(file.questions.indefinite),
            having=_folded(file.questions.having),
            telling=_folded(file.questions.telling),
            calls=_phrases(file.questions.calls),
        ),
        licences=compile_words(file.licences),
    )


def spoken_in(grammar: Grammar, text: str) -> frozenset[str]:
    """Return the languages that a folded text may be in; none if it has too few words to tell."""
    counts: Counter[str] = Counter()
    for word, times in Counter(_WORD.findall(text[:_READ].lower())).items():
        for language in grammar.languages.get(word, ()):
            counts[language] += times
    most = max(counts.values(), default=0)
    return frozenset(one for one, count in counts.items() if 2 * count > most) if most >= _ENOUGH else frozenset()


def _by_word(languages: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    words = {language: _folded(group) for language, group in languages.items()}
    return {
        word: frozenset(one for one, group in words.items() if word in group)
        for word in frozenset().union(*words.values())
    }


def _any_of(words: tuple[str, ...]) -> "re2._Regexp[bytes]":
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    return re2.compile(rf"\b(?:{'|'.join(map(re2.escape, sorted(_folded(words))))})\b", options)


def _phrases(phrases: tuple[str, ...]) -> "re2._Regexp[bytes]":
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    return re2.compile(rf"\b(?:{'|'.join(map(pattern, phrases))})(?:\b|\z)", options)


def _folded(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(fold(word.lower()).text for word in words)
