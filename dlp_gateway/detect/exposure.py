"""What one sender shows within a window: outsiders of several mails, who each stay below what a rule counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dlp_gateway.detect.base import Finding, Material

WINDOW: Final = "exposure.window"
WRITTEN: Final = "exposure.written"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureDetector:
    """Counts the distinct outsiders whom a sender showed to each other, where this mail and earlier ones add to it."""

    @property
    def name(self) -> str:
        """Its name in findings: "exposure"."""
        return "exposure"

    @property
    def kinds(self) -> frozenset[str]:
        """Those who were shown, and those who were meant to be."""
        return frozenset((WINDOW, WRITTEN))

    def detect(self, material: Material) -> Iterator[Finding]:
        """Report both counts, if the look-up told that there is something to add up."""
        exposure = material.facts.exposure
        if exposure is None:
            return
        for kind, count in ((WINDOW, exposure.joint if exposure.before else 0), (WRITTEN, exposure.written)):
            if count > 0:
                yield Finding(kind=kind, detector=self.name, rule=kind, count=count, score=1.0, where="header")
