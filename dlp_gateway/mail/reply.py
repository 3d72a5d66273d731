"""An SMTP reply (RFC 5321 4.2) with its enhanced status code (RFC 3463)."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`code` 200–599, `enhanced` like "2.0.0" or "" where the peer gave none, `text` one printable line.

    `remote`: another server said it, and not we for it. `again`: it is said once more, to a retry of a transaction of
    which nobody knows whether its client read it. `kept`: custody has the message all the same, though this refuses it.
    """

    code: int
    enhanced: str
    text: str
    remote: bool = field(default=False, compare=False)
    again: bool = field(default=False, compare=False)
    kept: bool = field(default=False, compare=False)

    @property
    def positive(self) -> bool:
        """2yz: done."""
        return 200 <= self.code < 300

    @property
    def transient(self) -> bool:
        """4yz: try again later."""
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        """5yz: do not try again."""
        return 500 <= self.code < 600

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.enhanced, self.text)))


def printable(text: str, limit: int = 400) -> str:
    """Return `text` fit for a reply, a log, a terminal or a page: control characters become "?", long text is cut."""
    shown = text[: limit + 1]
    if not shown.isprintable():
        shown = "".join(character if character.isprintable() else "?" for character in shown)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
