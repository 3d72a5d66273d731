"""HTML → the text that a recipient can read, hidden text included.

Lexbor reads the source as browsers do (HTML standard, 13.2) and writes it back in one canonical form; a single scan of
that form yields the text. Inline tags vanish, so a number that is cut by tags is whole again; blocks become lines; the
cells of a table row stand on one line, separated by tabs. What is in the source but not in the flow (titles, link
queries, comments, CSS strings) follows behind the text, a line each.
"""

import re
from base64 import b64decode
from binascii import Error as BadEncoding
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from html import unescape
from typing import Final
from urllib.parse import unquote_plus, unquote_to_bytes

from selectolax.lexbor import LexborHTMLParser

from dlp_gateway.content import boxes, drawing, script, structured
from dlp_gateway.content.page import arranged, style
from dlp_gateway.content.page.piece import CELL, LINE, MARKS, ROW
from dlp_gateway.content.text import replaced

#: Lexbor writes ` name="value"` with `&` and `"` escaped (HTML standard, 13.3), so this scan is exact and linear.
_TOKEN: Final = re.compile(
    r"""<(/?[A-Za-z][^\t\n\f\r />]*+)((?:\ =?+[^\t\n\f\r />=]*+="[^"]*+")*+)\ ?/?>"""  # tag, attributes
    r"""|<!--(.*?)-->"""
    r"""|<\?([^>]*+)>"""  # a processing instruction: "45<?x?>39" is seen as 4539
    r"""|<!DOCTYPE[^>]*+>""",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r' (=?+[^\t\n\f\r />=]*+)="([^"]*+)"')
_LOOSE_TAG: Final = re.compile(r"<(/?[A-Za-z!][^\s<>/]*+)[^<>]*+>")
_BLANKS: Final = re.compile("  +")
_UNSEEN: Final = "\u00ad\u200b\u200c\u200d\u2060\ufeff"  # soft hyphen, zero-width characters, word joiner

_BLOCKS: Final = (
    "address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe legend li listing main menu "
    "nav noframes object ol optgroup option p plaintext pre search section select summary textarea title ul xmp"
)
_ROWS: Final = "table tbody tfoot thead tr"
#: Stands at the end of the source, and shows whether the parser has come so far.
_END: Final = "\x04"
#: The text's own control characters that have a meaning here, as they are or by their numbers; they show nothing.
_OWN_MARKS: Final = _END + LINE + CELL + ROW + MARKS
_NUMBERED: Final = re.compile(r"&#(?:[xX]0*+[1-6eEfF](?![0-9A-Fa-f])|0*+(?:[1-6]|14|15)(?![0-9]));?")
_BREAK: Final = {
    **{slash + name: LINE for name in _BLOCKS.split() for slash in ("", "/")},
    **{slash + name: ROW for name in _ROWS.split() for slash in ("", "/")},
    **dict.fromkeys(("td", "th"), CELL),
}
_BREAKS: Final = re.compile(f" ?[{LINE}{CELL}{ROW}][ {LINE}{CELL}{ROW}]*+")
_CELLS: Final = re.compile(f"(?<={ROW})[^{ROW}]++")
_HEADING: Final = 60  # characters
_NO_HEADING: Final = re.compile(r"[\d:!?]")
_PREFORMATTED: Final = re.compile(r"<(/?)(?:pre|textarea|xmp|listing|plaintext)\b|\n")

_PREFORMATTED_TAGS: Final = ("<pre", "<textarea", "<xmp", "<listing", "<plaintext")

#: Attributes of one tag beyond which Lexbor is not asked: it compares each with all before it (60,000 take 30 s).
ATTRIBUTES: Final = 1_000
#: Open elements beyond which it is not asked, since every tag may look at all of them; Chromium stops at 512.
DEPTH: Final = 1_000
#: A table of fifty thousand cells has a quarter of this; Lexbor's tree takes two hundred octets for each.
TAGS: Final = 400_000
#: Elements that each block repeats where they are still open, of those that are alike three (HTML standard, 13.2.4.3).
_FORMATTING: Final = frozenset(
    ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
)
_ALIKE: Final = 3
_NAMED_VALUE: Final = r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+))?+"""
#: One match for each tag, comment, script and style sheet (HTML standard, 13.2.5), whatever is wrong with it.
_START: Final = re.compile(
    r"""<!--(?:-?>|.*?(?:--!?>|\Z))|<(?:script|style)\b.*?(?:</(?:script|style)|\Z)"""
    rf"""|<(/?)([A-Za-z][^\s/>]*+)(?:{_NAMED_VALUE}){{0,{ATTRIBUTES}}}+({_NAMED_VALUE})?+\s*+(/>)?""",
    re.DOTALL | re.IGNORECASE,
)
_MANY: Final = re.compile(rf"<[A-Za-z][^\s/>]*+(?:{_NAMED_VALUE}){{{ATTRIBUTES + 1}}}")
#: Elements without content, and those that the next of their kind ends.
_UNNESTED: Final = (
    "area base br caption col colgroup dd dt embed hr img input li link meta optgroup option p param source "
    "tbody td tfoot th thead tr track wbr"
)
_NEVER_NESTED: Final = frozenset(_UNNESTED.split())

_SHOWN_IN_PLACE: Final = frozenset({"alt", "value", "placeholder", "label", "start"})
_SHOWN_ELSEWHERE: Final = frozenset(
    {"title", "aria-label", "aria-description", "summary", "content", "abbr", "datetime"}
)
#: Outlook reads what other clients take for a comment; that matters where it cuts a word.
_CONDITION: Final = re.compile(r"<!--\[if[^\]<>]{0,100}\]>(?:<!-->)?|(?:<!--)?<!\[endif\]-->")
_FOR_ONE_CLIENT: Final = re.compile(r"\w<!--\[if|<!\[endif\]-->\w")
#: Names of data that pages keep for themselves.
_MACHINE_DATA: Final = re.compile(
    r"(?:id|ids|uid|uuid|key|hash|token|src|href|url|width|height|size|time|date|index|version|class|type|style|ogs[a-z])$"
)
_LINKS: Final = frozenset({"href", "src", "action", "formaction", "background", "cite", "xlink:href", "poster", "data"})
_SPEAKING_LINK: Final = re.compile(r"(?:mailto|tel|sms|callto|data:text/|data:image/svg)|[^?#]*[?#]", re.IGNORECASE)
_TELLING: Final = re.compile(
    f' (?:{"|".join(sorted(_SHOWN_IN_PLACE | _SHOWN_ELSEWHERE | _LINKS | {"srcdoc"}))}|data-[^ =]+|on[a-z]+)="'
)
#: Documents in links that stand in style sheets, in styles and where a page sends its reader.
_IN_STYLE: Final = re.compile(
    r"(?i)(?:url\s{0,8}\(\s{0,8}[\"']?|url=)(data:(?:text/|image/svg)[^,<>]{0,128},[^\"'<>)]++)"
)
_LINKED: Final = 100
_LONGEST_ATTRIBUTE: Final = 65_536


def text(source: str, *, for_one_client: bool = True) -> str:
    """Return what a reader of the HTML `source` can see or find in it; "" if there is nothing.

    `for_one_client`: also what Outlook shows, once, for what it takes out may put another condition together.
    """
    source = _without(source, _OWN_MARKS)
    if "&#" in source:
        source = _NUMBERED.sub("", source)
    tree = LexborHTMLParser(source + _END)
    applied = style.applied(tree, source) if style.is_styled(source) else style.NOTHING
    behind = [*applied.told]
    if for_one_client and "[if" in source and _FOR_ONE_CLIENT.search(source):
        behind.append(text(_CONDITION.sub("", source), for_one_client=False))
    if "<s" in source or "<S" in source:
        behind += (_scripted(node.attributes.get("type") or "", node.text()) for node in tree.css("script"))
        tree.strip_tags(["script", "style"], recursive=True)
    if "<text" in source or "<tspan" in source:
        behind += drawing.lines(tree)
    if "data:" in source:
        behind += dict.fromkeys(_document(link) for link in _IN_STYLE.findall(source)[:_LINKED])
    if "<rp" in source:  # which clients show that know no ruby
        tree.strip_tags(["rp"], recursive=True)
    canonical = tree.html or ""
    del tree  # which takes twenty times its source
    if any(start in canonical for start in _PREFORMATTED_TAGS):
        canonical = _with_lines(canonical)

    def shown(token: re.Match[str]) -> str:
        tag, attributes, comment, instruction = token.groups()
        if tag:
            place = _BREAK.get(tag, "")
            return place + _told(attributes, behind) if attributes and _TELLING.search(attributes) else place
        aside = comment or instruction
        if aside and not aside.isspace():
            behind.append(loose(aside))
        return ""

    written = _TOKEN.sub(shown, canonical)
    seen: list[str] = []
    if applied.boxes:
        readings = arranged.readings(_unescaped(arranged.of_boxes(written).replace(_END, "")), applied.boxes)
        seen = [_with_white_space(reading).strip(" \n") for reading in readings]
        written = arranged.unmarked(written)
        behind = [arranged.unmarked(piece) for piece in behind]
    flow = _with_white_space(written)
    if not flow.rstrip().endswith(_END):  # the source ends inside a tag, comment or script: browsers drop that piece
        behind.append(loose(source))
    lines = [flow.strip(" \n" + _END), *seen, *(_collapsed(piece).strip() for piece in behind)]
    found = _without(_unescaped("\n".join(line for line in lines if line)), _UNSEEN + _END)
    return boxes.with_wholes(found)


def _scripted(kind: str, source: str) -> str:
    """Return what a script says: data, a page that waits to be shown, or words that a program writes."""
    if "json" in kind.lower():
        return structured.json_text(source)
    said = script.text(source)
    return loose(source) if "template" in kind or "html" in kind else loose(said) if "<" in said else said


def _with_white_space(flow: str) -> str:
    """Return text with lines and cells as they are seen, for the breaks that stand in it."""
    collapsed = _collapsed(flow)
    if CELL in collapsed:
        collapsed = replaced(_CELLS, _on_one_line, collapsed)
    return _BREAKS.sub(lambda breaks: _white_space(breaks[0]), collapsed)


def _on_one_line(row: re.Match[str]) -> str:
    """Return a row of headings in which no heading is broken: "Passport<br>number"."""
    cells = row[0].split(CELL)
    if len(cells) < 3 or LINE not in row[0] or len(max(cells, key=len)) > _HEADING or _NO_HEADING.search(row[0]):
        return row[0]
    return CELL.join(" ".join(filter(None, map(str.strip, cell.split(LINE)))) for cell in cells)


def _white_space(breaks: str) -> str:
    """A new cell in a row is a tab, whatever blocks its text is wrapped in; every other break is a new line."""
    _, row, cells = breaks.rpartition(ROW)
    count = cells.count(CELL)
    if row:
        return "\n" + "\t" * (count - 1)
    return "\t" * count or "\n"


def _with_lines(canonical: str) -> str:
    """Mark the line ends within preformatted elements, which are shown as such."""
    depth = 0

    def marked(place: re.Match[str]) -> str:
        nonlocal depth
        if place[0] == "\n":
            return LINE if depth else "\n"
        depth = max(0, depth - 1) if place[1] else depth + 1
        return place[0]

    return _PREFORMATTED.sub(marked, canonical)


@dataclass(slots=True)
class _Open:
    """Counts the elements that are open, and those that a block repeats."""

    depth: int = 0
    elements: Counter[str] = field(default_factory=Counter)
    ruby: tuple[int, int] = 0, 0  # how many were open before the last one, and annotations among them
    formats: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    alike: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    copies: int = 0

    def begin(self, name: str, written: str, *, is_nested: bool) -> None:
        """Note a tag, and how it is written."""
        self.copies += self.repeated
        if name in _FORMATTING:
            self.formats[name].append(written)
            self.alike[written] += 1
            self.repeated += self.alike[written] <= _ALIKE
        if is_nested:
            if name == "ruby":
                self.ruby = self.depth, self.elements["rt"]
            self.elements[name] += 1
            self.depth += 1

    def end(self, name: str) -> None:
        """Note the end of the last element of a name."""
        if self.formats.get(name):
            written = self.formats[name].pop()
            self.repeated -= self.alike[written] <= _ALIKE
            self.alike[written] -= 1
        if not self.elements[name]:
            return
        self.elements[name] -= 1
        self.depth -= 1
        depth, annotations = self.ruby
        if name == "ruby" and self.depth == depth + self.elements["rt"] - annotations:  # no other is open in it
            self.depth, self.elements["rt"] = self.ruby


def is_excessive(source: str) -> bool:
    """Return whether a browser's algorithm takes more than linear time for `source`, or its tree too much memory.

    See `ATTRIBUTES`, `DEPTH` and `TAGS`, which holds for elements that are repeated, too.
    """
    if len(source) < 2 * min(ATTRIBUTES, DEPTH):
        return False
    tags = source.count("<")
    if tags > TAGS:
        return True
    if tags <= DEPTH and not _MANY.search(source):  # so few tags that searching from each is cheap
        return False
    opened = _Open()
    for token in _START.finditer(source):
        slash, written, one_more, closed = token.groups()
        if one_more:
            return True
        name = written.lower() if written else ""
        name = "rt" if name == "rp" else name
        is_nested = name not in _NEVER_NESTED and not (closed and name not in _BREAK)
        if slash and is_nested:
            opened.end(name)
        elif name and not slash:
            opened.begin(name, token[0], is_nested=is_nested)
            if opened.depth > DEPTH or opened.copies > TAGS:
                return True
    return False


def loose(source: str) -> str:
    """Read markup that no parser has put in order: a comment (some clients show it), what was cut off, is excessive."""
    return unescape(replaced(_LOOSE_TAG, lambda tag: " " if _BREAK.get(tag[1].lower()) else "", source))


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
        elif name.startswith("on"):
            behind.append(script.text(_unescaped(value)))
        elif name.startswith("data-"):
            if not _MACHINE_DATA.search(name):
                behind.append(f"{name[5:].replace('-', ' ')}: {value}")
        elif name == "srcdoc":
            behind.append(loose(_unescaped(value)))
        elif name in _LINKS and value[:11].lower() == "javascript:":
            behind.append(script.text(unquote_plus(_unescaped(value[11:]))))
        elif name in _LINKS and _SPEAKING_LINK.match(value):
            behind.append(
                _document(value) if value[:10].lower() in {"data:text/", "data:image"} else unquote_plus(value)
            )
    return f" {here} " if here else ""


def _document(link: str) -> str:
    """The text of a document that stands in its own link (RFC 2397)."""
    head, _, data = link.partition(",")
    content = unquote_to_bytes(_unescaped(data))
    if head.lower().endswith(";base64"):
        try:
            content = b64decode(content + b"===")
        except BadEncoding:
            return data
    return loose(content.decode("utf-8", "replace"))


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
