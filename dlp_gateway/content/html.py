"""HTML → the text that a recipient can read, hidden text included (the only door to selectolax).

Lexbor reads the source as browsers do (HTML standard, 13.2) and writes it back in one canonical form; a single scan of
that form yields the text. Inline tags vanish, so a number that is cut by tags is whole again; blocks become lines; the
cells of a table row stand on one line, separated by tabs. What is in the source but not in the flow (titles, link
queries, comments, CSS strings) follows behind the text, a line each.
"""

import re
from html import unescape
from typing import Final
from urllib.parse import unquote_plus

from selectolax.lexbor import LexborHTMLParser

#: Lexbor writes ` name="value"` with `&` and `"` escaped (HTML standard, 13.3), so this scan is exact and linear.
_TOKEN: Final = re.compile(
    r"""<(/?[A-Za-z][^\t\n\f\r />]*+)((?:\ =?+[^\t\n\f\r />=]*+="[^"]*+")*+)\ ?/?>"""  # tag, attributes
    r"""|<!--(.*?)-->"""
    r"""|<!DOCTYPE[^>]*+>""",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r' (=?+[^\t\n\f\r />=]*+)="([^"]*+)"')
_LOOSE_TAG: Final = re.compile(r"<(/?[A-Za-z!][^\s<>/]*+)[^<>]*+>")
_BLANKS: Final = re.compile("  +")
_UNSEEN: Final = "\u00ad\u200b\u200c\u200d\u2060\ufeff"  # soft hyphen, zero-width characters, word joiner
_CSS_STRING: Final = re.compile(r"""content\s*+:\s*+(?:"([^"\n]*+)"|'([^'\n]*+)')""", re.IGNORECASE)

_BLOCKS: Final = (
    "address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe legend li listing main menu "
    "nav noframes object ol optgroup option p plaintext pre search section select summary textarea title ul xmp"
)
_ROWS: Final = "table tbody tfoot thead tr"
# Control characters stand for breaks while blanks collapse; the text's own are dropped first, they show nothing.
_LINE, _CELL, _ROW, _END = "\x01\x02\x03\x04"
_BREAK: Final = {
    **{slash + name: _LINE for name in _BLOCKS.split() for slash in ("", "/")},
    **{slash + name: _ROW for name in _ROWS.split() for slash in ("", "/")},
    **dict.fromkeys(("td", "th"), _CELL),
}
_BREAKS: Final = re.compile(f" ?[{_LINE}{_CELL}{_ROW}][ {_LINE}{_CELL}{_ROW}]*+")
_PREFORMATTED: Final = re.compile(r"<(pre|textarea|xmp|listing|plaintext)\b.*?</\1>", re.DOTALL)

_SHOWN_IN_PLACE: Final = frozenset({"alt", "value", "placeholder", "label"})
_SHOWN_ELSEWHERE: Final = frozenset(
    {"title", "aria-label", "aria-description", "summary", "content", "abbr", "datetime"}
)
_LINKS: Final = frozenset({"href", "src", "action", "formaction", "background", "cite", "xlink:href", "poster", "data"})
_SPEAKING_LINK: Final = re.compile(r"(?:mailto|tel|sms|callto|data:text/)|[^?#]*[?#]", re.IGNORECASE)
_TELLING: Final = re.compile(f' (?:{"|".join(sorted(_SHOWN_IN_PLACE | _SHOWN_ELSEWHERE | _LINKS))})="')
_LONGEST_ATTRIBUTE: Final = 65_536


def text(source: str) -> str:
    """Return what a reader of the HTML `source` can see or find in it; "" if there is nothing."""
    tree = LexborHTMLParser(_without(source, _LINE + _CELL + _ROW + _END) + _END)
    behind: list[str] = []
    if "<s" in source or "<S" in source:
        for node in tree.css("style"):
            behind += (first or second for first, second in _CSS_STRING.findall(node.text()))
        tree.strip_tags(["script", "style"], recursive=True)
    canonical = tree.html or ""
    if _PREFORMATTED.search(canonical):
        canonical = _PREFORMATTED.sub(lambda element: element[0].replace("\n", _LINE), canonical)

    def shown(token: re.Match[str]) -> str:
        tag, attributes, comment = token.groups()
        if tag:
            place = _BREAK.get(tag, "")
            return place + _told(attributes, behind) if attributes and _TELLING.search(attributes) else place
        if comment and not comment.isspace():
            behind.append(_loose(comment))
        return ""

    flow = _BREAKS.sub(lambda breaks: _white_space(breaks[0]), _collapsed(_TOKEN.sub(shown, canonical)))
    if not flow.rstrip().endswith(_END):  # the source ends inside a tag, comment or script: browsers drop that piece
        behind.append(_loose(source))
    lines = [flow.strip(" \n" + _END), *(_collapsed(piece).strip() for piece in behind)]
    return _without(_unescaped("\n".join(line for line in lines if line)), _UNSEEN + _END)


def _white_space(breaks: str) -> str:
    """A new cell in a row is a tab, whatever blocks its text is wrapped in; every other break is a new line."""
    _, row, cells = breaks.rpartition(_ROW)
    count = cells.count(_CELL)
    if row:
        return "\n" + "\t" * (count - 1)
    return "\t" * count or "\n"


def _loose(source: str) -> str:
    """Read markup that no parser has put in order: what stands in a comment (some clients show it) or was cut off."""
    return unescape(_LOOSE_TAG.sub(lambda tag: " " if _BREAK.get(tag[1].lower()) else "", source))


def _collapsed(text: str) -> str:
    """Turn each run of HTML's own white space into one blank (CSS Text 3, 4.1.1)."""
    for blank in "\t\n\f\r":
        text = text.replace(blank, " ")
    return _BLANKS.sub(" ", text)


def _without(text: str, characters: str) -> str:
    for character in characters:
        if character in text:
            text = text.replace(character, "")
    return text


def _told(attributes: str, behind: list[str]) -> str:
    """Return what the attributes show in the flow; add to `behind` what they hold elsewhere."""
    here = ""
    for name, value in _ATTRIBUTE.findall(attributes):
        if not value or len(value) > _LONGEST_ATTRIBUTE:
            continue
        if name in _SHOWN_IN_PLACE:
            here += value
        elif name in _SHOWN_ELSEWHERE:
            behind.append(value)
        elif name in _LINKS and _SPEAKING_LINK.match(value):
            behind.append(unquote_plus(value))
    return f" {here} " if here else ""


def _unescaped(escaped: str) -> str:
    """Undo the four escapes of the canonical form (HTML standard, 13.3)."""
    if "&" not in escaped:
        return escaped
    return (
        escaped.replace("&nbsp;", "\u00a0")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", '"')
        .replace("&amp;", "&")
    )
