"""One thing that was looked at, and what came of it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How it is: well; worth a thought; the gateway cannot work so; the file must be mended first."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    WRONG = "wrong"  # a problem of the configuration: no restart will help


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What was looked at in a few words, and a sentence on how it is and what to do; printable, and no secret in it."""

    level: Level
    about: str
    says: str


def ok(about: str, says: str) -> Remark:
    """Return a remark that all is well."""
    return Remark(level=Level.OK, about=about, says=says)


def warning(about: str, says: str) -> Remark:
    """Return a remark that deserves a thought."""
    return Remark(level=Level.WARNING, about=about, says=says)


def problem(about: str, says: str) -> Remark:
    """Return a remark that something cannot be used now."""
    return Remark(level=Level.PROBLEM, about=about, says=says)


def wrong(about: str, says: str) -> Remark:
    """Return a remark that the configuration names something that can never be used as it is."""
    return Remark(level=Level.WRONG, about=about, says=says)
