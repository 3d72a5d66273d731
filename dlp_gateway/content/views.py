"""Text with changes and asides in it → the text as it is written, and behind it what others see of it.

A document with tracked changes is seen in three ways: with what was deleted and what was inserted, with the changes
accepted, and with them rejected. Hidden text, codes of fields, comments and notes stand within the text as it is
written, and not within what is seen. Readers put marks around all of that. What leaves the house is read as it is
written, whatever is marked; where a mark tears a word or a number, it is read once more as it is seen.
"""

import re
from collections.abc import Iterator
from io import StringIO
from typing import Final

#: Control characters around a passage, which XML forbids and other readers drop, as they show nothing.
DELETED, END_DELETED, INSERTED, END_INSERTED, UNSEEN, END_UNSEEN = "\x0e\x0f\x10\x11\x12\x13"
#: The ends of passages by what begins them.
ENDS: Final = {DELETED: END_DELETED, INSERTED: END_INSERTED, UNSEEN: END_UNSEEN}
_HOLE: Final = "\x14"  # something was left out here, which tore a word or a number
_MARKS: Final = {ord(mark): None for mark in (*ENDS, *ENDS.values(), _HOLE)}
_PIECE: Final = re.compile(r"([\x0e-\x13])|[^\x0e-\x13]+")
_MARK: Final = re.compile(r"[\x0e-\x13]")
_KINDS: Final = "".join(ENDS)
#: What may stand between a digit and the rest of its number.
_GAP: Final = 3
_SEPARATORS: Final = " \u00a0-./,:"
#: Up to so many characters a text is read as a whole, so that numbers stay below the heads of their columns.
_WHOLE: Final = 50_000
#: Of a longer one, so many on either side of each place.
_AROUND: Final = 240
_LONGEST_WORD: Final = 40
_BLANK: Final = re.compile(r"\s")


def without_marks(text: str) -> str:
    """Return text from a source that may have such characters of its own."""
    return text.translate(_MARKS) if _MARK.search(text) or _HOLE in text else text


def readings(marked: str) -> str:
    r"""Return a text with marks without them, and behind it how it is seen where that differs within words.

    >>> readings("no. 45\x0e77\x0f\x1039\x11").split("\n")
    ['no. 457739', 'no. 4539', 'no. 4577']
    """
    if not _MARK.search(marked):
        return marked
    return "\n".join((marked.translate(_MARKS), *others(marked)))


def others(marked: str, whole: int = _WHOLE) -> list[str]:
    """Return how a text with marks is seen by others, where that differs within words, up to a length all of it."""
    views = [UNSEEN] if UNSEEN in marked else []
    views += [UNSEEN + change for change in (DELETED, INSERTED) if change in marked]
    found: dict[str, None] = {}
    for without in views:
        found.update(dict.fromkeys(_around(_seen(marked, without), whole)))
    return list(found)


def _seen(marked: str, without: str) -> str:
    """Return a text without some kinds of passages, a mark where one tore it."""
    seen = StringIO()
    opened = dict.fromkeys(_KINDS, 0)
    before = ""  # the end of what is seen
    first = last = ""  # how what was left out begins and ends
    starts = {end: start for start, end in ENDS.items()}
    for piece in _PIECE.finditer(marked):
        mark, text = piece[1], piece[0]
        if mark:
            kind = starts.get(mark, mark)
            opened[kind] = max(0, opened[kind] + (1 if mark == kind else -1))
        elif any(opened[kind] for kind in without):
            first = first or text[0]
            last = text[-1]
        else:
            if last and is_torn(before, first, last, text[: _GAP + 1]):
                seen.write(_HOLE)
            seen.write(text)
            before = (before + text[-_GAP - 1 :])[-_GAP - 1 :]
            first = last = ""
    if last and is_torn(before, first, last, ""):
        seen.write(_HOLE)
    return seen.getvalue()


def is_torn(before: str, first: str, last: str, behind: str) -> bool:
    """Return whether what was left out, by its first and last character, stood within a word or a number.

    `before` and `behind` need have four characters.
    """
    if behind[:1].isalnum() and (last.isalnum() or before[-1:].isalnum()):
        return True
    if before[-1:].isalnum() and first.isalnum():
        return True
    ahead, back = before[-_GAP - 1 :].rstrip(_SEPARATORS), behind[: _GAP + 1].lstrip(_SEPARATORS)
    return ahead[-1:].isdigit() and back[:1].isdigit()


def _around(seen: str, whole: int) -> Iterator[str]:
    """Yield what stands around the places where something was left out, of a text of modest length all of it."""
    place = seen.find(_HOLE)
    if place >= 0 and len(seen) <= whole:
        yield seen.replace(_HOLE, "").strip(" \n")
        return
    while place >= 0:
        start = _word_from(seen, max(0, place - _AROUND), place)
        end = place
        while 0 <= place <= end + 2 * _AROUND:
            end = place
            place = seen.find(_HOLE, place + 1)
        last = _word_to(seen, min(len(seen), end + _AROUND), end)
        yield seen[start:last].replace(_HOLE, "").strip(" \n")


def _word_from(text: str, place: int, most: int) -> int:
    """Return where a window may begin, for the rest of a word might look like a number of its own."""
    blank = _BLANK.search(text, place, min(most, place + _LONGEST_WORD)) if place else None
    return blank.start() if blank else place


def _word_to(text: str, place: int, least: int) -> int:
    blank = (
        max(text.rfind(sign, max(least, place - _LONGEST_WORD), place) for sign in " \n\t") if place < len(text) else -1
    )
    return blank if blank >= 0 else place
