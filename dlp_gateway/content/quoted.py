"""Recipients whom the body shows: in the header block of a quoted message, in an attached one, in a list of guests."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from dlp_gateway.content.text import Text
from dlp_gateway.mail import header
from dlp_gateway.mail.address import canonical
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.message import Part

#: Characters of one quoted list that are read: five thousand recipients.
_LONGEST: Final = 200_000

#: What mail clients write before the recipients of a message that they quote or forward, and calendars before guests.
_LABELS: Final = (
    # English
    *("to", "cc", "bcc", "resent-to", "who", "guests", "attendees", "required attendees", "optional attendees"),
    # German
    *("an", "kopie", "blindkopie", "teilnehmer", "erforderliche teilnehmer", "optionale teilnehmer", "gäste"),
    # French
    *("à", "a", "pour", "copie", "copie à", "cci", "destinataire", "destinataires", "participants", "invités"),
    *("participants obligatoires", "participants facultatifs"),
    # Dutch
    *("aan", "deelnemers", "vereiste deelnemers", "optionele deelnemers", "genodigden", "gasten"),
    # Spanish
    *("para", "cco", "con copia", "asistentes", "asistentes obligatorios", "asistentes opcionales", "invitados"),
    # Italian
    *("per", "ccn", "partecipanti", "partecipanti obbligatori", "partecipanti facoltativi", "invitati"),
    # Portuguese
    *("participantes", "participantes obrigatórios", "participantes opcionais", "convidados", "com cópia"),
)
_MARKS: Final = r"[ \t>|*_\u00a0]{0,40}+"
_RECIPIENTS: Final = re.compile(
    rf"^{_MARKS}(?:{'|'.join(sorted(_LABELS, key=len, reverse=True))})[ \t*_\u00a0]{{0,8}}[:：]",
    re.IGNORECASE | re.MULTILINE,
)
#: Where such a list ends: at a blank line, or where the next line has a label of its own.
_END: Final = re.compile(
    rf"\n{_MARKS}(?:\r?\n|\Z|[^\W\d][\w'-]{{0,24}}(?: [\w'-]{{1,24}}){{0,3}}[ *_\u00a0]{{0,4}}[:：][^/])"
)
_WORDS: Final = re.compile(r"[\s<>()\[\],;:\"'\\|*]++")
_EMBEDDED: Final = frozenset({"message/rfc822", "message/global", "message/news", "text/rfc822-headers"})
_LISTS: Final = ("to", "cc", "bcc", "resent-to", "resent-cc")


def shown(texts: Iterable[Text], parts: Iterable[Part]) -> frozenset[str]:
    """Return the canonical addresses that the body shows as recipients of some message or guests of some event."""
    return frozenset((*_in_texts(texts), *_in_messages(parts)))


def _in_texts(texts: Iterable[Text]) -> Iterator[str]:
    for text in texts:
        if "@" not in text.text or not text.where.startswith("part:"):
            continue
        for label in _RECIPIENTS.finditer(text.text):
            end = _END.search(text.text, label.end(), label.end() + _LONGEST)
            stop = end.start() if end else min(len(text.text), label.end() + _LONGEST)
            for word in _WORDS.split(text.text[label.end() : stop]):
                if "@" in word.strip("@"):
                    yield canonical(word.strip("."))


def _in_messages(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        if part.media_type in _EMBEDDED:
            head = header.read(part.content)
            for field in (field for name in _LISTS for field in head.named(name)):
                yield from (canonical(mailbox.address) for mailbox in scan(field.body).mailboxes)
