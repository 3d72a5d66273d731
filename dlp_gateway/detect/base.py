"""What a detector is given, what it returns, and what it must never do.

A detector is synchronous, keeps no state between messages, does no I/O, declares the kinds it may report, raises when
it cannot finish (that becomes a `Failure`, never "clean"), and never puts text of a message into a `Finding`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

from dlp_gateway.content.text import Text, Unreadable
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message

_View = TypeVar("_View")

#: The confidence names of a policy and the least score that each asks for.
CONFIDENCE: Final = {"low": 0.30, "medium": 0.60, "high": 0.85}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A measurement, never an opinion, never the text.

    `kind` is dotted ("identifier.DRIVER_LICENSE", "recipients.outsiders"); `detector` and `rule` say who measured;
    `count` is of distinct values (identifiers: one finding a value, so 1); `score` is in 0…1; `where` is "header:To",
    "envelope", or "part:1.2:118-129" in code points of that text; `country` is an ISO 3166 code or "". `token` tells
    the distinct values of one sender apart without telling them (see `sent`); None where nothing is added up.
    """

    kind: str
    detector: str
    rule: str
    count: int
    score: float
    where: str
    country: str = ""
    token: int | None = None


class FailureReason(StrEnum):
    """Why there is no measurement; a closed list."""

    ERROR = "error"  # the detector, reader or parser raised
    DEADLINE = "deadline"
    WORKER = "worker"  # the worker process died or answered nonsense
    TOO_LARGE = "too-large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A detector (or "parse", "content", "worker") that could not tell."""

    detector: str
    reason: FailureReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """All that was measured on one message, and all that could not be."""

    findings: tuple[Finding, ...]
    failures: tuple[Failure, ...]
    unreadable: tuple[Unreadable, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """The mass send that a message answers: how many outsiders it showed, and to how many of them this one goes."""

    audience: int
    addressed_again: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Distinct outsiders whom one sender showed to each other within the window: `before`, and `joint` with this mail.

    `written` is `joint` with those as well whom we hid or held: what the sender meant to show.
    """

    before: int
    joint: int
    written: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Identifiers that one sender sent outside within the window, as (type, token); `key` makes tokens of values."""

    key: bytes = field(repr=False)
    known: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What look-ups told before inspection (done by the pipeline, since detectors do no I/O). Numbers, never addresses.

    Of outsiders: `foreign`, to how many goes an answer to somebody else's mail; `closed`, to how many goes an answer in
    a thread that a storm has closed; `struck`, how many of a mass mail that we stopped or rewrote does the same author
    or thread show to each other again, and `stopped`, of one that we stopped; `familiar`, how many visible ones are a
    group that works together; `elsewhere`, to how many others went earlier parts of an outsider's mail. `strangers`,
    `look_alikes` and `twins` are places in the envelope: to whom the sender never wrote before, whose domain resembles
    a known one, and who resembles somebody to whom the sender often writes.
    """

    thread: Thread | None = None
    foreign: int = 0
    closed: int = 0
    struck: int = 0
    stopped: int = 0
    familiar: int = 0
    elsewhere: int = 0
    exposure: Exposure | None = None
    strangers: tuple[int, ...] = ()
    look_alikes: tuple[int, ...] = ()
    twins: tuple[int, ...] = ()
    sent: Sent | None = None


NO_FACTS: Final = Facts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a detector may look at: the message, its envelope, the texts a recipient can read, and the facts."""

    envelope: Envelope
    message: Message
    texts: tuple[Text, ...]
    unreadable: tuple[Unreadable, ...] = ()
    facts: Facts = field(default=NO_FACTS)
    _told: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, view: Callable[["Material"], _View]) -> _View:
        """Return what a pure function tells of this material, asked once however many detectors want to know."""
        if view not in self._told:
            self._told[view] = view(self)
        told: _View = self._told[view]
        return told


class Detector(Protocol):
    """A plug-in (entry point group `dlp_gateway.detectors`)."""

    @property
    def name(self) -> str:
        """The detector's name in findings, metrics and policy."""
        ...

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind that `detect` may report."""
        ...

    def detect(self, material: Material) -> Iterable[Finding]:
        """Measure; raise if it cannot be done."""
        ...
