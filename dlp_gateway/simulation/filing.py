"""Between whom a filed mail went: the envelope that its header still tells."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from dlp_gateway.mail.address import serialise
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.edit import without
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.message import Message

_MOST: Final = 10_000  # recipients
_SENDER: Final = ("X-Envelope-From", "X-Envelope-Sender", "Return-Path", "Sender", "From")
#: Fields that software wrote to say for whom the copy was; the envelope, if there are any.
_RECIPIENTS: Final = ("X-Envelope-To", "Envelope-To", "X-Rcpt-To", "X-RcptTo")
_FILED: Final = frozenset(map(str.lower, (*_RECIPIENTS, "X-Envelope-From", "X-Envelope-Sender")))
_OTHERWISE: Final = ("To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc", "Delivered-To", "X-Original-To")


def envelope(message: Message, at: datetime) -> Envelope | None:
    """Return the envelope with which a mail most likely came; None if nothing tells to whom it went.

    The host that sent it and its login are not known: "".
    """
    told = tuple(_addresses(message, _RECIPIENTS)) or tuple(_addresses(message, _OTHERWISE))
    recipients = tuple(dict.fromkeys(told))[:_MOST]
    if not recipients:
        return None
    return Envelope(
        id=new_id(),
        reverse_path=_reverse_path(message),
        recipients=recipients,
        client="",
        login="",
        body_8bit=True,
        smtputf8=True,
        received_at=at,
    )


def as_sent(message: Message) -> bytes:
    """Return the mail without the fields that told its envelope: whoever filed it wrote them, behind the gateway."""
    if not any(True for _ in _addresses(message, _RECIPIENTS)):
        return message.raw
    return without(message.raw, _FILED)


def _reverse_path(message: Message) -> str:
    for name in _SENDER:
        for field in message.named(name):
            if field.body.strip() == b"<>":
                return ""
            if address := next(_of(field.body), ""):
                return address
    return ""


def _addresses(message: Message, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        for field in message.named(name):
            yield from _of(field.body)


def _of(body: bytes) -> Iterator[str]:
    """Yield the addresses to which mail could be sent."""
    for mailbox in scan(body, _MOST).mailboxes:
        written = serialise(mailbox.address)
        if written is not None:
            yield written.decode()
