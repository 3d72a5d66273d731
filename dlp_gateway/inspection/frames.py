"""What passes between the receiver and a worker: length-prefixed JSON and octets, checked on arrival, never pickle.

A worker reads hostile content, so what it answers is not trusted: every value must be of the expected type, from a
closed list or of a plain and bounded form, so that not even a worker that was taken over can smuggle out text.
"""

import json
import re
import struct
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

from dlp_gateway.content.text import PartRead, Reading, Text, Unreadable, UnreadableReason
from dlp_gateway.detect.base import Exposure, Facts, Failure, FailureReason, Finding, Inspection, Sent, Thread
from dlp_gateway.detect.sent import TOKENS
from dlp_gateway.mail.envelope import NOTHING_ASKED, Envelope

#: Octets of JSON and of content that follow, both big-endian.
PREFIX: Final = struct.Struct(">II")
#: Content of more octets than the first, and of no more than the second, lies in the worker's desk, a file in memory:
#: through a pipe it would take as long as it takes to be measured. What is larger would fill the memory twice.
_INLINE: Final = 65_536
_DESK: Final = 8_000_000
#: An answer of more findings than `measuring` lets through is nonsense.
LONGEST_ANSWER: Final = 16_000_000
#: Characters of text that are told of one message to people who ask what was read.
TOLD: Final = 200_000

_LONGEST_NAME: Final = 1_000
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}")
_WHERE: Final = re.compile(r"(?:header|envelope|message|part)(?::[!-~]{1,512})?")
_PATH: Final = re.compile(r"[0-9.]{1,512}")
_TYPE: Final = re.compile(r"[!-~]{0,256}")
_COUNTRY: Final = re.compile(r"(?:[A-Z]{2}(?:-[A-Z0-9]{1,3})?)?")


class Nonsense(ValueError):  # noqa: N818 - a thing that workers say
    """What a worker answered is no inspection."""


def on_desk(octets: int) -> bool:
    """Whether content of so many octets lies in the worker's desk, and does not follow its frame."""
    return _INLINE < octets <= _DESK


def pack(value: dict[str, Any], content: bytes = b"") -> bytes:
    """Return the frame of `value` without its content, which follows it on the wire unless it is `on_desk`."""
    encoded = json.dumps(value, separators=(",", ":")).encode()
    return PREFIX.pack(len(encoded), len(content)) + encoded


def request(envelope: Envelope, facts: Facts, content: bytes) -> bytes:
    """Return the frame that asks for an inspection of `content`."""
    # What was asked about DSNs stays here, and to whom a login is bound was looked at before.
    sent = asdict(replace(envelope, dsn=NOTHING_ASKED, bound_to=None))
    sent |= {"received_at": envelope.received_at.isoformat()}
    del sent["dsn"]
    told: dict[str, Any] = asdict(facts)
    if facts.sent is not None:
        told["sent"]["key"] = facts.sent.key.hex()
    return pack({"envelope": sent, "facts": told}, content)


def requested(value: dict[str, Any]) -> tuple[Envelope, Facts]:
    """Read what `request` wrote (from the receiver, hence trusted)."""
    sent: dict[str, Any] = value["envelope"]
    envelope = Envelope(
        **sent | {"received_at": datetime.fromisoformat(sent["received_at"]), "recipients": tuple(sent["recipients"])}
    )
    return envelope, _facts(value["facts"])


def _facts(told: dict[str, Any]) -> Facts:
    thread, exposure, sent = told["thread"], told["exposure"], told["sent"]
    places = {name: tuple(told[name]) for name in ("strangers", "look_alikes", "twins")}
    return Facts(
        **told
        | places
        | {
            "thread": thread and Thread(**thread),
            "exposure": exposure and Exposure(**exposure),
            "sent": sent and Sent(key=bytes.fromhex(sent["key"]), known=tuple(map(tuple, sent["known"]))),
        }
    )


def answer(inspection: Inspection) -> bytes:
    """Return the frame with all that was measured."""
    return pack(
        {
            "findings": [
                (
                    *(found.kind, found.detector, found.rule, found.count, found.score, found.where),
                    *(found.country, found.token),
                )
                for found in inspection.findings
            ],
            "failures": [(failure.detector, failure.reason) for failure in inspection.failures],
            "unreadable": [(part.part, part.type, part.reason) for part in inspection.unreadable],
        }
    )


def answered(encoded: bytes, kinds: frozenset[str]) -> Inspection:
    """Read what a worker answered; raise Nonsense for anything but a well-formed inspection."""
    try:
        value = json.loads(encoded)
        return Inspection(
            findings=tuple(_finding(row, kinds) for row in value["findings"]),
            failures=tuple(
                Failure(detector=_form(detector, _WORD), reason=FailureReason(reason))
                for detector, reason in value["failures"]
            ),
            unreadable=_unreadable(value),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Nonsense from None  # the cause may quote the answer


def told(reading: Reading) -> bytes:
    """Return the frame with what was read, its texts cut short."""
    left = TOLD
    texts = []
    for text in reading.texts:
        texts.append((text.where, text.text[:left]))
        left = max(0, left - len(text.text))
    return pack(
        {
            "texts": texts,
            "unreadable": [(part.part, part.type, part.reason) for part in reading.unreadable],
            "parts": [
                (part.path, part.name[:_LONGEST_NAME], part.type, part.kind, part.octets, part.characters, part.reasons)
                for part in reading.parts
            ],
        }
    )


def reading(encoded: bytes) -> Reading:
    """Read what `told` wrote; raise Nonsense for anything else. Names and texts are the message's own."""
    try:
        value = json.loads(encoded)
        return Reading(
            texts=tuple(Text(where=str(where), text=str(text)) for where, text in value["texts"]),
            unreadable=_unreadable(value),
            parts=tuple(_part(row) for row in value["parts"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Nonsense from None


def _part(row: list[Any]) -> PartRead:
    path, name, media_type, kind, octets, characters, reasons = row
    return PartRead(
        path=_form(path, _PATH),
        name=str(name),
        type=str(media_type),
        kind=str(kind),
        octets=int(octets),
        characters=int(characters),
        reasons=tuple(UnreadableReason(reason) for reason in reasons),
    )


def _unreadable(value: dict[str, Any]) -> tuple[Unreadable, ...]:
    return tuple(
        Unreadable(part=_form(part, _PATH), type=_form(kind, _TYPE), reason=UnreadableReason(reason))
        for part, kind, reason in value["unreadable"]
    )


def _finding(row: list[Any], kinds: frozenset[str]) -> Finding:
    kind, detector, rule, count, score, where, country, token = row
    if kind not in kinds or type(count) is not int or type(score) not in {int, float}:
        raise ValueError
    if not (1 <= count <= 10**9 and 0 <= score <= 1):
        raise ValueError
    if token is not None and not (type(token) is int and 0 <= token < TOKENS):
        raise ValueError
    return Finding(
        kind=kind,
        detector=_form(detector, _WORD),
        rule=_form(rule, _WORD),
        count=count,
        score=float(score),
        where=_form(where, _WHERE),
        country=_form(country, _COUNTRY),
        token=token,
    )


def _form(value: object, form: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError
    return value
