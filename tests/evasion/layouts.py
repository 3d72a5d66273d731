"""Hiding places on the pages of a PDF: what a number is says only what stands beside it or above it."""

from collections.abc import Callable, Iterator

from tests.evasion.specimen import LICENCE, Specimen, file
from tests.formats import pages, pictures
from tests.formats.pages import Page, by_column, table

_LETTER = [(72, 760 - 14 * line, f"This is line {line} of a letter, as people write it.") for line in range(9)]
_LEFTS = (72, 220, 420)


def layouts() -> Iterator[Specimen]:
    """Yield a specimen for each way in which a page may be laid out."""
    for name, make in _LAYOUTS.items():
        yield file(f"pdf-{name}", lambda text, make=make: pages.pdf(make(*_label_and_number(text))), "a.pdf")
    yield _picture("letter-and-picture", _LETTER)
    yield _picture("line-and-picture", [(72, 20, "Scanned by some program")])


def _label_and_number(text: str) -> tuple[str, str]:
    """A number that nothing tells but its label."""
    label, _, number = text.rpartition(" ")
    return label, "F5731945" if text == LICENCE else number


def _rows(label: str, number: str) -> list[list[str]]:
    return [["Name", label, "Town"], ["Gordon Ellsby", number, "York"], ["Lena Wren", "", "Hull"]]


def _wrapped(label: str, number: str) -> list[list[str]]:
    first, _, rest = label.partition(" ")
    return [["Name", f"{first}\n{rest}", "Town"], ["Gordon Ellsby", number, "3 High Street\nYork"]]


def _right(label: str, number: str) -> list[pages.Words]:
    words = [(72.0, 700.0, "Name"), (200.0, 700.0, label), (372.0, 700.0, "Town")]
    return [*words, (72, 682, "Gordon Ellsby"), (300 - 6 * len(number), 682, number), (372, 682, "York")]


def _with_field(label: str, number: str, words: pages.Words, field: pages.Box) -> list[Page]:
    return [Page(words=[words, (72, 640, "Town")], fields=[(field, number), ((172, 635, 320, 653), "York")])]


_LAYOUTS: dict[str, Callable[[str, str], list[Page]]] = {
    "table": lambda label, number: [Page(words=table(_rows(label, number), _LEFTS))],
    "table-drawn-by-column": lambda label, number: [Page(words=by_column(table(_rows(label, number), _LEFTS)))],
    "table-below-prose": lambda label, number: [Page(words=[*_LETTER, *table(_rows(label, number), _LEFTS, top=600)])],
    "table-of-two-rows": lambda label, number: [Page(words=table(_rows(label, number)[:2], _LEFTS))],
    "table-with-lines-in-cells": lambda label, number: [Page(words=table(_wrapped(label, number), _LEFTS))],
    "table-without-space": lambda label, number: [Page(words=table(_wrapped(label, number), _LEFTS, leading=11))],
    "table-of-numbers-on-the-right": lambda label, number: [Page(words=_right(label, number))],
    "table-on-its-side": lambda label, number: [Page(words=table(_rows(label, number), _LEFTS, top=500), rotate=90)],
    "table-on-its-head": lambda label, number: [Page(words=table(_rows(label, number), _LEFTS), rotate=180)],
    "table-overleaf": lambda label, number: [
        Page(words=table([_rows(label, "")[0], ["Pia Ott", "", "Leeds"], ["Max Roe", "", "Ayr"]], _LEFTS)),
        Page(words=table([["Gordon Ellsby", number, "YO1 1AA"], ["Lena Wren", "", "HU1 1AA"]], _LEFTS)),
    ],
    "field-beside-label": lambda label, number: _with_field(label, number, (72, 700, label), (200, 695, 320, 713)),
    "field-below-label": lambda label, number: _with_field(label, number, (72, 720, label), (72, 695, 272, 715)),
    "field-on-a-line": lambda label, number: _with_field(
        label, number, (72, 700, f"{label} ______________"), (180, 695, 320, 713)
    ),
    "fields-of-one-character": lambda label, number: [
        Page(
            words=[(72, 700, label)],
            fields=[((220 + 20 * at, 695, 238 + 20 * at, 713), sign) for at, sign in enumerate(number)],
        )
    ],
    "field-below-head": lambda label, number: [
        Page(words=table([["Name", label]], (72, 220)), fields=[((220, 677, 330, 693), number)])
    ],
    "typed-beside-label": lambda label, number: [
        Page(words=[(72, 700, label)], notes=[((200, 695, 320, 713), number)])
    ],
}


def _picture(name: str, words: list[pages.Words]) -> Specimen:
    """A code, which needs no letters to be read."""

    def content(text: str) -> bytes:
        code = pictures.code(" ".join(_label_and_number(text)), "QRCode").resize((400, 400))
        return pages.pdf([Page(words=words, pictures=[((60, 300, 220, 460), code)])])

    return file(f"pdf-{name}", content, "a.pdf")
