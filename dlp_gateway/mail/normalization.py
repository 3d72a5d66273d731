"""Normalization Form KC (UAX #15) in the time of a pass over the text, whatever marks stand in a row there.

`unicodedata` puts marks in their order by insertion, so that a hundred kilobytes of them take seconds, for which no
other thread of the process runs.
"""

import re
import unicodedata
from itertools import groupby
from typing import Final

#: Characters in a row of which none is in a range that has no marks: letters of European scripts, of Hangul, kana, Han.
#: Fewer are put in order in no time; words of other scripts are shorter.
_MAY_BE_MARKS: Final = re.compile(
    r"[^\x00-\u02ff\u0370-\u0482\u048a-\u0590\u3041-\u3096\u30a0-\u30ff\u3400-\u9fff\uac00-\ud7a3]{64,}"
)


def nfkc(text: str) -> str:
    """Return what `unicodedata.normalize("NFKC", text)` does."""
    if not text.isascii() and _MAY_BE_MARKS.search(text):
        text = _MAY_BE_MARKS.sub(_in_order, text)
    return unicodedata.normalize("NFKC", text)


def _in_order(run: re.Match[str]) -> str:
    """Return a run decomposed, with its marks in order already (UAX #15 section 3.11, D109): then no work is left."""
    decomposed = "".join([unicodedata.normalize("NFKD", character) for character in run[0]])
    return "".join(
        "".join(sorted(group, key=unicodedata.combining) if is_mark else group)
        for is_mark, group in groupby(decomposed, key=lambda character: unicodedata.combining(character) > 0)
    )
