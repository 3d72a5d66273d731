"""Lists of words as data (`<pack>/words/<list>.yaml`): what they announce, and whether a text has one.

Phrases are written as those of labels are (`detect.labels`): a space is a short gap, `(a|b)` a choice, `*` any rest of
a word, `=` before a word means it in capitals only. To look for them takes time linear in the text.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import re2
from pydantic import Field

from dlp_gateway.detect.automaton import Automaton
from dlp_gateway.detect.folding import fold
from dlp_gateway.detect.labels import pattern
from dlp_gateway.document import Model, load
from dlp_gateway.errors import ConfigurationError, Problem

#: Characters of one text that are read: what asks for something does so near the beginning.
LONGEST: Final = 200_000
#: No phrase reaches over it.
_APART: Final = " ; "
_PHRASE: Final = re.compile(r"[\w' ()|?*#/.&:~=-]{1,1000}")


class Role(StrEnum):
    """What the words of a list announce."""

    AUDIENCE = "audience"  # to be among the readers is itself a secret
    MATTER = "matter"  # what readers may be concerned by, or only trade in
    CONCERNED = "concerned"  # beside a matter: those whom it concerns are written to
    REQUEST = "request"  # the reader is asked to send something
    NEED = "need"  # something is needed or missing: a request only where a copy, a number or "your" stands with it
    POLITE = "polite"  # the reader is asked to do something
    SENDING = "sending"  # what he may be asked: to hand something over
    COPY = "copy"  # what is sent of a document: a copy, a side, its number
    OTHERWISE = "otherwise"  # what happens if it does not come, or for what it is wanted
    OFFERED = "offered"  # the writer gives, has or has got it
    PRESENTED = "presented"  # the document is to be brought or shown, not sent
    REFUSAL = "refusal"  # he is asked not to
    CHANNEL = "channel"  # the way on which it comes: by mail, upload, a shared file, the post
    DEADLINE = "deadline"  # by when
    READER = "reader"  # those who read, each or all of them
    WRITER = "writer"  # the one who writes, as the one who gets it
    TOLD = "told"  # somebody else asked, elsewhere; a loss, a renewal
    WARNING = "warning"  # a warning, a lesson or a record that cites a request
    POSSESSION = "possession"  # whether somebody has a document, or until when
    DOCUMENT = "document"  # of identity
    OTHER_DOCUMENT = "other-document"  # is none, although a part of the phrase says so; or it is the writer's own
    GROUP_ADDRESS = "group-address"  # a mailbox name by which many get what is sent there


class WordFile(Model):
    """One list of words."""

    id: str = Field(min_length=1, max_length=64, description="The name of the list, and of its file.")
    role: Annotated[Role, Field(strict=False)] = Field(description="What the words announce.")
    phrases: dict[str, tuple[str, ...]] = Field(min_length=1, description="The words, by language.")
    notes: str = Field(default="", description="What is left out, and why.")

    def all_phrases(self) -> Iterator[str]:
        """Yield the phrases of all languages."""
        for group in self.phrases.values():
            yield from group


@dataclass(frozen=True, slots=True)
class Span:
    """Where a phrase stands in folded text."""

    start: int
    end: int


class Words:
    """The phrases of one role, in one automaton."""

    def __init__(self, phrases: Iterable[str], *others: "Words") -> None:
        """Take phrases in the notation of labels, and those of others; raises ValueError for one that is none."""
        options = re2.Options()
        options.case_sensitive = False
        options.longest_match = True
        options.log_errors = False
        options.max_mem = 1 << 26
        try:
            expressions = [f"(?:{_expression(phrase)})" for phrase in dict.fromkeys(phrases)]
            self.expression: Final[str] = "|".join([*expressions, *(one.expression for one in others)]) or "$^"
            self._finder = re2.compile(self.expression, options)
            self._automaton = Automaton((self.expression,))
        except re2.error:
            raise ValueError("a phrase that RE2 does not take") from None

    def spans(self, folded: str) -> Iterator[Span]:
        """Yield where phrases stand, left to right, none overlapping another."""
        for match in self._finder.finditer(folded[:LONGEST].replace("_", " ").encode("ascii", "replace")):
            if match.end() > match.start():
                yield Span(match.start(), match.end())

    def stand_in(self, text: str) -> bool:
        """Whether a phrase stands in a short text, such as a subject or a name."""
        looked_at = folded(text)
        occurs = self._automaton.matching(looked_at.replace("_", " ").encode("ascii"))
        return occurs != [] and next(self.spans(looked_at), None) is not None  # a phrase of nothing stands nowhere

    def stand_in_any(self, texts: Iterable[str]) -> bool:
        """Whether a phrase stands in one of several short texts; False is sure, True wants a look at each."""
        joined = _APART.join(texts)
        return len(joined) > LONGEST or self.stand_in(joined)


def _expression(phrase: str) -> str:
    if not _PHRASE.fullmatch(phrase):
        raise ValueError("a sign that phrases do not have")
    return pattern(phrase)


def folded(text: str) -> str:
    """Return text as the phrases are compared with it."""
    return fold(text[:LONGEST]).text


def load_words(folder: Path, packs: Iterable[Path] = ()) -> dict[Role, Words]:
    """Return the words of a folder of packs and of further packs, by role; `ConfigurationError` with all problems.

    A further pack takes the place of the one in the folder that has its name.
    """
    further = tuple(packs)
    replaced = {pack.name for pack in further}
    own = tuple(path for path in sorted(folder.iterdir()) if path.name not in replaced)
    files, problems = _files((*own, *further))
    if problems:
        raise ConfigurationError(problems)
    return {
        role: Words(phrase for file in files if file.role is role for phrase in file.all_phrases()) for role in Role
    }


def problems_of(packs: Iterable[Path]) -> tuple[Problem, ...]:
    """Return what is wrong with the lists of words in packs."""
    return tuple(_files(packs)[1])


def _files(packs: Iterable[Path]) -> tuple[list[WordFile], list[Problem]]:
    files: list[WordFile] = []
    problems: list[Problem] = []
    for path in (path for pack in packs for path in sorted(pack.glob("words/*.yaml"))):
        try:
            file = load(path, WordFile)
            Words(file.all_phrases())
        except ConfigurationError as error:
            problems += error.problems
        except (ValueError, IndexError):
            message = "One of the phrases cannot be used: it has letters, spaces, ( | ) ? * ~ = and signs such as - / ."
            problems.append(Problem(source=str(path), line=1, column=1, message=message))
        else:
            files.append(file)
    return files, problems
