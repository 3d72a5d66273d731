"""The MIME tree of a body as leaves, each plausible reading of it; bounded, without recursion (RFC 2045, 2046).

Clients disagree about what is malformed or said twice. Here every reading that a client may show becomes parts: more
parts than any one client shows, never fewer.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, product
from typing import Final

from dlp_gateway.mail import ambiguity, calendar, delimiter, encoded_word, header, parameters, transfer
from dlp_gateway.mail.entity import PARTS, Account, Node
from dlp_gateway.mail.header import Header
from dlp_gateway.mail.message import Defect, Part

#: Half of what Postfix descends (mime_nesting_limit 100); no client shows what lies so deep.
DEPTH: Final = 50
_MANY: Final = 100_000  # octets in base64 of which the beginning is enough where nobody looks at the rest
_FIRST: Final = 16_384
_REMEMBERED: Final = 200  # octets; bounds what the memory of types holds

_EMBEDDED: Final = frozenset({"message/rfc822", "message/global", "message/news"})
_SECTION: Final = "text/rfc822-headers"
_SOFT_BREAK: Final = re.compile(rb" \r?\n(?:>[ >]*+)?")
_MEDIA_TYPE: Final = re.compile(r"[!-.0-~]+/[!-.0-~]+")
# What composers put before the first part for readers that know no MIME; anything else there is text. White space and
# what is longer must be kept from the pattern, which tries each way of sharing them among its pieces.
_PREAMBLE: Final = 300
_USUAL_PREAMBLE: Final = re.compile(
    rb"this is an? (?:multi-?part|mime|mime-encapsulated|s/mime|cryptographically signed|openpgp/mime)"
    rb"[a-z/ -]{0,60}(?:format|message|signed)?[a-z0-9 (),/-]{0,40}[.:]?"
    rb"|this message is in mime format[a-z ,.'-]{0,200}|\(?this is a mime[a-z -]{0,40}\)?\.?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Reading:
    media_type: str
    content_type: parameters.Parameterised
    encoding: str


def leaves(
    raw: bytes,
    head: Header,
    *,
    parts: int = PARTS,
    depth: int = DEPTH,
    octets: int = sys.maxsize,
    kept: int | None = None,
) -> tuple[tuple[Part, ...], frozenset[Defect]]:
    """Return the parts of `raw` with the header section `head`, and what is odd there.

    `octets` of each are decoded, or all. If somebody looks at the beginning only, `kept` is how much of that.
    """
    found: list[Part] = []
    marks: list[int] = []  # of whole contents, by which those are told apart that begin alike
    account = Account.of(raw, entities=parts, brief=kept is not None)
    # Iterators over the children of each open entity, the innermost last: a child is made when its turn comes.
    open_entities: list[Iterator[Node | Part]] = [
        _bodies(Node(raw, head, head.body_start, len(raw), "", 0, in_message=True, outermost=True, most=octets), 0)
    ]
    while open_entities:
        item = next(open_entities[-1], None)
        if item is None:
            open_entities.pop()
        elif isinstance(item, Part):
            if not account.keeps(item):
                break
            found.append(item if kept is None else _cut(item, kept))
            marks.append(hash(item.content) if found[-1] is not item else 0)
        elif account.pays(item):
            open_entities.append(_entity(item, depth, account))
        else:
            break
        del item  # or two contents lie here while the next is made
    for part in found:
        account.defects.update(part.defects)
    if len(found) > 1 and len({(part.path, len(part.content)) for part in found}) < len(found):  # they have some twice
        found = [part for part, _ in dict.fromkeys(zip(found, marks, strict=True))]
    return tuple(found), frozenset(account.defects)


def _cut(part: Part, kept: int) -> Part:
    """Return the part with its beginning; of an invitation all is kept that is read."""
    if len(part.content) <= kept:
        return part
    return part.cut(max(kept, calendar.OCTETS + 1) if calendar.is_calendar(part) else kept)


def _bodies(node: Node, begin: int) -> Iterator[Node | Part]:
    """Return an entity once for each place where clients see its body begin; its header section begins at `begin`."""
    bodies = iter((node,)) if node.head.remainder >= node.start else _disputed(node)  # see `Header.remainder`
    return chain(bodies, _returned(node, begin)) if header.has_lone_return(node.buffer, begin, node.head) else bodies


def _returned(node: Node, begin: int) -> Iterator[Node | Part]:
    """Yield an entity as clients see it to which a lone CR ends a line, so that its header may be another."""
    buffer = header.with_returns(node.buffer[begin : node.end])
    head = header.read(buffer)
    if node.in_message:
        yield replace(_text(f"{node.path}.0" if node.path else "0", buffer[: head.body_start]), media_type=_SECTION)
    yield from _bodies(
        replace(node, buffer=buffer, head=head, start=head.body_start, end=len(buffer), outermost=False), 0
    )


def _disputed(node: Node) -> Iterator[Node | Part]:
    remainder = node.head.remainder
    yield _text(f"{node.path}.0" if node.path else "0", node.buffer[remainder : node.start])
    yield replace(node, start=remainder)
    behind = node.buffer.find(b"\n", remainder, node.end) + 1
    if behind and node.head.named("content-transfer-encoding"):  # of base64, one letter too many shifts the rest
        yield replace(node, start=behind)
    yield node


def _entity(node: Node, depth: int, account: Account) -> Iterator[Node | Part]:
    """Return what an entity consists of, in each of its readings."""
    readings = _readings(node, account)
    if len(readings) == 1 and _is_leaf(readings[0]):  # as nearly all are
        return _text_or_other(node, readings[0], account)
    return _read_each(node, readings, depth, account)


def _is_leaf(reading: _Reading) -> bool:
    return not reading.media_type.startswith("multipart/") and reading.media_type not in _EMBEDDED


def _read_each(node: Node, readings: tuple[_Reading, ...], depth: int, account: Account) -> Iterator[Node | Part]:
    if len(readings) > 1 and _differ(node, readings):
        yield _disputed_part(node, readings[0].media_type)
    for reading in readings:
        is_multipart = reading.media_type.startswith("multipart/")
        if _is_leaf(reading):
            yield from _text_or_other(node, reading, account)
        elif node.depth >= depth:
            account.defects.add(Defect.TOO_DEEP)
            yield _leaf(node, reading)
        elif is_multipart:
            yield from _multipart(node, reading, account)
        else:
            yield from _embedded(node, reading, account)


def _differ(node: Node, readings: tuple[_Reading, ...]) -> bool:
    """Return whether what the header says twice makes a difference."""
    body = node.buffer[node.start : node.end]
    types = ((one.media_type, one.content_type) for one in readings)
    is_said_twice = len(node.head.named("content-type")) > 1
    return ambiguity.encodings_differ((one.encoding for one in readings), body) or (
        is_said_twice and ambiguity.types_differ(types, body)
    )


def _readings(node: Node, account: Account) -> tuple[_Reading, ...]:
    """Return how the entity may be read: each Content-Type with each Content-Transfer-Encoding that it declares."""
    types = [field.body for field in node.head.named("content-type")] or [b""]
    encodings = node.head.named("content-transfer-encoding")
    names = [one for field in encodings for one in transfer.encodings_named(field.body)] or [""]
    if len(types) == len(names) == 1:
        return _read(node, types[0], names[0])
    ways = account.some(product(dict.fromkeys(types), dict.fromkeys(names)))
    return tuple(chain.from_iterable(_read(node, body, encoding) for body, encoding in ways))


def _read(node: Node, body: bytes, encoding: str) -> tuple[_Reading, ...]:
    """Return how one Content-Type may be read; few mails write theirs in a way of their own, so it is remembered."""
    if len(body) < _REMEMBERED and len(encoding) < _REMEMBERED:
        return _read_once(body, encoding, node.default_type)
    return _read_one(node.parameters_of(body), encoding, node.default_type)


def _read_one(content_type: parameters.Parameterised, encoding: str, default_type: str) -> tuple[_Reading, ...]:
    if _MEDIA_TYPE.fullmatch(content_type.value):
        return (_Reading(content_type.value, content_type, encoding),)
    readings = [_Reading(default_type, content_type, encoding)]
    if "boundary" in content_type.parameters:  # "multipart" alone is enough for some clients
        readings.append(_Reading("multipart/mixed", content_type, encoding))
    if content_type.value.endswith("html"):
        readings.append(_Reading("text/html", content_type, encoding))
    return tuple(readings)


@lru_cache(maxsize=512)
def _read_once(body: bytes, encoding: str, default_type: str) -> tuple[_Reading, ...]:
    return _read_one(parameters.read(body), encoding, default_type)


def _name(node: Node, child: int = 0) -> str:
    """Return the path of the node's child, or of the node itself as a leaf."""
    if not child:
        child = 1 if node.in_message else 0
    if not child:
        return node.path
    return f"{node.path}.{child}" if node.path else str(child)


def _leaf(node: Node, reading: _Reading, *defects: Defect, raw: bool = False) -> Part:
    encoding, left_out = "" if raw else reading.encoding, 0
    if node.end - node.start <= node.most:
        content, faults = transfer.decode(node.buffer, encoding, node.start, node.end)
    else:
        content, faults, left_out = transfer.beginning(node.buffer, encoding, node.start, node.end, node.most)
    disposition = node.head.named("content-disposition")
    return Part(
        path=_name(node),
        media_type=reading.media_type,
        charset=reading.content_type.first("charset").lower(),
        filename=_labels(node),
        disposition=node.parameters_of(disposition[0].body).value if disposition else "",
        content=content,
        defects=(*defects, *faults),
        encoding=encoding,
        span=(node.start, node.end) if node.outermost else None,
        left_out=left_out,
    )


def _labels(node: Node) -> str:
    """Return what clients show of an entity beside its content, one a line: each of its names, and descriptions."""
    fields = [*node.head.named("content-disposition"), *node.head.named("content-type")]
    found = [node.parameters_of(field.body).parameters for field in fields]
    shown = [text for name in ("filename", "name") for one in found for text in one.get(name, ())]
    if not node.in_message:  # a message's description is text of its header
        descriptions = node.head.named("content-description")
        shown += (encoded_word.decode(encoded_word.text_of(field.body))[0] for field in descriptions)
    return "\n".join(dict.fromkeys(filter(None, shown))) if shown else ""


def _text(path: str, content: bytes, *defects: Defect) -> Part:
    return Part(
        path=path, media_type="text/plain", charset="", filename="", disposition="", content=content, defects=defects
    )


def _disputed_part(node: Node, media_type: str) -> Part:
    """Return a part without content that says that clients show different things of an entity."""
    return replace(_text(_name(node), b"", Defect.AMBIGUOUS), media_type=media_type)


def _text_or_other(node: Node, reading: _Reading, account: Account) -> Iterator[Node | Part]:
    """Return the leaf, and beside it the raw text where a client that cannot decode it may show that instead."""
    if account.brief and node.end - node.start > _MANY and _is_file(reading):
        beginning = _beginning(node, reading)
        if not calendar.is_calendar(beginning):
            return iter((beginning,))
    shown = [_leaf(node, reading)]
    if Defect.BAD_ENCODING in shown[0].defects and reading.media_type.startswith("text/"):
        shown.append(_leaf(node, reading, raw=True))
    if reading.content_type.first("delsp").lower() == "yes":  # RFC 3676 4.2: the blank before a soft line end goes, too
        shown.append(replace(shown[0], content=_SOFT_BREAK.sub(b"", shown[0].content)))
    labels = reading.content_type.parameters.get("charset", [""])
    charsets = {label.partition("(")[0].strip().lower(): None for label in labels}  # with a comment or without
    if charsets.keys() == {shown[0].charset}:
        return iter(shown)
    followed = account.some(charsets)
    if ambiguity.charsets_differ(followed, shown[0].content):
        shown[0] = replace(shown[0], defects=(*shown[0].defects, Defect.AMBIGUOUS))
    return iter([replace(part, charset=charset) for part, charset in product(shown, followed)])


def _is_file(reading: _Reading) -> bool:
    """Return whether it is a file in base64 that nobody reads but as its octets."""
    is_text = reading.media_type.startswith("text/") or "charset" in reading.content_type.parameters
    return reading.encoding == "base64" and not is_text


def _beginning(node: Node, reading: _Reading) -> Part:
    """Return the leaf with its first octets; how many more there are is told by its letters, and no fault in them."""
    part = _leaf(replace(node, end=node.start + _FIRST), reading)
    return replace(
        part,
        defects=(),
        span=(node.start, node.end) if node.outermost else None,
        left_out=(node.end - node.start) * 3 // 4 - len(part.content),
    )


def _embedded(node: Node, reading: _Reading, account: Account) -> Iterator[Node | Part]:
    """Yield an embedded message: its header section as a part, then its body.

    RFC 2046 5.2.1 allows no encoding here, but clients undo one. Without one the buffer is shared: messages within
    messages would be as many copies.
    """
    buffer, start, end = node.buffer, node.start, node.end
    if reading.encoding in transfer.CHANGING:
        buffer, faults = account.decoded(node, reading.encoding)
        start, end = 0, len(buffer)
    else:
        _, faults = transfer.decode(b"", reading.encoding)
    head = header.read(buffer, start, end)
    shown = _leaf(replace(node, end=node.start), reading, raw=True)
    yield Part(
        path=shown.path,
        media_type=reading.media_type,
        charset="",
        filename=shown.filename,
        disposition=shown.disposition,
        content=buffer[start : head.body_start],
        defects=faults,
    )
    inner = Node(buffer, head, head.body_start, end, shown.path, node.depth + 1, in_message=True, most=node.most)
    yield from _bodies(inner, start)


def _multipart(node: Node, reading: _Reading, account: Account) -> Iterator[Node | Part]:
    """Yield the children of a multipart, read by each boundary that it may mean, and text that stands between them."""
    if labels := _labels(node):
        yield replace(_text(_name(node), b""), filename=labels)
    if reading.encoding in {"base64", "quoted-printable"}:  # RFC 2045 6.4 forbids it; some clients decode it
        decoded, _ = account.decoded(node, reading.encoding)
        if b"--" in decoded and decoded != node.buffer[node.start : node.end]:
            yield from _divided(node, reading, decoded, 0, len(decoded), account)
            if reading.encoding == "base64":  # to the others it is a text without a meaning
                yield _disputed_part(node, reading.media_type)
    yield from _divided(node, reading, node.buffer, node.start, node.end, account)


def _divided(
    node: Node, reading: _Reading, buffer: bytes, start: int, end: int, account: Account
) -> Iterator[Node | Part]:
    boundaries = account.some(dict.fromkeys(map(delimiter.octets, reading.content_type.parameters.get("boundary", []))))
    usable = [one for one in boundaries if delimiter.first_line(buffer, b"--" + one, start, end) >= 0]
    is_disputed = len(boundaries) > 1
    if not usable:  # what no client can take apart is shown as it stands; some guess the boundary
        account.defects.add(Defect.NO_BOUNDARY)
        yield _text(_name(node), buffer[start:end], Defect.NO_BOUNDARY)
        usable = delimiter.guessed(buffer, start, end)
        is_disputed = is_disputed or (bool(usable) and delimiter.is_encoded(buffer, start, end))
    for boundary in usable:
        most = max(account.delimiters, 0)
        delimiters = delimiter.lines(buffer, boundary, start, end, most)
        account.delimiters -= len(delimiters)
        if account.delimiters < 0:
            account.defects.add(Defect.TOO_MANY_PARTS)
            del delimiters[most:]
        exact = [one for one in delimiters if one.exact]
        if not any(one.closing for one in exact):
            account.defects.add(Defect.UNCLOSED_MULTIPART)
        is_disputed = is_disputed or delimiter.are_disputed(buffer, boundary, delimiters)
        others = _delimiters_of_others(node, boundary)
        yield from _children(node, reading, buffer, delimiter.spans(buffer, exact, start, end), others)
        if len(exact) < len(delimiters):  # to some clients a line that only begins with the boundary divides, too
            yield from _children(node, reading, buffer, delimiter.spans(buffer, delimiters, start, end), others)
    if is_disputed:
        yield _disputed_part(node, reading.media_type)


def _delimiters_of_others(node: Node, boundary: bytes) -> tuple[bytes, ...]:
    """Return how delimiters begin for a client that goes by another boundary of the same entity."""
    types = node.head.named("content-type")
    declared = (one for field in types for one in node.parameters_of(field.body).parameters.get("boundary", []))
    return tuple(b"--" + one for one in map(delimiter.octets, declared) if one not in {b"", boundary})


def _children(
    node: Node, reading: _Reading, buffer: bytes, spans: list[tuple[int, int]], others: tuple[bytes, ...]
) -> Iterator[Node | Part]:
    """Yield the parts that stand between delimiters; `others` are how those of another boundary begin."""
    default = "message/rfc822" if reading.media_type == "multipart/digest" else "text/plain"  # RFC 2046 5.1.5
    if len(spans) == 1:
        ((start, end),) = spans
        yield _text(_name(node), buffer[start:end], Defect.NO_BOUNDARY)
        return
    (first, last), *parts = spans
    preamble = buffer[first:last]
    said = preamble.strip()
    if said and not (len(said) <= _PREAMBLE and _USUAL_PREAMBLE.fullmatch(said)):
        yield _text(f"{node.path}.0" if node.path else "0", preamble)
    for number, (begin, stop) in enumerate(parts, 1):
        if number == len(parts) and not buffer[begin:stop].strip(b"\0\x1a \t\r\n"):
            return  # nothing behind the closing delimiter
        if number == len(parts) and others and buffer.startswith(others, begin):  # the parts of that one
            yield _text(_name(node, number), buffer[begin:stop])
            return
        head = header.read(buffer, begin, stop)
        path = _name(node, number)
        child = Node(buffer, head, head.body_start, stop, path, node.depth + 1, default, most=node.most)
        yield from _bodies(replace(child, outermost=True) if node.outermost and buffer is node.buffer else child, begin)
