"""A MIME entity that is still to be read, and the account of what may be read of one message and what was odd in it."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar

from dlp_gateway.mail import parameters, transfer
from dlp_gateway.mail.header import Header
from dlp_gateway.mail.message import Defect, Part
from dlp_gateway.mail.parameters import Parameterised

#: A mail with more parts than this is no letter; bounds memory and the work of everything downstream.
PARTS: Final = 1_000
#: How often, all in all, an octet may be looked at again on another level or in another reading. A message that was
#: forwarded as an attachment ten times needs some thirty looks, but at the innermost octets only.
_LOOKS: Final = 25
#: What undoing an encoding costs that RFC 2045 6.4 forbids, since what is encoded has parts.
_DECODING: Final = 8
#: How often an octet may stand in what is kept of a message, as each reading has a copy; and octets that always may.
_COPIES: Final = 4
_FEW: Final = 1_000_000
#: Fields of all parts together, and lines that begin with a boundary on all levels: ten for each of a thousand parts.
_FIELDS: Final = 10 * PARTS
_DELIMITERS: Final = 10 * PARTS
#: Readings of one part: a second Content-Type and a second Content-Transfer-Encoding, and no more games than that.
_READINGS: Final = 4

_Choice = TypeVar("_Choice")


@dataclass(frozen=True, slots=True)
class Node:
    """A MIME entity still to be read: `buffer[start:end]` is its body. A leaf right in a message is called `path`.1."""

    buffer: bytes
    head: Header
    start: int
    end: int
    path: str
    depth: int
    default_type: str = "text/plain"
    in_message: bool = False
    outermost: bool = False  # the buffer is the message itself
    most: int = sys.maxsize  # octets of a leaf that are decoded
    _read: dict[bytes, Parameterised] = field(default_factory=dict)

    def parameters_of(self, body: bytes) -> Parameterised:
        """Return the value and the parameters of one of its fields: each is read once in all readings of the entity."""
        known = self._read.get(body)
        if known is None:
            known = self._read[body] = parameters.read(body)
        return known


@dataclass(slots=True)
class Account:
    """What was odd in one message, and how much of it may still be read."""

    entities: int
    looks: int
    octets: int
    brief: bool = False  # nobody will look at all of a part
    fields: int = _FIELDS
    delimiters: int = _DELIMITERS
    defects: set[Defect] = field(default_factory=set)

    @classmethod
    def of(cls, raw: bytes, *, entities: int, brief: bool = False) -> "Account":
        """Return what may be read of a message."""
        return cls(entities=entities, looks=_LOOKS * (len(raw) + 1), octets=_COPIES * len(raw) + _FEW, brief=brief)

    def pays(self, node: Node) -> bool:
        """Whether one more entity may be read."""
        self.entities -= 1
        self.looks -= node.end - node.start
        self.fields -= len(node.head.fields)
        self.defects |= node.head.defects & {Defect.TOO_MANY_FIELDS}
        if self.entities < 0 or self.looks < 0:
            self.defects.add(Defect.TOO_MANY_PARTS)
        elif self.fields < 0:
            self.defects.add(Defect.TOO_MANY_FIELDS)
        else:
            return True
        return False

    def keeps(self, part: Part) -> bool:
        """Whether there is room for one more part."""
        self.octets -= part.octets
        if self.octets < 0:
            self.defects.add(Defect.TOO_MANY_PARTS)
        return self.octets >= 0

    def decoded(self, node: Node, encoding: str) -> tuple[bytes, tuple[Defect, ...]]:
        """Return the body of an entity that has parts as octets that are no longer encoded, and what was odd there."""
        if encoding not in transfer.IDENTITY:
            self.looks -= _DECODING * (node.end - node.start)
        return transfer.decode(node.buffer, encoding, node.start, node.end)

    def some(self, choices: Iterable[_Choice]) -> list[_Choice]:
        """Return as many ways to read one thing as are followed, and note that there are several, or too many."""
        followed = list(islice(choices, _READINGS + 1))
        if len(followed) > 1:
            self.defects.add(Defect.AMBIGUOUS_TYPE)
        if len(followed) > _READINGS:
            self.defects.add(Defect.TOO_MANY_PARTS)
        return followed[:_READINGS]
