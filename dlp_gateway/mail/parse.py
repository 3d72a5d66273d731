"""Bytes to `Message`: bounded, tolerant, never raises; what was odd is recorded as defects."""

import sys
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from typing import Final

from dlp_gateway.mail import address_list, calendar, encoded_word, entity, header, mime
from dlp_gateway.mail.header import Header
from dlp_gateway.mail.message import Defect, Message, Part, VisibleRecipient

#: The fields that every receiver sees as recipients, and how `VisibleRecipient.field` spells them.
VISIBLE_FIELDS: Final = {
    "to": "To",
    "cc": "Cc",
    "resent-to": "Resent-To",
    "resent-cc": "Resent-Cc",
    "apparently-to": "Apparently-To",
}
# RFC 5322 3.6: at most one of each.
_SINGLE: Final = frozenset(
    {"date", "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references", "subject"}
    | {"mime-version", "content-type", "content-transfer-encoding", "content-disposition"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where reading stops; each default is a named constant with its reason. What lies beyond earns a defect."""

    header_octets: int = header.HEADER_OCTETS
    fields: int = header.FIELDS
    recipients: int = address_list.MAILBOXES
    parts: int = entity.PARTS
    depth: int = mime.DEPTH
    part_octets: int = sys.maxsize  # what lies beyond is no defect, but counted as `Part.left_out`


LIMITS: Final = Limits()
#: Octets of a part that are kept of a message that is parsed briefly.
BEGINNING: Final = 8_192
#: Defects that say that a part of the message was not read at all.
UNREAD: Final = frozenset({Defect.TOO_MANY_FIELDS, Defect.TOO_MANY_RECIPIENTS, Defect.TOO_MANY_PARTS, Defect.TOO_DEEP})


def parse(raw: bytes, limits: Limits = LIMITS, *, briefly: bool = False) -> Message:
    """Read a whole message; linear in its size.

    `briefly`: the parts are the same, but no more of the content of each is kept than its `BEGINNING`, which tells what
    it is; else a large message is at least twice in memory for as long as anybody looks at it. A large part is not
    decoded further, so that its size is a guess, none too low, and no fault behind its beginning is seen.
    """
    head = header.read(raw, octets=limits.header_octets, fields=limits.fields)
    defects = set(head.defects)
    visible = _visible(raw, head, limits.recipients, defects)
    if header.has_lone_return(raw, 0, head):
        section = header.with_returns(raw[: min(head.body_start, limits.header_octets)])
        other = header.read(section, octets=limits.header_octets, fields=limits.fields)
        visible += _visible(section, other, limits.recipients - len(visible), defects)
    if len(head.index) < len(head.fields) and any(
        len(fields) > 1 and name in _SINGLE for name, fields in head.index.items()
    ):
        defects.add(Defect.DUPLICATE_FIELD)
    octets, kept = limits.part_octets, None
    if briefly:
        octets, kept = min(octets, calendar.OCTETS + 1), BEGINNING
    parts, faults = mime.leaves(raw, head, parts=limits.parts, depth=limits.depth, octets=octets, kept=kept)
    visible += _invited(parts, limits.recipients - len(visible), defects)
    if briefly:
        parts = tuple(part.cut(BEGINNING) for part in parts)
    return Message(
        raw=raw,
        fields=head.fields,
        body_start=head.body_start,
        visible=visible,
        parts=parts,
        defects=tuple(sorted(defects | faults)) if defects or faults else (),
    ).indexed(head.index)


def whole(message: Message) -> Message:
    """Return the message with the whole content of each part, if it was not parsed so."""
    for part in message.parts:
        if part.left_out:
            return parse(message.raw)
    return message


def _visible(raw: bytes, head: Header, limit: int, defects: set[Defect]) -> tuple[VisibleRecipient, ...]:
    found: list[VisibleRecipient] = []
    fields = [
        (field.start, shown, field.body)
        for name, shown in VISIBLE_FIELDS.items()
        if name in head.index
        for field in head.index[name]
    ]
    if head.strays:
        disguised = list(islice(header.disguised(raw, head, VISIBLE_FIELDS), header.FIELDS))
        if len(disguised) == header.FIELDS:
            defects.add(Defect.TOO_MANY_FIELDS)
        fields.extend((field.start, VISIBLE_FIELDS[field.name], field.body) for field in disguised)
    tokens = address_list.TOKENS
    for _, shown, body in sorted(fields, key=itemgetter(0)):
        addresses = address_list.scan(body, limit - len(found), tokens=tokens)
        tokens -= addresses.tokens
        defects |= addresses.defects
        found.extend(
            VisibleRecipient(field=shown, address=mailbox.address, name=mailbox.name) for mailbox in addresses.mailboxes
        )
    return tuple(found)


def _invited(parts: tuple[Part, ...], limit: int, defects: set[Defect]) -> tuple[VisibleRecipient, ...]:
    """Return who is shown by invitations in the body: every receiver's calendar lists them."""
    calendars = [part for part in parts if calendar.is_calendar(part)]
    if not calendars:
        return ()
    if any(map(calendar.is_too_long, calendars)):
        defects.add(Defect.TOO_MANY_RECIPIENTS)
    found = list(islice(chain.from_iterable(map(calendar.invited, calendars)), limit + 1))
    if len(found) > limit:
        defects.add(Defect.TOO_MANY_RECIPIENTS)
    return tuple(VisibleRecipient(field=one.field, address=one.address, name="") for one in found[:limit])


def decode_field(body: bytes) -> str:
    """Return a free-text field body (Subject, Comments, …) as people see it: encoded words decoded, raw octets too."""
    return encoded_word.decode(encoded_word.text_of(body))[0]
