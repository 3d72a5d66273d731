"""A mail whose very list of readers is a secret: a word in its subject, its sender or the name of its list says so."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.detect.words import Words
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import decode_field

SENSITIVE: Final = "audience.sensitive"
KINDS: Final = frozenset((SENSITIVE,))

_ORIGINATORS: Final = ("From", "Sender", "Reply-To")
_TEXTS: Final = ("Subject", "Thread-Topic", "List-Id", "Keywords", "Comments")
#: A group's name before its members (RFC 5322 3.4): "HIV clinic: a@x.example, b@y.example;"
_GROUP: Final = re.compile(r"(?:\A|[,;])\s*\"?([^:,;<>@\"]{1,200})\"?\s*:")
_DIVIDERS: Final = re.compile(r"[._+=-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceDetector:
    """Reports whether a word of `words` stands where a mail says what it is about and from whom.

    The body is left out (much is written about illness), and what outsiders are called: a clinic's supplier is no
    patient.
    """

    inside: DomainSet
    words: Words

    @property
    def name(self) -> str:
        """Its name in findings: "audience"."""
        return "audience"

    @property
    def kinds(self) -> frozenset[str]:
        """The one kind."""
        return KINDS

    def detect(self, material: Material) -> Iterator[Finding]:
        """Report the first place in which such a word stands."""
        texts = tuple(self._texts(material.message))
        if not self.words.stand_in_any(text for _, text in texts):
            return
        for where, text in texts:
            if self.words.stand_in(text):
                yield Finding(kind=SENSITIVE, detector=self.name, rule=SENSITIVE, count=1, score=1.0, where=where)
                return

    def _texts(self, message: Message) -> Iterator[tuple[str, str]]:
        for name in _TEXTS:
            for field in message.named(name):
                yield f"header:{name}", decode_field(field.body)
        for name in _ORIGINATORS:
            for field in message.named(name):
                for mailbox in scan(field.body).mailboxes:
                    yield f"header:{name}", f"{mailbox.name}\n{_local_part(mailbox.address)}"
        for name in ("To", "Cc"):
            for field in message.named(name):
                if b":" in field.body or b"=?" in field.body:
                    for group in _GROUP.finditer(decode_field(field.body)):
                        yield f"header:{name}", group[1]
        for recipient in message.visible:
            if self.inside.contains(recipient.address) and recipient.field in {"To", "Cc"}:
                yield f"header:{recipient.field}", f"{recipient.name}\n{_local_part(recipient.address)}"


def _local_part(address: str) -> str:
    """Return a mailbox name as words: "hiv-clinic@…" → "hiv clinic"."""
    return _DIVIDERS.sub(" ", address.rpartition("@")[0])
