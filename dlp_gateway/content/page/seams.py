"""Pieces of text at their places → how they are read, with seams where they are no neighbours as written."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, pairwise, zip_longest
from typing import Final

from dlp_gateway.content.page.piece import BLANKS, BREAK, FROM_RIGHT, GLUE, LINE, RIGHT_TO_LEFT, ROW, SEAM, WIDTH, Piece

#: A number that may change places with what stands behind it.
TURNS: Final = re.compile(rf"\d(?![-+.,:/\u00a0]\d)[^\w\n{LINE}{ROW}]++[A-Za-z0-9]")
_RUNS: Final = re.compile(f"[{FROM_RIGHT}]++|[^{FROM_RIGHT}]++")
#: Numbers before the first letter of a line stand from the right to the left; signs between digits belong to them.
_FIRST_LETTER: Final = re.compile(r"[^\W\d_]")
_NUMBER: Final = re.compile(r"\d+(?:[-+.,:/\u00a0]\d+)*+")
_LAST_WORD: Final = re.compile(r"\w+$")
_FIRST_WORD: Final = re.compile(r"\w+")
_LONGEST_PREFIX: Final = 3  # of a number: "D", "CA", "LIC"
_TOUCHING: Final = 40
_SAME_LINE: Final = 0.6
#: Lines of boxes beside each other that are read line by line.
_BESIDE: Final = 40


def rows(pieces: list[Piece]) -> list[list[Piece]]:
    """Return what is seen from the top to the bottom, in each line from the left to the right."""
    found: list[list[Piece]] = []
    for piece in sorted((piece for piece in pieces if piece.text), key=lambda piece: (piece.y, piece.source)):
        if found and piece.y - found[-1][0].y < _SAME_LINE:
            found[-1].append(piece)
        else:
            found.append([piece])
    return [sorted(row, key=lambda piece: (piece.x, piece.source)) for row in found]


def in_columns(pieces: list[Piece], count: int) -> list[Piece]:
    """Return lines beside each other that stand in columns."""
    written = rows(pieces)
    if not 2 <= len(written) <= _BESIDE * count:
        return pieces
    height = -(-len(written) // count)
    return [
        replace(piece, y=number % height, x=piece.x + number // height * WIDTH)
        for number, line in enumerate(written)
        for piece in line
    ]


def from_right(row: list[Piece]) -> list[Piece]:
    """Return a line that runs from the right to the left, as who reads from the left sees it."""
    if any(piece.is_atomic for piece in row):
        runs = groupby(row, key=lambda piece: RIGHT_TO_LEFT.search(piece.text) is None)
        return [piece for is_turned, run in runs for piece in ([*run][::-1] if is_turned else run)]
    if any(piece.is_free for piece in row):
        return row
    text = "".join(f" {piece.text}" if piece.is_apart and piece is not row[0] else piece.text for piece in row)
    if not TURNS.search(text):
        return row
    seen = SEAM.join(_numbers_turned(run) for run in _RUNS.findall(text))
    return [replace(row[0], text=f"{SEAM}{seen}")] if seen.replace(SEAM, "") != text else row


def _numbers_turned(run: str) -> str:
    """Return letters of one direction, the numbers before the first of them the other way round (UAX #9, W2-W7, N1)."""
    if RIGHT_TO_LEFT.search(run):
        return run
    first = _FIRST_LETTER.search(run)
    numbers = [*_NUMBER.finditer(run, 0, first.start() if first else len(run))]
    if len(numbers) + bool(first) < 2 or not numbers:
        return run
    words: list[str] = []
    place = 0
    for number in numbers:
        if first and number.end() == first.start():
            break
        words += [run[place : number.start()], number[0]]
        place = number.end()
    blanks = len(run) - len(run.rstrip(BLANKS + "\u00a0"))
    rest = run[place : len(run) - blanks] if first else ""
    gap = rest[: len(rest) - len(rest.lstrip())]
    words += [gap, rest[len(gap) :]] if first else []
    return words[0] + "".join(reversed(words[1:])) + (run[len(run) - blanks :] if first else run[place:])


def counted(pieces: Iterable[Piece]) -> list[Piece]:
    """Return pieces, counted as they are written."""
    found = [*pieces]
    for number, piece in enumerate(found):
        piece.source = number
    return found


def lines(seen: list[list[Piece]]) -> Iterator[str]:
    """Yield pieces and what stands between them: nothing, a break, a seam where they are no neighbours as written."""
    last: Piece | None = None
    for row in seen:
        for at, piece in enumerate(_line_by_line(row)):
            if last is not None:
                is_next = piece.source == last.source + 1
                if at == 0:
                    yield LINE if is_next else f"{SEAM}{LINE}"
                elif is_next and not piece.is_apart:
                    yield SEAM if piece.is_cut else ""
                elif is_next and not touch(last.text, piece.text):
                    yield LINE
                else:
                    yield _joint(last.text, piece.text)
            yield piece.text
            last = piece


def _line_by_line(row: list[Piece]) -> list[Piece]:
    """Return boxes of several lines that changed places line by line, as they are seen beside each other."""
    if len(row) < 2 or all(one.source < other.source for one, other in pairwise(row)):
        return row
    texts = [BREAK.split(piece.text)[::2] for piece in row]
    most = max(map(len, texts))
    if most == 1 or most > _BESIDE:
        return row
    beside = [GLUE.join(filter(str.strip, line)) for line in zip_longest(*texts, fillvalue="")]
    return [replace(row[0], text=f"{SEAM}{LINE}".join(beside))]


def touch(before: str, behind: str) -> bool:
    """Return whether two texts may be halves of a number."""
    before, behind = before[-_TOUCHING:].rstrip(SEAM), behind[:_TOUCHING].lstrip(SEAM)
    if not (before[-1:].isalnum() and behind[:1].isalnum()):
        return False
    words = _last_word(before), _first_word(behind)
    return any(sign.isdigit() for word in words for sign in word) and not any(map(_is_word, words))


def _is_word(text: str) -> bool:
    return text.isalpha() and len(text) > _LONGEST_PREFIX


def _last_word(text: str) -> str:
    found = _LAST_WORD.search(text[-_TOUCHING:].rstrip(SEAM))
    return found[0] if found else ""


def _first_word(text: str) -> str:
    found = _FIRST_WORD.match(text[:_TOUCHING].lstrip(SEAM))
    return found[0] if found else ""


def _joint(before: str, behind: str) -> str:
    """Return what is written between two boxes that touch: words are apart, what may be a number is read both ways."""
    return f"{SEAM} " if _is_word(_last_word(before)) or _is_word(_first_word(behind)) else GLUE
