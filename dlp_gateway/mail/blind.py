"""Blind recipients: those of the envelope whom no field shows, and where the header betrays them all the same."""

from typing import Final

from dlp_gateway.mail import header
from dlp_gateway.mail.address import canonical
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.exposure import Hidden, exposed
from dlp_gateway.mail.message import Message

#: Who stands here is named as one who writes, not as one who is written to.
_ORIGINATORS: Final = (
    "From",
    "Sender",
    "Reply-To",
    "Resent-From",
    "Resent-Sender",
    "Resent-Reply-To",
    "Return-Path",
    "Errors-To",
    "Disposition-Notification-To",
    "Return-Receipt-To",
)
#: They never leave (RFC 5322 3.6.3), so they betray nobody.
_REMOVED: Final = frozenset({"bcc", "resent-bcc"})


def blind(envelope: Envelope, message: Message) -> tuple[str, ...]:
    """Return the canonical addresses of recipients who stand neither in a recipient field nor among the originators.

    One who gets his copy alone is blind to nobody, so there are none then.
    """
    recipients = tuple(dict.fromkeys(map(canonical, envelope.recipients)))
    if len(recipients) < 2:
        return ()
    shown = {canonical(recipient.address) for recipient in message.visible}
    if all(recipient in shown for recipient in recipients):
        return ()
    shown.add(canonical(envelope.reverse_path))
    for name in _ORIGINATORS:
        for field in message.named(name):
            shown |= {canonical(mailbox.address) for mailbox in scan(field.body).mailboxes}
    return tuple(recipient for recipient in recipients if recipient not in shown)


def betrayed(envelope: Envelope, message: Message) -> dict[str, str]:
    """Return the blind recipients whom the header names, each with a field in which he stands.

    Received for, X-Original-To, X-Envelope-To, Resent-* and Thread-*, the fields of lists and of reports: any of them.
    """
    found: dict[str, str] = {}
    whom = blind(envelope, message)
    if not whom:
        return found
    hidden = Hidden(whom)
    section = message.raw[: message.body_start]
    if not exposed(section, hidden):
        return found
    for field in header.read(section).fields:
        line = section[field.start : field.end] + b"\r\n"
        if field.name.lower() not in _REMOVED and (names := exposed(line, hidden)):
            for address in hidden.addresses:
                if address not in found and exposed(line, (address,)):
                    found[address] = names[0]
    return found
