"""Blind recipients: those of the envelope whom no field shows, and where the header betrays them all the same."""

from collections.abc import Iterable, Iterator
from typing import Final

from dlp_gateway.mail import header
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.exposure import Hidden, exposed
from dlp_gateway.mail.message import Field, Message
from dlp_gateway.mail.pruning import RECIPIENT_TRACES

#: Who stands here, or where answers go, is named as one who writes, not as one who is written to.
_AUTHORS: Final = (
    "From",
    "Sender",
    "Resent-From",
    "Resent-Sender",
    "Return-Path",
    "Errors-To",
    "Disposition-Notification-To",
    "Return-Receipt-To",
)
#: Where answers go: to the author's desk, not to his readers.
_ANSWERED: Final = ("Reply-To", "Resent-Reply-To")
#: So many outsiders there are readers, whom everybody learns of who answers.
_SEVERAL: Final = 3
_ORIGINATORS: Final = (*_AUTHORS, *_ANSWERED)
#: They never leave (RFC 5322 3.6.3), so they betray nobody.
_REMOVED: Final = frozenset({"bcc", "resent-bcc"})


def blind(envelope: Envelope, message: Message, inside: tuple[str, ...]) -> tuple[str, ...]:
    """Return the canonical addresses of recipients who stand neither in a recipient field nor among the originators.

    One who gets his copy alone is blind to nobody, so there are none then. Three recipients and more in Reply-To who
    are not at a domain of `inside` (patterns) are no originators.
    """
    if len(envelope.recipients) < 2:  # as nearly all
        return ()
    recipients = tuple(dict.fromkeys(map(canonical, envelope.recipients)))
    if len(recipients) < 2:
        return ()
    shown = {canonical(recipient.address) for recipient in message.visible}
    if all(recipient in shown for recipient in recipients):
        return ()
    shown.add(canonical(envelope.reverse_path))
    shown.update(map(canonical, _addresses(message, _AUTHORS)))
    answered = set(map(canonical, _addresses(message, _ANSWERED))).difference(shown)
    ours = DomainSet(inside)
    if sum(not ours.contains(recipient) for recipient in recipients if recipient in answered) < _SEVERAL:
        shown |= answered
    else:
        shown.update(filter(ours.contains, answered))
    return tuple(recipient for recipient in recipients if recipient not in shown)


def _of_another_part(envelope: Envelope, message: Message, inside: tuple[str, ...]) -> dict[str, str]:
    """Return outsiders who stand in a trace of recipients, and neither in this envelope nor in any field for people.

    A server that splits a long envelope leaves them in every part. Mail of outsiders has its own way behind it.
    """
    if not message.has_any(RECIPIENT_TRACES):
        return {}
    traces = [field for field in message.fields if field.name.lower() in RECIPIENT_TRACES]
    ours = DomainSet(inside)
    if not any(map(ours.contains, _addresses(message, ("From",)))):
        return {}
    named = {canonical(mailbox.address): field.name for field in traces for mailbox in scan(field.body).mailboxes}
    known = {canonical(one) for one in (*envelope.recipients, *_read_by_people(envelope, message))}
    return {one: field for one, field in named.items() if one not in known and "@" in one and not ours.contains(one)}


def _read_by_people(envelope: Envelope, message: Message) -> Iterator[str]:
    yield from (recipient.address for recipient in message.visible)
    yield envelope.reverse_path
    yield from _addresses(message, _ORIGINATORS)


def _addresses(message: Message, names: Iterable[str]) -> Iterator[str]:
    fields = (field for name in names for field in message.named(name))
    yield from (mailbox.address for field in fields for mailbox in scan(field.body).mailboxes)


def betrayed(envelope: Envelope, message: Message, inside: tuple[str, ...]) -> dict[str, str]:
    """Return the blind recipients whom the header names, each with a field in which he stands.

    Received for, X-Original-To, X-Envelope-To, Resent-* and Thread-*, the fields of lists and of reports: any of them,
    and lines that are no fields, though a program meant them to be.
    Who is not at a domain of `inside` (patterns) and stands in a trace for software only gets another part of it.
    """
    found = _of_another_part(envelope, message, inside)
    whom = [one for one in blind(envelope, message, inside) if one not in found]
    if not whom:
        return found
    hidden, noting = Hidden(whom), _Noting(whom)
    section = message.raw[: message.body_start]
    if not exposed(section, hidden):
        return found
    head = header.read(section)
    for start, end in sorted([*_staying(section, head), *((one.start, one.end) for one in _fields(head))]):
        line = section[start:end] + b"\r\n"
        if names := exposed(line, hidden):
            noting.noted.clear()
            is_odd = bool(exposed(line, noting))
            for address in hidden.addresses if is_odd else sorted(noting.noted):
                found.setdefault(address, names[0])
    return found


class _Noting(Hidden):
    """Notes which of a set a line names, all of them in one look; a line that is odd enough to name anybody has any."""

    def __init__(self, addresses: Iterable[str]) -> None:
        super().__init__(addresses)
        self.noted: set[str] = set()

    def has(self, address: str) -> bool:
        """Note an address of the set, and look on."""
        if super().has(address):
            self.noted.add(address)
        return False


def _fields(head: header.Header) -> Iterator[Field]:
    yield from (field for field in head.fields if field.name.lower() not in _REMOVED)


def _staying(section: bytes, head: header.Header) -> Iterator[tuple[int, int]]:
    """Yield the spans of lines that are no fields, without what leaves no mail since some client takes it for Bcc."""
    removed = sorted((field.start, field.end) for field in header.disguised(section, head, _REMOVED))
    for start, end in head.strays:
        position = start
        for begin, behind in removed:
            if start <= begin < end:
                if begin > position:
                    yield position, begin
                position = behind
        if position < end:
            yield position, end
