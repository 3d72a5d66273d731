"""The straight line of one message: gather, inspect, decide, act, record. Declares the ports that it needs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from dlp_gateway.mail.reply import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What the smarthost said of one transaction: a reply for each recipient, in the order given.

    A smarthost that cannot be reached is a 451 4.4.1 for each. `in_doubt`: the connection was lost after the final dot
    and before the reply, so the smarthost may or may not have the mail for the recipients in `unknown`.
    """

    replies: tuple[tuple[str, Reply], ...]
    unknown: frozenset[str] = frozenset()

    @property
    def in_doubt(self) -> bool:
        """Whether the outcome is unknown for at least one recipient."""
        return bool(self.unknown)


class Smarthost(Protocol):
    """The one next hop."""

    async def deliver(
        self,
        content: bytes,
        *,
        reverse_path: str,
        recipients: tuple[str, ...],
        body_8bit: bool,
        smtputf8: bool,
        before_final_dot: Callable[[tuple[str, ...]], Awaitable[None]] | None = None,
    ) -> Delivery:
        """Run one mail transaction; never raises for what the network or the peer does.

        `before_final_dot` is awaited with the recipients that the smarthost accepted, before the final dot is sent.
        """
        ...
