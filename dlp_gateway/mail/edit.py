"""Edits of header bytes: pure values, `bytes → bytes`, kept in custody beside the original; no body is ever touched."""

import json
import re
from dataclasses import dataclass
from typing import Final

from dlp_gateway.mail import header
from dlp_gateway.mail.address import canonical, serialise
from dlp_gateway.mail.address_list import Mailbox, scan
from dlp_gateway.mail.encoded_word import phrase
from dlp_gateway.mail.exposure import Hidden, exposed
from dlp_gateway.mail.message import Field, Message

__all__ = [
    "AddTrace",
    "Edit",
    "PruneRecipients",
    "RemoveBcc",
    "RemoveSignatures",
    "apply",
    "dkim_covers_recipients",
    "exposed",
    "from_json",
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
class RemoveSignatures:
    """Take out the DKIM-Signature (and ARC) fields that a change of recipient fields breaks (RFC 6376 3.7, `h=`)."""


Edit = AddTrace | RemoveBcc | PruneRecipients | RemoveSignatures

#: Lists of recipients that composers write; Mail-Followup-To is To and Cc once more.
RECIPIENT_FIELDS: Final = frozenset({"to", "cc", "resent-to", "resent-cc", "apparently-to", "mail-followup-to"})
#: Fields in which software on the way notes for whom the mail was; nobody reads them, so they go as a whole.
RECIPIENT_TRACES: Final = frozenset(
    {"delivered-to", "envelope-to", "original-recipient", "x-apparently-to", "x-delivered-to", "x-envelope-recipients"}
    | {"x-envelope-to", "x-forwarded-to", "x-mdaemon-deliver-to", "x-mdrcpt-to", "x-original-to", "x-rcpt-to"}
    | {"x-real-to", "x-receiver", "x-recipient", "x-resolved-to", "x-to"}
)
_BLIND_FIELDS: Final = frozenset({"bcc", "resent-bcc"})
_SIGNATURES: Final = frozenset({"dkim-signature", "arc-message-signature"})
_ARC: Final = frozenset({"arc-seal", "arc-message-signature", "arc-authentication-results"})
_SIGNED_RECIPIENTS: Final = frozenset({"to", "cc", "resent-to", "resent-cc"}) | _BLIND_FIELDS
_SIGNED_FIELDS: Final = re.compile(rb"(?:\A|;)[ \t\r\n]*+h[ \t\r\n]*+=([^;]*+)")
_TO: Final = frozenset({"to"})
_UNDISCLOSED: Final = b"undisclosed-recipients:;"
_ONE_FIELD: Final = re.compile(r"[!-9;-~]+:(?:[ \t][\t -\xff]*\r\n)+")
_LINE: Final = 78  # RFC 5322 2.1.1
# RFC 5321 4.4: `for` names one path, perhaps with a comment behind it; the white space before it goes with it.
_FOR_CLAUSE: Final = re.compile(
    rb"(?<![ \t\r\n])[ \t\r\n]++for[ \t\r\n]++(?:<[^<>]*+>|[^\s;()<>]++)(?:[ \t\r\n]*+\([^()]*+\))?", re.IGNORECASE
)


def apply(raw: bytes, edits: tuple[Edit, ...]) -> bytes:
    """Return `raw` with the edits made in order; the body and every field that no edit touches stay as they are."""
    start = header.body_start(raw)
    section = raw[:start]
    for edit in edits:
        match edit:
            case AddTrace(field=field):
                section = section if section.startswith(field) else field + section
            case RemoveBcc():
                section = _without(section, occurrences(section, _BLIND_FIELDS))
            case RemoveSignatures():
                section = _without_signatures(section)
            case PruneRecipients(hidden=hidden, to=to):
                section = _pruned(section, Hidden(hidden), to)
    return section + raw[start:]


def occurrences(section: bytes, names: frozenset[str]) -> list[Field]:
    """Return every field of a header section that is called one of `names` (lower case), to whichever client."""
    disguised = header.disguised(section, header.read_all(section), names)
    return [*header.select(section, names), *disguised]


def without(raw: bytes, names: frozenset[str]) -> bytes:
    """Return a message without the fields that are called one of `names` (lower case), as if they never stood there.

    For what must not be kept either, such as a secret in a header: unlike an `Edit`, nothing of it goes into custody.
    """
    start = header.body_start(raw)
    section = raw[:start]
    return _without(section, occurrences(section, names)) + raw[start:]


def _replaced(section: bytes, replacements: dict[int, tuple[int, bytes]]) -> bytes:
    """Return the section with the spans that begin at each key and end at the first of each value written anew."""
    pieces = []
    position = 0
    for start, (end, octets) in sorted(replacements.items()):
        pieces += [section[position:start], octets]
        position = end
    return b"".join([*pieces, section[position:]])


def _without(section: bytes, fields: list[Field]) -> bytes:
    return _replaced(section, {field.start: (field.end, b"") for field in fields})


def _without_signatures(section: bytes) -> bytes:
    broken = [field for field in header.select(section, _SIGNATURES) if _covers_recipients(field)]
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
    return any(field.name.lower() in _SIGNATURES and _covers_recipients(field) for field in message.fields)


def _pruned(section: bytes, hidden: Hidden, to: str) -> bytes:
    replacements: dict[int, tuple[int, bytes]] = {}
    remaining = 0  # mailboxes that stay in To
    emptied: list[Field] = []
    # What is longer was held, since nobody read all of it, and would take long to search: no list in it stays.
    is_too_long = len(section) > header.HEADER_OCTETS
    for field in header.select(section, RECIPIENT_FIELDS | RECIPIENT_TRACES | {"received"}):
        name = field.name.lower()
        named = is_too_long or hidden.named_in(field.body)
        if name in RECIPIENT_FIELDS:
            mailboxes = () if is_too_long else scan(field.body, len(field.body)).mailboxes
            kept = _kept(mailboxes, hidden) if named else []
            remaining += (len(kept) if named else len(mailboxes)) if name == "to" else 0
            if named:
                replacements[field.start] = (field.end, _field(field.name, kept, section, field) if kept else b"")
                if not kept and name in {"to", "cc"}:
                    emptied.append(field)
        elif name in RECIPIENT_TRACES:
            if named:
                replacements[field.start] = (field.end, b"")
        elif named:
            # RFC 5321 4.4 lets nobody change a Received field, 7.2 warns that `for` betrays blind recipients. We are a
            # submission server, to which the mail still belongs (RFC 6409 8), and hiding is what the rule asked for.
            replacements[field.start] = (field.end, _FOR_CLAUSE.sub(b"", section[field.start : field.end]))
    if emptied and not remaining:
        tos = [field for field in emptied if field.name.lower() == "to"]
        if tos or not header.select(section, _TO):
            place = (tos or emptied)[0]
            written = None if not to or to in hidden else serialise(to)
            replacements[place.start] = (place.end, _field("To", [written or _UNDISCLOSED], section, place))
    return _replaced(section, replacements)


def _kept(mailboxes: tuple[Mailbox, ...], hidden: Hidden) -> list[bytes]:
    """Return the mailboxes that stay, written afresh; what is no proper address goes, it names nobody."""
    kept = []
    for mailbox in mailboxes:
        address = None if mailbox.address in hidden else serialise(mailbox.address)
        if address is not None:
            # A name that holds an address would be counted as one by the next scanner; nobody misses it.
            named = mailbox.name and "@" not in mailbox.name and not hidden.named_in(mailbox.name.encode())
            kept.append(b"%s <%s>" % (phrase(mailbox.name), address) if named else address)
    return kept


def _field(name: str, mailboxes: list[bytes], section: bytes, old: Field) -> bytes:
    """Write an address field, folded between words; the line ends are those of the field in whose place it stands."""
    written = section[old.start : old.end]
    line_end = b"\n" if written.endswith(b"\n") and not written.endswith(b"\r\n") else b"\r\n"
    lines = [f"{name}:".encode()]
    for word in b", ".join(mailboxes).split(b" "):
        if len(lines[-1]) + 1 + len(word) > _LINE and len(lines[-1]) > len(name) + 1:
            lines.append(b"")
        lines[-1] += b" " + word
    return line_end.join(lines) + line_end


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
        case {"edit": "prune-recipients", "hidden": list(hidden), "to": str(to), **rest} if not rest:
            addresses = tuple(
                address for address in hidden if isinstance(address, str) and canonical(address) == address
            )
            if len(addresses) == len(hidden) and (not to or serialise(to)):
                return PruneRecipients(hidden=addresses, to=to)
        case _:
            pass
    raise ValueError("edits: not an edit")
