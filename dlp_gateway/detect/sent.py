"""Identifiers that one sender sends outside in small pieces: distinct values of a window, counted without being kept.

A value becomes a token: twenty bits of a digest under a key of that sender's own, which the look-up lends us. Twenty
bits tell a thousand values apart (they collide with one of them in 2,000), and tell nobody which value it was: of all
social security numbers a thousand have the same token, of all card numbers far more, even to whoever has the key.
"""

import hmac
from collections.abc import Iterable, Iterator
from typing import Final

from dlp_gateway.detect.base import CONFIDENCE, Finding, Sent

#: How many tokens there are.
TOKENS: Final = 1 << 20

#: Distinct values of a sender that are told apart; who sends more has sent enough for any rule.
MOST: Final = 10_000


def kind(identifier: str) -> str:
    """Return the kind that counts values of an identifier's type: "IBAN" → "sent.IBAN"."""
    return f"sent.{identifier}"


def token(key: bytes, identifier: str, value: str) -> int:
    """Return the token of a value in its compact form."""
    digest = hmac.digest(key, f"{identifier}\0{value}".encode("utf-8", "surrogateescape"), "sha256")
    return int.from_bytes(digest[:3], "big") >> 4


def added_up(found: Iterable[Finding], before: Sent) -> Iterator[Finding]:
    """Yield the counts of a window in which this mail and others each add something; `found` are identifiers."""
    known: dict[str, set[int]] = {}
    for identifier, one in before.known:
        known.setdefault(identifier, set()).add(one)
    here: dict[str, dict[int, Finding]] = {}
    for finding in found:
        if finding.token is not None:
            here.setdefault(finding.kind.partition(".")[2], {}).setdefault(finding.token, finding)
    for identifier, tokens in here.items():
        earlier = known.get(identifier, set())
        if earlier and not tokens.keys() <= earlier:
            first = next(finding for one, finding in tokens.items() if one not in earlier)
            yield Finding(
                kind=kind(identifier),
                detector=first.detector,
                rule=kind(identifier),
                count=len(earlier | tokens.keys()),
                score=1.0,
                where=first.where,
            )


def is_sure(score: float) -> bool:
    """Whether a measurement is sure enough to be added up: what a rule counts if nothing else is said."""
    return score >= CONFIDENCE["medium"]
