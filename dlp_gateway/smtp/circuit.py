"""Whether a host is worth trying: a circuit that opens after failures on end, and closes when a probe succeeds."""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Circuit:
    """Opens after `limit` failures without a success between them.

    While it is open, nobody waits for the host, and a probe goes out after a `pause` (seconds): `first`, then twice the
    one before, at most `longest`. A probe that succeeds closes it; only a transaction that does shortens the pause
    again, for a host may greet everybody and serve nobody.

    A message that is lost once the host has asked for its content may be the cause itself: too large for a proxy on the
    way, or what a filter stumbles over. So however often one sender's are lost it is one failure, or he could keep
    everybody's mail from a host that serves all others; one that serves nobody loses other senders' mail, too.
    """

    limit: int
    first: float
    longest: float
    failures: int = 0
    probes: int = 0
    senders: set[str] = field(default_factory=set)

    @property
    def open(self) -> bool:
        """Whether the host is to be left alone."""
        return self.failures >= self.limit

    @property
    def pause(self) -> float:
        """How long to wait before the next probe."""
        return min(self.first * (1 << min(self.probes, 30)), self.longest)

    def failed(self) -> bool:
        """Count a failure; return whether the circuit opens with it."""
        if self.open:  # of a message that was under way when it opened
            return False
        self.failures += 1
        return self.open

    def lost(self, sender: str) -> bool:
        """Count that a message was lost in its content; return whether the circuit opens with it."""
        if self.open or sender in self.senders:
            return False
        self.senders.add(sender)
        return self.failed()

    def succeeded(self) -> None:
        """Forget failures: a transaction came to an end."""
        self.failures = self.probes = 0
        self.senders.clear()

    def probed(self, *, well: bool) -> None:
        """Note how a probe ended."""
        self.probes += 1
        if well:
            self.failures = 0
            self.senders.clear()
