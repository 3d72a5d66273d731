"""A mail whose very list of readers is a secret: a word in its subject, its sender or the name of its list says so."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.detect.words import Role, Words
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import decode_field

SENSITIVE: Final = "audience.sensitive"
KINDS: Final = frozenset((SENSITIVE,))

_ORIGINATORS: Final = ("From", "Sender", "Reply-To")
_TEXTS: Final = ("Subject", "Thread-Topic", "List-Id", "Keywords", "Comments")
#: Where a mail says what it is about, which may be business.
_SUBJECTS: Final = frozenset({"header:Subject", "header:Thread-Topic", "header:Keywords", "header:Comments"})
#: A group's name before its members (RFC 5322 3.4): "HIV clinic: a@x.example, b@y.example;"
_GROUP: Final = re.compile(r"(?:\A|[,;])\s*+\"?([^:,;<>@\"]{1,200}+)\"?\s*+:")
_DIVIDERS: Final = re.compile(r"[._+=-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceDetector:
    """Reports whether words say, where a mail tells what it is about and from whom, that its readers are a secret.

    The body is left out (much is written about illness), and what outsiders are called: a clinic's supplier is no
    patient. Nor is he one if a subject names the clinic: a mere matter, such as that, wants a word beside it by which
    those are written to whom it concerns ("appointment", "survivors"). What a sender or a list is called says enough.
    """

    inside: DomainSet
    words: Mapping[Role, Words]
    _glance: Words = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_glance", Words((), self.words[Role.AUDIENCE], self.words[Role.MATTER]))

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
        if not self._glance.stand_in_any(text for _, text in texts):
            return
        for where, text in texts:
            if self._says_it(text, is_subject=where in _SUBJECTS):
                yield Finding(kind=SENSITIVE, detector=self.name, rule=SENSITIVE, count=1, score=1.0, where=where)
                return

    def _says_it(self, text: str, *, is_subject: bool) -> bool:
        if self.words[Role.AUDIENCE].stand_in(text):
            return True
        is_meant = not is_subject or self.words[Role.CONCERNED].stand_in(text)
        return is_meant and self.words[Role.MATTER].stand_in(text)

    def _texts(self, message: Message) -> Iterator[tuple[str, str]]:
        for name in _TEXTS:
            for one in message.named(name):
                yield f"header:{name}", decode_field(one.body)
        for name in _ORIGINATORS:
            for one in message.named(name):
                for mailbox in scan(one.body).mailboxes:
                    yield f"header:{name}", f"{mailbox.name}\n{_local_part(mailbox.address)}"
        for name in ("To", "Cc"):
            for one in message.named(name):
                if b":" in one.body or b"=?" in one.body:
                    for group in _GROUP.finditer(decode_field(one.body)):
                        yield f"header:{name}", group[1]
        for recipient in message.visible:
            if self.inside.contains(recipient.address) and recipient.field in {"To", "Cc"}:
                yield f"header:{recipient.field}", f"{recipient.name}\n{_local_part(recipient.address)}"


def _local_part(address: str) -> str:
    """Return a mailbox name as words: "hiv-clinic@…" → "hiv clinic"."""
    return _DIVIDERS.sub(" ", address.rpartition("@")[0])
