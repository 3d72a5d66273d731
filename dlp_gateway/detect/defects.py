"""What is odd about a message and what of it could not be read, as findings that a policy can name."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dlp_gateway.content.text import UnreadableReason
from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.mail.message import Defect

_KINDS: Final = frozenset(
    (*(f"defect.{defect}" for defect in Defect), *(f"unreadable.{why}" for why in UnreadableReason))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefectsDetector:
    """Reports "defect.<value>" once for each defect, and "unreadable.<reason>" for each part that was not read."""

    @property
    def name(self) -> str:
        """Its name in findings: "defects"."""
        return "defects"

    @property
    def kinds(self) -> frozenset[str]:
        """One kind for each defect and for each reason."""
        return _KINDS

    def detect(self, material: Material) -> Iterator[Finding]:
        """Report what parsing and reading recorded."""
        for defect in material.message.defects:
            yield self._finding(f"defect.{defect}", "message")
        for unread in material.unreadable:
            yield self._finding(f"unreadable.{unread.reason}", f"part:{unread.part}")

    def _finding(self, kind: str, where: str) -> Finding:
        return Finding(kind=kind, detector=self.name, rule=kind, count=1, score=1.0, where=where)
