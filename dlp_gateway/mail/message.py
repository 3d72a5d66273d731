"""The bounded, tolerant view of a message that all inspection works on (made by `mail.parse`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple, Self


class Defect(StrEnum):
    """What was odd about a message; recorded, never raised. `mail.parse` says at each line which one it records."""

    NO_HEADER = "no-header"  # the message does not begin with a field
    BAD_FIELD = "bad-field"  # a line in the header section that is no field
    DUPLICATE_FIELD = "duplicate-field"  # a field that may stand once (RFC 5322 3.6) stands more often
    BAD_ADDRESS = "bad-address"  # an element of an address list that is no mailbox
    BAD_ENCODED_WORD = "bad-encoded-word"
    AMBIGUOUS_TYPE = "ambiguous-type"  # two Content-Type or two Content-Transfer-Encoding fields
    AMBIGUOUS = "ambiguous"  # clients would show different things of a part
    NO_BOUNDARY = "no-boundary"  # multipart without a usable boundary
    UNCLOSED_MULTIPART = "unclosed-multipart"
    UNKNOWN_ENCODING = "unknown-encoding"
    BAD_ENCODING = "bad-encoding"  # base64 or quoted-printable that does not decode cleanly
    TOO_MANY_FIELDS = "too-many-fields"  # a bound was reached: what lies beyond was not read
    TOO_MANY_RECIPIENTS = "too-many-recipients"
    TOO_MANY_PARTS = "too-many-parts"
    TOO_DEEP = "too-deep"


class Field(NamedTuple):
    """A header field. `raw[start:end]` of the message is all of it, folded lines and final CRLF included.

    `name` is as written, without the colon; compare with `.lower()`. `body` is the unfolded body (RFC 5322 2.2.3),
    leading and trailing blanks removed, still bytes and still encoded. A tuple, since each message has a dozen, and a
    frozen dataclass takes twice as long to make as to find in the octets.
    """

    name: str
    start: int
    end: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleRecipient:
    """An address that every receiver can read in a recipient field of the header, or in an invitation.

    `field` is "To", "Cc", "Resent-To", "Resent-Cc", "Apparently-To", or "Attendee" or "Organizer" of a calendar part;
    `address` an addr-spec as written (see `mail.address.canonical` for comparing); `name` the decoded display name or
    "".
    """

    field: str
    address: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A leaf of the MIME tree, or the header section of an embedded message.

    `path` counts from 1 in the manner of IMAP ("1", "2.1"; a message that is no multipart has the one part "1").
    `media_type` is lower-case ("text/plain"). `content` is transfer-decoded. For message/rfc822 the content is the
    embedded message's header section; its own parts follow with longer paths. `charset` is "" if absent.
    `filename` is all that clients show of a part beside its content, its names and its description, one a line.
    `span` is where the part's body lies in the message, still in its transfer `encoding`; None if it lies in something
    that had to be decoded first. `left_out` octets of the content were not kept (see `cut`).
    """

    path: str
    media_type: str
    charset: str
    filename: str
    disposition: str
    content: bytes
    defects: tuple[Defect, ...] = ()
    encoding: str = field(default="", compare=False)
    span: tuple[int, int] | None = field(default=None, compare=False)
    left_out: int = 0

    @property
    def octets(self) -> int:
        """The size of the whole content."""
        return len(self.content) + self.left_out

    def cut(self, octets: int) -> "Part":
        """Return the part with so many octets of its content, at most."""
        left_out = len(self.content) - octets
        if left_out <= 0:
            return self
        return replace(self, content=self.content[:octets], left_out=self.left_out + left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A parsed message. `raw` is what came from the wire, CRLF line ends, dot-unstuffed.

    `body_start` is the offset of the first body octet (behind the blank line). `visible` are the visible recipients
    in order, duplicates kept. `defects` has each defect once.
    """

    raw: bytes
    fields: tuple[Field, ...]
    body_start: int
    visible: tuple[VisibleRecipient, ...]
    parts: tuple[Part, ...]
    defects: tuple[Defect, ...]
    _index: dict[str, Sequence[Field]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def named(self, name: str) -> Sequence[Field]:
        """Return the fields called `name`, in order, whatever their case."""
        return (self._index or self._indexed()).get(name.lower(), ())

    def has_any(self, names: frozenset[str]) -> bool:
        """Whether there is a field that is called one of `names` (lower case)."""
        return not names.isdisjoint(self._index or self._indexed())

    def indexed(self, index: Mapping[str, Sequence[Field]]) -> Self:
        """Return the message, which need not look for its fields by name: who read them has them so."""
        self._index.update(index)
        return self

    def _indexed(self) -> dict[str, Sequence[Field]]:
        index: dict[str, list[Field]] = {}
        for one in self.fields:
            index.setdefault(one.name.lower(), []).append(one)
        self._index.update(index)  # at once: other threads may be asking
        return self._index
