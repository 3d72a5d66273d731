"""What identifier rules must and must not find, as data beside them: `<rule>.cases.yaml`.

In a text that must be found in, `[[` and `]]` enclose every number of the rule's type; they are no part of the text.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from dlp_gateway.detect.base import CONFIDENCE
from dlp_gateway.detect.identifier_rules import RuleBook
from dlp_gateway.detect.recognition import Recognition
from dlp_gateway.document import Document, Model, load_document
from dlp_gateway.errors import Problem

_MARKED: Final = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)


class CasesFile(Model):
    """Texts in which the marked numbers, and nothing else of the type, are found; and texts without any."""

    finds: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()


def check(book: RuleBook, folder: Path) -> Iterator[Problem]:
    """Yield a problem for every case of a pack, or of a folder of packs, that does not hold; see `results`."""
    for _, problems in results(book, folder):
        yield from problems


def results(book: RuleBook, folder: Path) -> Iterator[tuple[Path, tuple[Problem, ...]]]:
    """Yield each file of cases of a pack, or of a folder of packs, with the cases that do not hold.

    A case holds at medium confidence, and a rule without a file of cases holds none. Raises `ConfigurationError` for a
    file that cannot be read.
    """
    recognition = Recognition(book)
    types = {rule.id: rule.type for rule in book.rules}
    files = sorted((*folder.glob("identifiers/*.yaml"), *folder.glob("*/identifiers/*.yaml")))
    for path in files:
        if path.name.endswith(".cases.yaml"):
            yield path, tuple(_of_file(recognition, types, path))
        elif not (cases := path.with_suffix(".cases.yaml")).is_file():
            message = f"It has no cases; write {cases.name} with `finds` and `misses`."
            yield path, (Problem(source=str(path), line=0, column=0, message=message),)


def _of_file(recognition: Recognition, types: Mapping[str, str], path: Path) -> Iterator[Problem]:
    document = load_document(path, CasesFile)
    file = document.finish()
    kind = types.get(path.name.removesuffix(".cases.yaml"))
    if kind is None:
        yield document.problem((), "There is no rule of this name beside these cases.")
        return
    if not file.finds and not file.misses:
        yield document.problem((), "There is no text in it; write `finds` and `misses`.")
    for index, text in enumerate(file.finds):
        if not _MARKED.search(text):
            message = f"Nothing is marked in {_ordinal('finds', index)}; put [[ and ]] around each number."
            yield document.problem(("finds", index), message)
            continue
        yield from _check(recognition, kind, text, document, ("finds", index))
    for index, text in enumerate(file.misses):
        yield from _check(recognition, kind, text, document, ("misses", index))


def _check(
    recognition: Recognition, kind: str, marked: str, document: Document[CasesFile], location: tuple[str, int]
) -> Iterator[Problem]:
    text, expected = unmark(marked)
    place = _ordinal(*location)
    spans = recognition.spans(text)
    found = {(s.start, s.end) for s in spans if s.type == kind and s.score >= CONFIDENCE["medium"]}
    if expected - found:
        yield document.problem(location, f"{len(expected - found)} of the marked numbers in {place} are not found.")
    if found - expected:
        yield document.problem(location, f"{len(found - expected)} numbers are found in {place} that are not marked.")


def _ordinal(section: str, index: int) -> str:
    return f"text {index + 1} of `{section}`"


def unmark(text: str) -> tuple[str, set[tuple[int, int]]]:
    """Return the text without its marks, and where the marked numbers stand in it."""
    spans = {(m.start() - 4 * index, m.end() - 4 * (index + 1)) for index, m in enumerate(_MARKED.finditer(text))}
    return _MARKED.sub(r"\1", text), spans
