"""Edits of a mail: pure values, `bytes → bytes`, kept in custody beside the original.

All but one change header bytes only (`PruneAttendees` says why it must reach into the body).
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dlp_gateway.mail import calendar, header, mime
from dlp_gateway.mail.address import canonical, serialise
from dlp_gateway.mail.exposure import Hidden, exposed
from dlp_gateway.mail.message import Field, Message
from dlp_gateway.mail.pruning import pruned, pruned_but, replaced

__all__ = [
    "AddTrace",
    "Edit",
    "Edited",
    "PruneAttendees",
    "PruneOutsiders",
    "PruneRecipients",
    "RemoveBcc",
    "RemoveFields",
    "RemoveSignatures",
    "apply",
    "dkim_covers_body",
    "dkim_covers_recipients",
    "edited",
    "exposed",
    "from_json",
    "hides",
    "occurrences",
    "to_json",
    "without",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTrace:
    """Put one trace field (complete, with final CRLF) on top of the header section."""

    field: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveBcc:
    """Take out every Bcc and Resent-Bcc field; they leave no mail at all (RFC 5322 3.6.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRecipients:
    """Take every address of `hidden` (canonical, see `mail.address.canonical`) out of all recipient fields.

    Insiders stay. If no recipient remains in `To`, it becomes `to` (an addr-spec, re-serialised) or, if `to` is "",
    `undisclosed-recipients:;`.
    """

    hidden: tuple[str, ...]
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneOutsiders:
    """Take everybody out of all recipient fields who is not at a domain of `inside`, but for those `kept` (canonical).

    So a mail that is split needs one short edit for each copy, however many people it hides. `inside` are patterns as
    `mail.address.DomainSet` has them; `to` is as in `PruneRecipients`, and is kept as well: once it stands in To, the
    same edit must leave it there, be he outside or not.
    """

    inside: tuple[str, ...]
    kept: tuple[str, ...]
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneAttendees:
    """Take everybody out of the invitations in the body who is not at a domain of `inside`, but for those `kept`.

    The one edit that touches a body: no invitation can be hidden from those it names without it. The transfer encoding
    of the part stays, and every other octet. Where anything went, no signature of the whole mail is true any more (RFC
    6376 3.7, `bh=`), so they go as well.
    """

    inside: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveSignatures:
    """Take out the DKIM-Signature (and ARC) fields that a change of recipient fields breaks (RFC 6376 3.7, `h=`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFields:
    """Take out every field that is called one of `names` (lower case): in it stood somebody who must be hidden."""

    names: tuple[str, ...]


Edit = AddTrace | RemoveBcc | PruneRecipients | PruneOutsiders | PruneAttendees | RemoveSignatures | RemoveFields

_HIDING: Final = frozenset((PruneRecipients, PruneOutsiders))
_BLIND_FIELDS: Final = frozenset({"bcc", "resent-bcc"})
_SIGNATURES: Final = frozenset({"dkim-signature", "arc-message-signature"})
_ARC: Final = frozenset({"arc-seal", "arc-message-signature", "arc-authentication-results"})
_SIGNED_RECIPIENTS: Final = frozenset({"to", "cc", "resent-to", "resent-cc"}) | _BLIND_FIELDS
_SIGNED_FIELDS: Final = re.compile(rb"(?:\A|;)[ \t\r\n]*+h[ \t\r\n]*+=([^;]*+)")
_NAME: Final = re.compile(r"[!-9;-@[-~]{1,64}")
_ONE_FIELD: Final = re.compile(r"[!-9;-~]+:(?:[ \t][\t -\xff]*\r\n)+")


@dataclass(frozen=True, slots=True)
class Edited:
    """A mail with its edits made: `section` is its header, and `source[start:]` its body, of which there is no copy."""

    section: bytes
    source: bytes
    start: int

    def __len__(self) -> int:
        return len(self.section) + len(self.source) - self.start

    def __bytes__(self) -> bytes:
        return b"".join((self.section, memoryview(self.source)[self.start :]))

    def isascii(self) -> bool:
        """Whether all octets are ASCII."""
        return self.section.isascii() and (self.source.isascii() or self.source[self.start :].isascii())


def hides(edits: tuple[Edit, ...]) -> bool:
    """Whether one of the edits hides somebody from those who get the mail."""
    return not _HIDING.isdisjoint(map(type, edits))


def apply(raw: bytes, edits: tuple[Edit, ...]) -> bytes:
    """Return `raw` with the edits made in order; the body and every field that no edit touches stay as they are.

    A body is touched by `PruneAttendees` alone, and there only in the invitations that show somebody outside.
    """
    return bytes(edited(raw, edits))


def edited(raw: bytes, edits: tuple[Edit, ...]) -> Edited:
    """Do what `apply` does, without a copy of the body unless that is touched."""
    source, start = raw, header.body_start(raw)
    section: bytes = raw[:start]
    for edit in edits:
        match edit:
            case AddTrace(field=field):
                section = section if section.startswith(field) else field + section
            case RemoveBcc():
                section = _without_bcc(section)
            case RemoveSignatures():
                section = _without_signatures(section)
            case RemoveFields(names=names):
                section = _without(section, header.select(section, frozenset(names)))
            case PruneRecipients(hidden=hidden, to=to):
                section = _without_recipients(section, hidden, to)
            case PruneOutsiders(inside=inside, kept=kept, to=to):
                section = pruned_but(section, inside, kept, to)
            case PruneAttendees():
                body = _without_attendees(section, memoryview(source)[start:], edit)
                if body is not None:
                    source, start, section = body, 0, _without_signatures(section, over_body=True)
    return Edited(section, source, start)


@lru_cache(maxsize=4)  # the copies of a mail that is split begin alike
def _without_bcc(section: bytes) -> bytes:
    return _without(section, occurrences(section, _BLIND_FIELDS))


@lru_cache(maxsize=4)
def _without_recipients(section: bytes, hidden: tuple[str, ...], to: str) -> bytes:
    return pruned(section, Hidden(hidden), to)


def occurrences(section: bytes, names: frozenset[str]) -> list[Field]:
    """Return every field of a header section that is called one of `names` (lower case), to whichever client."""
    if not header.may_name(section, names):
        return []
    disguised = header.disguised(section, header.read_all(section), names)
    return [*header.select(section, names), *disguised]


def without(raw: bytes, names: frozenset[str]) -> bytes:
    """Return a message without the fields that are called one of `names` (lower case), as if they never stood there.

    For what must not be kept either, such as a secret in a header: unlike an `Edit`, nothing of it goes into custody.
    """
    start = header.body_start(raw)
    section = raw[:start]
    return _without(section, occurrences(section, names)) + raw[start:]


def _without(section: bytes, fields: list[Field]) -> bytes:
    if not fields:
        return section
    return replaced(section, {field.start: (field.end, b"") for field in fields})


def _without_signatures(section: bytes, *, over_body: bool = False) -> bytes:
    broken = [field for field in header.select(section, _SIGNATURES) if over_body or _covers_recipients(field)]
    doomed = [field for field in broken if field.name.lower() not in _ARC]
    if len(doomed) < len(broken):  # an ARC set stands or falls as a whole, and with it the chain (RFC 8617 5.2)
        doomed += header.select(section, _ARC)
    return _without(section, doomed)


def _covers_recipients(signature: Field) -> bool:
    signed = _SIGNED_FIELDS.search(signature.body)
    if signed is None:  # without h= it is worth nothing and hides what it covers
        return True
    names = {name.strip().lower().decode("latin-1") for name in signed[1].split(b":")}
    return not names.isdisjoint(_SIGNED_RECIPIENTS)


def dkim_covers_recipients(message: Message) -> bool:
    """Whether a DKIM or ARC signature covers To, Cc, Bcc or their Resent- kin, so that a rewrite breaks it."""
    return any(map(_covers_recipients, _signatures(message)))


def dkim_covers_body(message: Message) -> bool:
    """Whether there is a DKIM or ARC signature: all of them cover the body, which `PruneAttendees` may change."""
    return any(_signatures(message))


def _signatures(message: Message) -> Iterator[Field]:
    return (field for field in message.fields if field.name.lower() in _SIGNATURES)


def _without_attendees(section: bytes, body: memoryview, edit: PruneAttendees) -> bytes | None:
    """Return the body with its invitations pruned: only where one part, read in one way, is an invitation.

    None if nothing changes; of other files no more is decoded than tells that they are no invitations: beside a
    short one, a mail may have large ones.
    """
    raw = b"".join((section, body))
    parts, _ = mime.leaves(raw, header.read(raw), kept=calendar.OCTETS + 1)
    spans = Counter(part.span for part in parts)
    replacements: dict[int, tuple[int, bytes]] = {}
    for part in parts:
        if part.span is None or spans[part.span] > 1 or part.defects or not calendar.is_calendar(part):
            continue
        content = calendar.pruned(part, edit.inside, edit.kept)
        octets = None if content is None or content == part.content else calendar.encoded(content, part.encoding)
        if octets is not None:
            start, end = part.span
            tail = b"\r\n" if raw.endswith(b"\n", start, end) and not octets.endswith(b"\n") else b""
            replacements[start - len(section)] = (end - len(section), octets + tail)
    if not replacements:
        return None
    del raw, parts  # of a large mail, one copy at a time
    pieces: list[bytes | memoryview] = []
    position = 0
    for start, (end, octets) in sorted(replacements.items()):
        pieces += (body[position:start], octets)
        position = end
    return b"".join((*pieces, body[position:]))


def to_json(edits: tuple[Edit, ...]) -> str:
    """Write edits for custody, as an array of objects (octets of a field as ISO 8859-1)."""
    written: list[dict[str, object]] = []
    for edit in edits:
        match edit:
            case AddTrace(field=field):
                written.append({"edit": "add-trace", "field": field.decode("latin-1")})
            case RemoveBcc():
                written.append({"edit": "remove-bcc"})
            case PruneRecipients(hidden=hidden, to=to):
                written.append({"edit": "prune-recipients", "hidden": list(hidden), "to": to})
            case PruneOutsiders(inside=inside, kept=kept, to=to):
                written.append({"edit": "prune-outsiders", "inside": list(inside), "kept": list(kept), "to": to})
            case PruneAttendees(inside=inside, kept=kept):
                written.append({"edit": "prune-attendees", "inside": list(inside), "kept": list(kept)})
            case RemoveFields(names=names):
                written.append({"edit": "remove-fields", "names": list(names)})
            case RemoveSignatures():
                written.append({"edit": "remove-signatures"})
    return json.dumps(written)


def from_json(text: str) -> tuple[Edit, ...]:
    """Read what `to_json` wrote; raises ValueError, without quoting it, for anything else."""
    try:
        written = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("edits: not JSON") from error
    if not isinstance(written, list):
        raise ValueError("edits: not an array")  # noqa: TRY004  # one error for all that is wrong with the text
    return tuple(_edit(one) for one in written)


def _edit(written: object) -> Edit:
    match written:
        case {"edit": "add-trace", "field": str(field), **rest} if not rest and _ONE_FIELD.fullmatch(field):
            return AddTrace(field=field.encode("latin-1"))
        case {"edit": "remove-bcc", **rest} if not rest:
            return RemoveBcc()
        case {"edit": "remove-signatures", **rest} if not rest:
            return RemoveSignatures()
        case {"edit": "remove-fields", "names": list(names), **rest} if not rest and _are_names(names):
            return RemoveFields(names=tuple(names))
        case {"edit": "prune-recipients", "hidden": list(hidden), "to": str(to), **rest} if not rest:
            if _are_canonical(hidden) and (not to or serialise(to)):
                return PruneRecipients(hidden=tuple(hidden), to=to)
        case {
            "edit": "prune-outsiders",
            "inside": list(inside),
            "kept": list(kept),
            "to": str(to),
            **rest,
        } if not rest and (not to or serialise(to)):
            if _are_patterns(inside) and _are_canonical(kept):
                return PruneOutsiders(inside=tuple(inside), kept=tuple(kept), to=to)
        case {"edit": "prune-attendees", "inside": list(inside), "kept": list(kept), **rest} if not rest:
            if _are_patterns(inside) and _are_canonical(kept):
                return PruneAttendees(inside=tuple(inside), kept=tuple(kept))
        case _:
            pass
    raise ValueError("edits: not an edit")


def _are_names(names: list[object]) -> bool:
    return bool(names) and all(isinstance(name, str) and _NAME.fullmatch(name) for name in names)


def _are_canonical(addresses: list[object]) -> bool:
    return all(isinstance(address, str) and canonical(address) == address for address in addresses)


def _are_patterns(inside: list[object]) -> bool:
    return all(isinstance(pattern, str) and pattern and "@" not in pattern for pattern in inside)
