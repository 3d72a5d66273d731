"""Whose mail a message says it is, and whether a login may say so: by its reverse-path, and by From and Sender."""

from collections.abc import Iterator
from typing import Final

from dlp_gateway.mail.address import is_one_of
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message

_AUTHORS: Final = 100  # mailboxes of one originator field; nobody writes with so many


def may_send(reverse_path: str, bound_to: tuple[str, ...] | None) -> bool:
    """Whether a login may name this reverse-path.

    The null one it always may, for receipts that mail clients send (RFC 8098 3): From tells whose they are.
    """
    return bound_to is None or not reverse_path or is_one_of(reverse_path, bound_to)


def misnamed(envelope: Envelope, message: Message) -> bool:
    """Whether a message from a bound login names somebody else as its author (RFC 5322 3.6.2).

    Every reading of every such field counts. A From in which no address can be read names who knows whom; a message
    without From is shown with its reverse-path, which was looked at before.
    """
    if envelope.bound_to is None:
        return False
    bound_to = envelope.bound_to
    return any(not all(is_one_of(one, bound_to) for one in authors or ("",)) for authors in _originators(message))


def _originators(message: Message) -> Iterator[tuple[str, ...]]:
    """Yield the addresses of each originator field; none where a field could not be read to its end."""
    for name in ("From", "Sender"):
        for field in message.named(name):
            found = scan(field.body, _AUTHORS)
            yield tuple(mailbox.address for mailbox in found.mailboxes) if found.whole else ()
