"""Declarations of CSS → what they say of a box: how its children stand, and where it stands itself.

Only what changes the order in which text is seen is kept, in pixels of an ordinary mail: fonts are not known here.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

_VENDOR: Final = re.compile(r"^-(?:webkit|moz|ms|o)-")
_WORD: Final = re.compile(r"[a-z0-9-]*\([^()]*\)|[^\s()]+")
_TERM: Final = re.compile(r"(?:([+-])\s*+)?(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})([a-z%]*)(?!\s*[*/])")
#: Pixels of each unit (CSS Values 4, 6); those of a font or a page that nobody knows are those of an ordinary mail.
_PIXELS: Final = {
    "pt": 4 / 3,
    "pc": 16.0,
    "in": 96.0,
    "cm": 37.8,
    "mm": 3.78,
    "q": 0.945,
    **dict.fromkeys(("em", "rem", "ic", "lh", "rlh"), 16.0),
    **dict.fromkeys(("ch", "ex", "cap"), 8.0),
    **dict.fromkeys(("%", "vw", "vi", "vmax", "dvw", "svw", "lvw"), 6.0),
    **dict.fromkeys(("vh", "vb", "vmin", "dvh", "svh", "lvh"), 8.0),
}
_TRANSLATION: Final = re.compile(
    r"(translate[xy]?|translate3d|matrix)\(([^()]{0,200}(?:\([^()]{0,200}\)[^()]{0,200})?)\)"
)
_MIRRORS: Final = re.compile(
    r"(?:scale(?:x|3d)?\(|(?:^|;)(?:-webkit-)?scale:|matrix(?:3d)?\()-(?:0?\.)?[1-9]"
    r"|rotate[yz]?[(:][^;()]{0,20}-?(?:180deg|0?\.5turn|200grad|3\.1\d*rad)"
)
_AREA: Final = re.compile(r"[\"']([^\"']*)[\"']")
_LINE_NUMBER: Final = re.compile(r"\s*(-?\d{1,6})(?!\d)")
_ZERO: Final = r"(?:0|0?\.0\d*|0%)"
#: What hides an element wherever it stands: clipped away, too small or too pale to be seen.
HIDING: Final = (
    rf"display:none|visibility:(?:hidden|collapse)|opacity:0?(?:\.0\d*)?%?(?:;|$)|font-size:[01](?:\.\d+)?(?:p[xt]|;|$)"
    rf"|font-size:\.?0|font:(?:[^;]{{0,80}} )?(?:{_ZERO}[a-z]{{0,3}}|[01](?:\.\d+)?p[xt])(?: ?/| )"
    rf"|(?:max-)?(?:height|width):0|mso-hide:all|color:transparent|zoom:{_ZERO}(?:;|$)|content-visibility:hidden"
    rf"|clip:rect\(|(?:-webkit-)?clip-path:[a-z]+\(|(?:-webkit-)?mask(?:-image)?:[^;]*gradient\("
    rf"|(?:-webkit-)?filter:[^;]*opacity(?:\({_ZERO}\)|=0)|content:[^;]*url\(|scale:(?:[^; ]+ )?{_ZERO}(?:[ ;]|$)"
    rf"|(?:-[a-z]+-)?transform:[^;]*(?:scale(?:[xy]|3d)?\((?:[^(),;]{{0,20}},)?{_ZERO}[,)]|matrix\(0,0,0,0,|rotate[xy]\(-?90deg)"
)
_HIDES: Final = re.compile(
    rf"(?:^|;)(?:{HIDING}|(?:text-indent|left|top|margin-left):-(?:[5-9]\d\d|\d{{4}}|\d{{3}}(?:r?em|%|v)))"
)
#: How a document says what was deleted and what was inserted; struck out is what is no longer valid.
_STRUCK: Final = re.compile(r"(?:^|;)text-decoration[a-z-]*:[^;]*line-through")
INSERTED: Final = "-change:inserted"
_COUNT: Final = re.compile(r"(?<![\w.])(\d{1,2})(?![\w.%])")
#: Of what stands behind everything else in its box, such as the foot of a table.
LAST: Final = 10_000.0


class Layout(Enum):
    """How the children of a box stand."""

    FLOW = auto()
    ROW = auto()
    CELLS = auto()  # those of a row of a table
    COLUMN = auto()
    GRID = auto()
    COLUMNS = auto()  # lines of text in columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What styles say of one element; lengths are pixels, None where styles say nothing."""

    layout: Layout = Layout.FLOW
    is_reversed: bool = False
    direction: str = ""  # "rtl", "ltr", or "" for that of the element around it
    is_override: bool = False  # each letter runs in the direction, whatever it is
    is_mirrored: bool = False
    is_hidden: bool = False
    is_deleted: bool = False
    is_inserted: bool = False
    display: str = ""  # "inline", "atomic" for what stands in a line as one piece, "block", or "" for the element's own
    floats: str = ""  # "left" or "right"
    clears: bool = False
    position: str = ""  # "relative" or "absolute"
    order: float = 0.0
    left: float | None = None
    top: float | None = None
    right: float | None = None
    bottom: float | None = None
    across: float = 0.0  # by how much it is moved
    down: float = 0.0
    before: float = 0.0  # margins
    after: float = 0.0
    above: float = 0.0
    row: float | None = None  # in a grid
    column: float | None = None
    area: str = ""
    areas: tuple[tuple[str, ...], ...] = ()
    has_columns: bool = False  # a grid, boxes of which stand beside each other
    count: int = 2  # of columns of text

    @property
    def is_moved(self) -> bool:
        """Return whether it may stand elsewhere among its siblings than where it is written."""
        return bool(
            self.floats
            or self.order
            or self.across
            or self.down
            or self.area
            or self.row is not None
            or self.column is not None
            or min(self.before, self.after, self.above) < 0
            or (self.position and self.is_placed)
        )

    @property
    def is_still(self) -> bool:
        """Return whether it stands where it is written, as its element does."""
        return not (self.is_moved or self.display or self.position or self.clears or self.before or self.after)

    @property
    def is_placed(self) -> bool:
        """Return whether it has a place of its own."""
        return any(side is not None for side in (self.left, self.top, self.right, self.bottom))


def parsed(declarations: str) -> Box:
    """Return the box of `declarations` in lower case, without blanks around their signs; later ones count."""
    told: defaultdict[str, list[str]] = defaultdict(list)
    for declaration in declarations.split(";"):
        name, colon, value = declaration.partition(":")
        if colon and value:
            told[_VENDOR.sub("", name)].append(_VENDOR.sub("", value))
    displays = " ".join(told["display"])
    flow = " ".join((*told["flex-direction"], *told["flex-flow"], *told["flex-wrap"]))
    mode = " ".join(told["writing-mode"])
    is_reversed = "reverse" in flow or "reverse" in told["box-direction"] or "-rl" in mode
    position = "absolute" if {"absolute", "fixed"} & {*told["position"]} else ""
    sides = _sides(told)
    margins = _margins(told)
    across, down = _moved(told)
    row, column, area = _grid_place(told)
    floats = [side for side in told["float"] if side not in {"none", "inherit", "initial"}]
    counts = [int(found[1]) for value in (*told["columns"], *told["column-count"]) for found in _COUNT.finditer(value)]
    return Box(
        layout=_layout(displays, flow, mode, told, is_reversed=is_reversed),
        is_reversed=is_reversed,
        direction=(told["direction"] or [""])[-1],
        is_override=any("override" in value for value in told["unicode-bidi"]),
        is_mirrored=_MIRRORS.search(declarations) is not None,
        is_hidden=_HIDES.search(declarations) is not None,
        is_deleted=_STRUCK.search(declarations) is not None,
        is_inserted=INSERTED in declarations,
        display=_display(displays),
        floats=("right" if floats[-1] in {"right", "inline-end"} else "left") if floats else "",
        clears=bool({"both", "left", "right", "inline-start", "inline-end"} & {*told["clear"]}),
        position=position or ("relative" if {"relative", "sticky"} & {*told["position"]} else ""),
        order=_order(told, displays),
        left=sides.get("left"),
        top=sides.get("top"),
        right=sides.get("right"),
        bottom=sides.get("bottom"),
        across=across,
        down=down,
        before=margins.get("left", 0.0),
        after=margins.get("right", 0.0),
        above=margins.get("top", 0.0),
        row=row,
        column=column,
        area=area,
        areas=_areas(told),
        has_columns=bool(told["grid-template-columns"] or told["grid-template"])
        or any("column" in value for value in told["grid-auto-flow"]),
        count=max(2, min(counts, default=2)),
    )


_Told = defaultdict[str, list[str]]


def _layout(displays: str, flow: str, mode: str, told: _Told, *, is_reversed: bool) -> Layout:
    if "cells" in displays:
        return Layout.CELLS
    if "grid" in displays or told["grid-template-areas"]:
        return Layout.GRID
    if "column" in flow or {"vertical", "block-axis"} & {*told["box-orient"]}:
        return Layout.COLUMN
    if "flex" in displays or "box" in displays.split() or is_reversed or "vertical" in mode or "-lr" in mode:
        return Layout.ROW
    return Layout.COLUMNS if told["columns"] or told["column-count"] else Layout.FLOW


def _display(displays: str) -> str:
    for shown in reversed(displays.split()):
        if shown in {"inline", "contents"}:
            return "inline"
        if shown.startswith("inline-") or shown == "table-cell":
            return "atomic"
        if shown in {"block", "flex", "grid", "list-item", "table"}:
            return ""
    return ""


def _order(told: _Told, displays: str) -> float:
    if "table-header-group" in displays:
        return -LAST
    if "table-footer-group" in displays or "bottom" in told["caption-side"]:
        return LAST
    orders = [*told["order"], *told["flex-order"], *told["box-ordinal-group"]]
    return _number(orders[-1]) or 0.0 if orders else 0.0


def _number(value: str) -> float | None:
    found = _LINE_NUMBER.match(value)
    return float(found[1]) if found else None


def _length(value: str) -> float | None:
    """Return pixels; of a sum its terms together (CSS Values 4, 10)."""
    terms = _TERM.findall(value) if "calc(" in value else _TERM.findall(value)[:1]
    if not terms:
        return None
    return sum(float(f"{sign}{digits}") * _PIXELS.get(unit, 1.0) for sign, digits, unit in terms)


def _four(value: str) -> dict[str, float]:
    """Return the lengths of the sides that a shorthand names: top, right, bottom, left (CSS Box 4, 4.2)."""
    words = _WORD.findall(value)[:4]
    if not words:
        return {}
    right = words[1] if len(words) > 1 else words[0]
    bottom = words[2] if len(words) > 2 else words[0]
    left = words[3] if len(words) > 3 else right
    lengths = {"top": _length(words[0]), "right": _length(right), "bottom": _length(bottom), "left": _length(left)}
    return {side: length for side, length in lengths.items() if length is not None}


#: Sides by the direction of text, as in nearly all mail (CSS Logical Properties 1).
_LOGICAL: Final = {"inline-start": "left", "inline-end": "right", "block-start": "top", "block-end": "bottom"}


def _sides(told: _Told) -> dict[str, float]:
    """Return the places of an element that has a position."""
    found = _four(told["inset"][-1]) if told["inset"] else {}
    for side in ("left", "top", "right", "bottom"):
        names = (side, *(f"inset-{name}" for name, other in _LOGICAL.items() if other == side))
        lengths = [length for name in names for value in told[name] if (length := _length(value)) is not None]
        if lengths:
            found[side] = lengths[-1]
    return found


def _margins(told: _Told) -> dict[str, float]:
    found = _four(told["margin"][-1]) if told["margin"] else {}
    for side in ("left", "top", "right"):
        names = (f"margin-{side}", *(f"margin-{name}" for name, other in _LOGICAL.items() if other == side))
        lengths = [length for name in names for value in told[name] if (length := _length(value)) is not None]
        if lengths:
            found[side] = lengths[-1]
    return found


def _moved(told: _Told) -> tuple[float, float]:
    """Return by how much an element is drawn beside its place (CSS Transforms 1, 2)."""
    across = down = 0.0
    for value in told["transform"][-1:]:
        for name, written in _TRANSLATION.findall(value):
            lengths = [_length(one) or 0.0 for one in written.split(",")]
            if name == "matrix":
                lengths = lengths[4:6]
            elif name == "translatey":
                lengths = [0.0, *lengths]
            across += lengths[0] if lengths else 0.0
            down += lengths[1] if len(lengths) > 1 else 0.0
    for value in told["translate"][-1:]:
        lengths = [_length(word) or 0.0 for word in _WORD.findall(value)]
        across += lengths[0] if lengths else 0.0
        down += lengths[1] if len(lengths) > 1 else 0.0
    return across, down


def _grid_place(told: _Told) -> tuple[float | None, float | None, str]:
    """Return row, column and the name of an area (CSS Grid 1, 8.3); lines that are counted from the end come last."""
    row = column = None
    area = ""
    for value in told["grid-area"][-1:]:
        lines = [_number(line) for line in value.split("/")]
        row, column = lines[0], lines[1] if len(lines) > 1 else None
        area = value.strip() if row is None and len(lines) == 1 else ""
    rows, columns = (*told["grid-row"], *told["grid-row-start"]), (*told["grid-column"], *told["grid-column-start"])
    row = _number(rows[-1]) if rows else row
    column = _number(columns[-1]) if columns else column
    return _from_end(row), _from_end(column), area


def _from_end(line: float | None) -> float | None:
    return line + LAST if line is not None and line < 0 else line


def _areas(told: _Told) -> tuple[tuple[str, ...], ...]:
    """Return the names of the cells of a grid (CSS Grid 1, 7.3)."""
    written = (*told["grid-template-areas"], *told["grid-template"], *told["grid"])
    return tuple(tuple(row.split()) for row in _AREA.findall(written[-1])[:100]) if written else ()
