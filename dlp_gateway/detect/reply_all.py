"""Whether a message answers a mass send and again goes to many of its audience."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dlp_gateway.detect.base import Finding, Material

AUDIENCE: Final = "reply_all.audience"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAllDetector:
    """Counts the outsiders of an earlier mass send whom its answer addresses again (looked up beforehand)."""

    @property
    def name(self) -> str:
        """Its name in findings: "reply_all"."""
        return "reply_all"

    @property
    def kinds(self) -> frozenset[str]:
        """The audience reached again."""
        return frozenset((AUDIENCE,))

    def detect(self, material: Material) -> Iterator[Finding]:
        """Report the count if the message answers a mass send that is remembered."""
        thread = material.facts.thread
        if thread is not None and thread.addressed_again > 0:
            yield Finding(
                kind=AUDIENCE,
                detector=self.name,
                rule=AUDIENCE,
                count=thread.addressed_again,
                score=1.0,
                where="envelope",
            )
