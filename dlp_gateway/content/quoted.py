"""Recipients whom the body shows: in the header block of a quoted message, in an attached one, in a list of guests."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from dlp_gateway.content.text import Text
from dlp_gateway.mail import header
from dlp_gateway.mail.address import canonical
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.calendar import is_calendar
from dlp_gateway.mail.message import Part

#: Characters of one quoted list that are read: five thousand recipients.
_LONGEST: Final = 200_000
#: Of which the last may be cut: more than an address, or a line's label, is long.
_OVERLAP: Final = 1_000

#: What mail clients write before the recipients of a message that they quote or forward, and calendars before guests.
_LABELS: Final = (
    # English
    *("to", "cc", "bcc", "resent-to", "who", "guests", "attendees", "required attendees", "optional attendees"),
    # German
    *("an", "kopie", "blindkopie", "teilnehmer", "erforderliche teilnehmer", "optionale teilnehmer", "gäste"),
    # French
    *("à", "a", "pour", "copie", "copie à", "cci", "destinataire", "destinataires", "participants", "invités"),
    *("participants obligatoires", "participants facultatifs"),
    # Dutch
    *("aan", "deelnemers", "vereiste deelnemers", "optionele deelnemers", "genodigden", "gasten"),
    # Spanish
    *("para", "cco", "con copia", "asistentes", "asistentes obligatorios", "asistentes opcionales", "invitados"),
    # Italian
    *("per", "ccn", "partecipanti", "partecipanti obbligatori", "partecipanti facoltativi", "invitati"),
    # Portuguese
    *("participantes", "participantes obrigatórios", "participantes opcionais", "convidados", "com cópia"),
)
_MARKS: Final = r"[ \t>|*_\u00a0]{0,40}+"
_RECIPIENTS: Final = re.compile(
    rf"^{_MARKS}(?:{'|'.join(sorted(_LABELS, key=len, reverse=True))})[ \t*_\u00a0]{{0,8}}[:：]",
    re.IGNORECASE | re.MULTILINE,
)
#: Where such a list ends: at a blank line, or where the next line has a label of its own.
_END: Final = re.compile(
    rf"\n{_MARKS}(?:\r?\n|\Z|[^\W\d][\w'-]{{0,24}}(?: [\w'-]{{1,24}}){{0,3}}[ *_\u00a0]{{0,4}}[:：][^/])"
)
#: A line of a header block in whatever language: a few words, a colon, and what stands behind it.
_LABELLED: Final = re.compile(
    rf"{_MARKS}([^\W\d_][^\s:：@<>]{{0,23}}+(?: [^\s:：@<>]{{1,24}}+){{0,3}})[ *_\u00a0]{{0,4}}[:：](?!//)(.*)",
    re.DOTALL,
)
_WORD: Final = re.compile(r"[^\s<>()\[\],;:\"'\\|*]++")
#: Some lines at a time; a list of all lines of a large text takes several times the text.
_LINES: Final = re.compile(r".{1,65536}+[^\n]*+\n?", re.DOTALL)
_EMBEDDED: Final = frozenset({"message/rfc822", "message/global", "message/news", "text/rfc822-headers"})
_FOR_PROGRAMS: Final = frozenset({"text/html", "application/calendar+json", "application/ld+json", "application/json"})
#: RFC 7265: an invitation in another notation, which no edit prunes.
_INVITATIONS: Final = frozenset({"application/calendar+json"})
_LISTS: Final = ("to", "cc", "bcc", "resent-to", "resent-cc")


def shown(texts: Iterable[Text], parts: Iterable[Part], among: frozenset[str] | None = None) -> frozenset[str]:
    """Return the canonical addresses that the body shows as recipients of some message or guests of some event.

    Where it is known whose matter, take those of `among` only: a text may have a million.
    """
    parts = tuple(parts)
    found = chain(_in_texts(texts), _in_messages(parts), _for_programs(parts, _INVITATIONS))
    return _those(found, among)


def mentioned(texts: Iterable[Text], parts: Iterable[Part], among: frozenset[str] | None = None) -> frozenset[str]:
    """Return the canonical addresses that stand anywhere beside an invitation: lists of guests have many forms."""
    parts = tuple(parts)
    beside = {f"part:{part.path}" for part in parts if not is_calendar(part)}
    in_texts = (address for text in texts if text.where in beside for address in _addresses(text.text))
    return _those(chain(in_texts, _for_programs(parts, _FOR_PROGRAMS)), among)


def _those(found: Iterable[str], among: frozenset[str] | None) -> frozenset[str]:
    return frozenset(found) if among is None else among.intersection(found)


def _in_texts(texts: Iterable[Text]) -> Iterator[str]:
    for text in texts:
        if "@" not in text.text or not text.where.startswith("part:"):
            continue
        for begin, stop in _lists(text.text, [label.end() for label in _RECIPIENTS.finditer(text.text)]):
            yield from _addresses(text.text[begin:stop])
        yield from _in_blocks(text.text)


def _lists(text: str, labels: list[int]) -> Iterator[tuple[int, int]]:
    """Yield where the lists behind `labels` stand; one with labels in it is one list, to the end of the last."""
    place = 0
    while place < len(labels):
        begin = labels[place]
        limit = begin + _LONGEST
        end = _END.search(text, begin, limit)
        while not end and (further := labels[bisect_right(labels, limit) - 1] + _LONGEST) > limit:
            limit, known = further, limit - _OVERLAP
            end = _END.search(text, known, limit)
        stop = end.start() if end else min(len(text), limit)
        yield begin, stop
        place = max(place + 1, bisect_right(labels, stop))


def _in_blocks(text: str) -> Iterator[str]:
    """Yield the recipients of header blocks in languages that are not among the labels, known by their build alone.

    Lines with labels, one below the other and no label twice: one at least without an address (a date, a subject), and
    first an author's, who is one. Whoever stands behind him is a recipient.
    """
    block: dict[str, list[str]] = {}
    label, before = "", ""
    for line in chain.from_iterable(lines[0].splitlines() for lines in _LINES.finditer(text)):
        found = _LABELLED.match(line[:_LONGEST]) if ":" in line or "：" in line else None
        if found:
            if found[1].casefold() in block:
                yield from _recipients(block)
                block = {}
            label = found[1].casefold()
            block[label] = list(_addresses(found[2]))
        elif block and "@" in line and (before.endswith((",", ";")) or line[:1].isspace()):
            block[label] += _addresses(line[:_LONGEST])
        elif block:
            yield from _recipients(block)
            block = {}
        before = line.rstrip()
    yield from _recipients(block)


def _recipients(block: dict[str, list[str]]) -> Iterator[str]:
    lists = [addresses for addresses in block.values() if addresses]
    if 0 < len(lists) < len(block):
        for addresses in lists[1:] if len(lists[0]) == 1 else lists:
            yield from addresses


def _addresses(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text) if "@" in text else ():
        word = match[0]
        if "@" in word and "@" in word.strip("@"):
            yield canonical(word.strip("."))


def _for_programs(parts: Iterable[Part], types: frozenset[str]) -> Iterator[str]:
    """Yield those that calendar services list once more for other programs: as JSON-LD in HTML, as jCal."""
    for part in parts:
        if part.media_type in types:
            yield from _addresses(part.content.decode("utf-8", "replace").replace("mailto:", " "))


def _in_messages(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        if part.media_type in _EMBEDDED:
            head = header.read(part.content)
            for field in (field for name in _LISTS for field in head.named(name)):
                yield from (canonical(mailbox.address) for mailbox in scan(field.body).mailboxes)
