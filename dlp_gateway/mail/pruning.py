"""Addresses taken out of the fields of a header section that list recipients, or note them on the way."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final

from dlp_gateway.mail import header
from dlp_gateway.mail.address import DomainSet, canonical, serialise
from dlp_gateway.mail.address_list import Mailbox, scan
from dlp_gateway.mail.encoded_word import phrase
from dlp_gateway.mail.exposure import Hidden
from dlp_gateway.mail.message import Field

#: Lists of recipients that every receiver reads as such.
VISIBLE_FIELDS: Final = frozenset({"to", "cc", "resent-to", "resent-cc", "apparently-to"})
#: Lists of recipients that composers write; Mail-Followup-To is To and Cc once more.
RECIPIENT_FIELDS: Final = VISIBLE_FIELDS | {"mail-followup-to"}
#: Fields in which software on the way notes for whom the mail was; nobody reads them, so they go as a whole.
RECIPIENT_TRACES: Final = frozenset(
    {"delivered-to", "envelope-to", "original-recipient", "x-apparently-to", "x-delivered-to", "x-envelope-recipients"}
    | {"x-envelope-to", "x-forwarded-to", "x-mdaemon-deliver-to", "x-mdrcpt-to", "x-original-to", "x-rcpt-to"}
    | {"x-real-to", "x-receiver", "x-recipient", "x-resolved-to", "x-to"}
)
_TO: Final = frozenset({"to"})
_UNDISCLOSED: Final = b"undisclosed-recipients:;"
_LINE: Final = 78  # RFC 5322 2.1.1
# RFC 5321 4.4: `for` names one path, perhaps with a comment behind it; the white space before it goes with it.
_FOR_CLAUSE: Final = re.compile(
    rb"(?<![ \t\r\n])[ \t\r\n]++for[ \t\r\n]++(?:<[^<>]*+>|[^\s;()<>]++)(?:[ \t\r\n]*+\([^()]*+\))?", re.IGNORECASE
)
#: Without one of these, and in ASCII, no reading of a display name holds an address.
_MARKS: Final = frozenset("@%=&+(")


@dataclass(frozen=True, slots=True)
class _Named:
    """A field that lists or notes recipients: its mailboxes with their canonical addresses; () for a trace.

    `places` says where in the list an address stands.
    """

    field: Field
    name: str
    mailboxes: tuple[tuple[str, Mailbox], ...]
    places: dict[str, list[int]]
    whole: bool


#: Which places of a list stay, in order; lists are told by their number in the section.
_Staying = Callable[[int, _Named], Sequence[int]]


def pruned(section: bytes, hidden: Hidden, to: str) -> bytes:
    """Return the section without the hidden addresses in any list or trace of recipients.

    A field that names none of them stays as it is. If nobody remains in To, it becomes `to` or, if that is "" or hidden
    itself, `undisclosed-recipients:;`.
    """

    def staying(_number: int, one: _Named) -> list[int]:
        return [place for place, (address, _) in enumerate(one.mailboxes) if not hidden.has(address)]

    return _pruned(section, hidden, to, staying)


def pruned_but(section: bytes, inside: tuple[str, ...], kept: tuple[str, ...], to: str) -> bytes:
    """Return the section as `pruned` does, without the outsiders among its visible recipients but for those `kept`.

    What many copies of one mail have in common is worked out once; each of them costs what stands in it.
    """
    always = _insiders_in(section, inside)
    addresses = tuple(map(canonical, (*kept, to)))

    def staying(number: int, one: _Named) -> list[int]:
        return sorted({*always[number], *chain.from_iterable(one.places.get(address, ()) for address in addresses)})

    return _pruned(section, _outsiders_in(section, inside).but(*kept, to), to, staying)


def _pruned(section: bytes, hidden: Hidden, to: str, staying: _Staying) -> bytes:
    replacements: dict[int, tuple[int, bytes]] = {}
    remaining = 0  # mailboxes that stay in To
    emptied: list[Field] = []
    # What is longer was held, since nobody read all of it, and would take long to search: no list in it stays.
    is_too_long = len(section) > header.HEADER_OCTETS
    for number, one in enumerate(_recipient_lines(section)):
        field, name = one.field, one.name
        places = staying(number, one)
        named = is_too_long or len(places) < len(one.mailboxes) or _names(one, hidden)
        if name in RECIPIENT_FIELDS:
            kept = _kept([one.mailboxes[place][1] for place in places], hidden) if named and not is_too_long else []
            remaining += (len(kept) if named else len(one.mailboxes)) if name == "to" else 0
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
    return replaced(section, replacements)


def replaced(section: bytes, replacements: dict[int, tuple[int, bytes]]) -> bytes:
    """Return the section with the spans that begin at each key and end at the first of each value written anew."""
    pieces = []
    position = 0
    for start, (end, octets) in sorted(replacements.items()):
        pieces += [section[position:start], octets]
        position = end
    return b"".join([*pieces, section[position:]])


# A mail that is split has one header section and as many copies as it has recipients outside: it is read once.
@lru_cache(maxsize=4)
def _recipient_lines(section: bytes) -> tuple[_Named, ...]:
    found = []
    is_too_long = len(section) > header.HEADER_OCTETS
    for field in header.select(section, RECIPIENT_FIELDS | RECIPIENT_TRACES | {"received"}):
        name = field.name.lower()
        listed = scan(field.body, len(field.body)) if name in RECIPIENT_FIELDS and not is_too_long else None
        mailboxes = tuple((canonical(one.address), one) for one in listed.mailboxes) if listed else ()
        places: dict[str, list[int]] = {}
        for place, (address, _) in enumerate(mailboxes):
            places.setdefault(address, []).append(place)
        found.append(_Named(field, name, mailboxes, places, listed is None or listed.whole))
    return tuple(found)


@lru_cache(maxsize=4)
def _outsiders_in(section: bytes, inside: tuple[str, ...]) -> Hidden:
    domains = DomainSet(inside)
    lists = (one.mailboxes for one in _recipient_lines(section) if one.name in VISIBLE_FIELDS)
    shown = dict.fromkeys(address for mailboxes in lists for address, _ in mailboxes)
    return Hidden(address for address in shown if not domains.contains(address))


@lru_cache(maxsize=4)
def _insiders_in(section: bytes, inside: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """Return for each list of recipients the places of those who are no visible outsiders."""
    outsiders = _outsiders_in(section, inside)
    return tuple(
        tuple(place for place, (address, _) in enumerate(one.mailboxes) if not outsiders.has(address))
        for one in _recipient_lines(section)
    )


def _names(one: _Named, hidden: Hidden) -> bool:
    """Whether a field names a hidden address beside its mailboxes; one that cannot be read whole may name anybody."""
    return not one.whole or (bool(hidden) and hidden.named_in(one.field.body))


def _kept(mailboxes: list[Mailbox], hidden: Hidden) -> list[bytes]:
    """Return the mailboxes that stay, written afresh; what is no proper address goes, it names nobody."""
    kept = []
    for mailbox in mailboxes:
        address = serialise(mailbox.address)
        if address is not None:
            # A name that holds an address would be counted as one by the next scanner; nobody misses it.
            named = mailbox.name and "@" not in mailbox.name and not _may_name(mailbox.name, hidden)
            kept.append(b"%s <%s>" % (phrase(mailbox.name), address) if named else address)
    return kept


def _may_name(name: str, hidden: Hidden) -> bool:
    return not (name.isascii() and _MARKS.isdisjoint(name)) and hidden.named_in(name.encode())


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
