"""Whose mail a message says it is, and whether a login may say so: by its reverse-path, and by From and Sender."""

from collections.abc import Sequence
from typing import Final

from dlp_gateway.mail.address import is_one_of
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.edit import occurrences
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.header import FIELDS, HEADER_OCTETS
from dlp_gateway.mail.message import Defect, Field, Message

_ORIGINATORS: Final = frozenset({"from", "sender"})
_AUTHORS: Final = 100  # mailboxes of one originator field; nobody writes with so many


def may_send(reverse_path: str, bound_to: tuple[str, ...] | None) -> bool:
    """Whether a login may name this reverse-path.

    The null one it always may, for receipts that mail clients send (RFC 8098 3): From tells whose they are.
    """
    return bound_to is None or not reverse_path or is_one_of(reverse_path, bound_to)


def misnamed(envelope: Envelope, message: Message) -> bool:
    """Whether a message from a bound login names somebody else as its author (RFC 5322 3.6.2).

    Every reading of every such field counts. A From in which no address can be read names who knows whom, and a header
    that was not read to its end may hold another. A message without From is shown with its reverse-path, which was
    looked at before; without either it is nobody's.
    """
    bound_to = envelope.bound_to
    if bound_to is None:
        return False
    if message.body_start > HEADER_OCTETS or len(message.fields) >= FIELDS:
        return True
    fields: Sequence[Field] = (*message.named("From"), *message.named("Sender"))
    if Defect.BAD_FIELD in message.defects:  # then there may be more, to other clients
        fields = occurrences(message.raw[: message.body_start], _ORIGINATORS)
    if not envelope.reverse_path and not any(field.name.lower() == "from" for field in fields):
        return True
    return not all(is_one_of(one, bound_to) for field in fields for one in _authors(field))


def _authors(field: Field) -> tuple[str, ...]:
    """Return the addresses of an originator field; nobody's where it has none, or could not be read to its end."""
    found = scan(field.body, _AUTHORS)
    authors = tuple(mailbox.address for mailbox in found.mailboxes) if found.whole else ()
    return authors or ("",)
