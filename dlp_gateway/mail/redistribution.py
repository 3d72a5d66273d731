"""Mail whose author is not ours and that we pass on: who wrote it, and who of ours it came through."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dlp_gateway.mail.address import DomainSet, canonical, serialise
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.encoded_word import decode, text_of
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message

#: Fields in which list software keeps the author whose From it replaced, since his DMARC would have refused it.
_AUTHOR_BEFORE: Final = frozenset(
    {"x-original-from", "original-from", "x-google-original-from", "x-original-sender", "x-mailfrom"}
)
#: "Bob via Members", as RFC 7960 4.1.3.1 and list software have it, in the seven languages.
_VIA: Final = re.compile(r"\bvia\b|\büber\b|\bpor\b|\btramite\b", re.IGNORECASE)
# SRS0=hash=time=domain=local@forwarder, SRS1 once more: a forwarder's name for somebody else
_REWRITTEN_SENDER: Final = re.compile(r"srs[01][=+-]", re.IGNORECASE)
_BOUNCES: Final = re.compile(r"(?:-bounces|-owner|-return|-admin|-request)?(?:[+=-].*)?", re.IGNORECASE)
_MAIL_ADDRESS: Final = re.compile(rb"<mailto:([^>?]{1,254})", re.IGNORECASE)
_QUOTES: Final = " \t'\"(„“”‚‘’«»"
_SHORT: Final = 500  # octets of a From field that is kept read
#: Where list software takes bounces; whoever runs the list reads another mailbox beside it.
_BOUNCE_MAILBOX: Final = re.compile(r"(.+)-bounces(?:[+=].*)?", re.IGNORECASE)
#: Where an address of ours can stand through which the mail came, likeliest first.
_THROUGH: Final = ("Delivered-To", "X-Original-To", "X-Envelope-To", "Envelope-To", "To", "Cc", "Resent-To")


@dataclass(frozen=True, slots=True, kw_only=True)
class _From:
    """What one From field says: its addresses as written, and canonical.

    `via` is who writes via a list, a name or an address, "" if nobody does.
    """

    addresses: tuple[str, ...]
    authors: tuple[str, ...]
    via: str


def passed_on_authors(envelope: Envelope, message: Message, ours: DomainSet, lists: tuple[str, ...]) -> tuple[str, ...]:
    """Return who stands in From (canonical) of a mail that we pass on for an outsider, () of any other.

    From names an outsider (beside one of ours who, in Sender, says that he sent it, that is a joint letter), or list
    software wrote over one. Mail of `lists` that we run is meant to be passed on.
    """
    froms = [_from(field.body) for field in message.named("From")]
    authors = tuple(dict.fromkeys([author for one in froms for author in one.authors]))
    if not authors:  # RFC 5322 3.6.2 asks for one; without it, readers are shown the Sender
        authors = tuple(dict.fromkeys(map(canonical, _addresses(message, "Sender"))))
        if not authors or any(map(ours.contains, authors)):
            return ()
    elif not all(all(map(ours.contains, one.addresses)) for one in froms):
        senders = tuple(map(canonical, _addresses(message, "Sender")))
        if any(ours.contains(one) and one in authors for one in senders):
            return ()
    else:
        is_written_over = message.has_any(_AUTHOR_BEFORE) and any(
            not ours.contains(one) and canonical(one) != canonical(envelope.reverse_path)
            for name in _AUTHOR_BEFORE
            for one in _addresses(message, name)
        )
        if not is_written_over and not _any_outside([one.via for one in froms if one.via], message, ours):
            return ()
    return () if is_of_list(envelope, message, lists) else authors


def _from(body: bytes) -> _From:
    return _read_from(body) if len(body) <= _SHORT else _read_from.__wrapped__(body)


@lru_cache(maxsize=4096)  # the same people write again and again
def _read_from(body: bytes) -> _From:
    addresses = tuple(mailbox.address for mailbox in scan(body).mailboxes)
    return _From(
        addresses=addresses,
        authors=tuple(map(canonical, addresses)),
        via=_written_via(decode(text_of(body))[0]),
    )


def _written_via(text: str) -> str:
    found = _VIA.search(text)
    return text[: found.start()].strip(_QUOTES) or "?" if found else ""


def _any_outside(via: list[str], message: Message, ours: DomainSet) -> bool:
    """Whether one of those who write via a list is an outsider: by his own address, that of answers, or of his copy.

    The other fields are read once, however many there are in From.
    """
    if any("@" in one and not ours.contains(one.split(maxsplit=1)[0]) for one in via):
        return True
    if not via or not all(map(ours.contains, _addresses(message, "Reply-To"))):
        return bool(via)
    names = {one.casefold() for one in via}
    copied = (mailbox for field in message.named("Cc") for mailbox in scan(field.body).mailboxes)
    return any(one.name.strip(_QUOTES).casefold() in names and not ours.contains(one.address) for one in copied)


def is_of_list(envelope: Envelope, message: Message, lists: tuple[str, ...]) -> bool:
    """Whether the mail is of a list that we run: List-Id or List-Post say so, and its reverse-path is the list's.

    `lists` are addresses of lists and domains of them. What only says so may come from anybody, and a forwarder's
    rewritten reverse-path is no list's.
    """
    local, _, domain = canonical(envelope.reverse_path).rpartition("@")
    if not domain or _REWRITTEN_SENDER.match(local):
        return False
    said = [*_posts(message, "List-Post", "List-Owner"), *(field.body.lower() for field in message.named("List-Id"))]
    for name in lists:
        mailbox, at, host = canonical(name).rpartition("@")
        if not at:
            if DomainSet((name,)).contains(domain) and any(host.removeprefix("*.").encode() in one for one in said):
                return True
        elif host == domain and local.startswith(mailbox) and _BOUNCES.fullmatch(local[len(mailbox) :]):
            dotted = f"{mailbox}.{host}".encode()
            return any(one == f"{mailbox}@{host}".encode() or dotted in one for one in said)
    return False


def owner(envelope: Envelope, message: Message, inside: DomainSet) -> str:
    """Return the address inside through which a mail of an outsider came, "" if none is told.

    Whom a list names as its owner (RFC 2369 3.5), its reverse-path, the Sender, the list's own address, or where the
    mail was delivered.
    """
    candidates = (
        *(one.decode("ascii", "replace") for one in _posts(message, "List-Owner")),
        "" if _REWRITTEN_SENDER.match(envelope.reverse_path) else _read_by_people(envelope.reverse_path),
        *_addresses(message, "Sender"),
        *_addresses(message, "Resent-Sender"),
        *_addresses(message, "Resent-From"),
        *(one.decode("ascii", "replace") for one in _posts(message, "List-Post")),
        *(one for name in _THROUGH for one in _addresses(message, name)),
    )
    return next((one for one in candidates if one and inside.contains(one) and serialise(one)), "")


def _addresses(message: Message, name: str) -> Iterator[str]:
    for field in message.named(name):
        yield from (mailbox.address for mailbox in scan(field.body).mailboxes)


def _read_by_people(reverse_path: str) -> str:
    """Return whom to write to instead of a list's mailbox for bounces, where a program would take it for one."""
    local, at, domain = reverse_path.rpartition("@")
    found = _BOUNCE_MAILBOX.fullmatch(local)
    return f"{found[1]}-owner{at}{domain}" if found else reverse_path


def _posts(message: Message, *names: str) -> Iterator[bytes]:
    for name in names:
        for field in message.named(name):
            yield from (found[1].lower() for found in _MAIL_ADDRESS.finditer(field.body))
