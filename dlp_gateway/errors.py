"""The exception tree of the gateway; the lowest layer, imports nothing of ours.

GatewayError
├── ConfigurationError   a file of the operator's is wrong; carries every problem at once; exit status 78
└── InspectionError      a detector or reader could not finish; becomes a Failure, never "clean"
"""

from dataclasses import dataclass
from pathlib import Path

EX_CONFIG = 78  # sysexits.h: the configuration is wrong, a restart will not help


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing wrong in a file of the operator's: where it stands (1-based; 0 is the whole file) and what to do."""

    source: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        return f"{place}: {self.message}"


class GatewayError(Exception):
    """Root of all errors that the gateway raises on purpose."""


class ConfigurationError(GatewayError):
    """A configuration, policy or rule file cannot be used; `problems` lists everything found, in file order."""

    def __init__(self, problems: tuple[Problem, ...] | list[Problem], /) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def of(cls, source: Path | str, message: str) -> "ConfigurationError":
        """Return the error of one problem with a whole file, or with what has no lines."""
        return cls([Problem(source=str(source), line=0, column=0, message=message)])


class InspectionError(GatewayError):
    """A detector or reader could not finish; the text never quotes the message."""
