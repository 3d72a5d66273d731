"""Answers that go to many: to the audience of a mass send, of somebody else's mail, or of a thread under a storm."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dlp_gateway.detect.base import NO_FACTS, Facts, Finding, Material

AUDIENCE: Final = "reply_all.audience"
AGAIN: Final = "thread.again"
FOREIGN: Final = "thread.foreign"
CLOSED: Final = "thread.closed"
STRUCK: Final = "thread.struck"
STOPPED: Final = "thread.stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAllDetector:
    """Counts outsiders whom an answer, or the second attempt at a mass mail, reaches (all looked up beforehand).

    `thread.again` is the number of `reply_all.audience` under a name of its own, for rules with further conditions:
    what counts as a mass send follows from the rules that ask for `reply_all.audience`.
    """

    @property
    def name(self) -> str:
        """Its name in findings: "reply_all"."""
        return "reply_all"

    @property
    def kinds(self) -> frozenset[str]:
        """The audiences."""
        return frozenset((AUDIENCE, AGAIN, FOREIGN, CLOSED, STRUCK, STOPPED))

    def detect(self, material: Material) -> Iterator[Finding]:
        """Report each count that is not zero."""
        if material.facts is NO_FACTS:
            return
        for kind, count in _counts(material.facts).items():
            if count > 0:
                yield Finding(kind=kind, detector=self.name, rule=kind, count=count, score=1.0, where="envelope")


def _counts(facts: Facts) -> dict[str, int]:
    again = 0 if facts.thread is None else facts.thread.addressed_again
    return {
        AUDIENCE: again,
        AGAIN: again,
        FOREIGN: facts.foreign,
        CLOSED: facts.closed,
        STRUCK: facts.struck,
        STOPPED: facts.stopped,
    }
