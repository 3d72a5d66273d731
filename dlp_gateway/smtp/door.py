"""The door: who may come in, how many at a time, and which hand-overs are under way when it closes."""

import asyncio
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final, Protocol

from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.mail.trace import GROWTH
from dlp_gateway.networks import Networks, large_part_of_internet, network_of, within
from dlp_gateway.observe import log, metrics
from dlp_gateway.ports import Logins
from dlp_gateway.smtp.admission import UNCONDITIONAL, Admission
from dlp_gateway.smtp.complaints import Complaints
from dlp_gateway.smtp.crowd import Crowd, Kind
from dlp_gateway.smtp.replies import (
    NOT_YOUR_GATEWAY,
    STOPPING,
    TOO_MANY_CONNECTIONS,
    TOO_MANY_FROM_YOU,
    Refusal,
    failed,
)
from dlp_gateway.smtp.room import Room

_MOST_OUTSIDERS: Final = 50  # over all receivers
_SITE: Final = 4  # times the limit of a client is that of an IPv6 /48
#: RFC 3207 4 has a server that demands TLS obey EHLO, NOOP, QUIT and STARTTLS before it. HELO leads nowhere; DATA and
#: BDAT say so themselves, for content may follow them that must not be read as commands.
UNDER_TLS: Final = frozenset({"AUTH", "EXPN", "HELP", "MAIL", "RCPT", "RSET", "VRFY"})


class Security(StrEnum):
    """When TLS begins: never, when the client says STARTTLS or must say it, or with the first octet (RFC 8314 3)."""

    NONE = "none"
    STARTTLS = "starttls"
    REQUIRED = "starttls-required"
    IMPLICIT = "implicit"

    @property
    def on_demand(self) -> bool:
        """Whether STARTTLS is offered."""
        return self in {Security.STARTTLS, Security.REQUIRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """What the next mail server takes; `size` in octets, 0 for any."""

    eight_bit: bool = True  # RFC 6152
    smtputf8: bool = True  # RFC 6531
    dsn: bool = True  # RFC 3461
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions:
    """What one listener offers and bears; sizes in octets, times in seconds.

    `networks` are those whose hosts may send; without `login` there is no other way in, so they must not be the whole
    internet: that raises ValueError, as does TLS without a context, or a login without TLS. IPv4-mapped IPv6 clients
    count as IPv4, in `networks` too.
    """

    hostname: str
    networks: Networks
    login: bool = False  # whether nobody may send before he has logged in, under TLS
    security: Security = Security.NONE
    tls_context: ssl.SSLContext | None = None
    admission: Admission = UNCONDITIONAL
    beyond: Beyond = Beyond()  # until more is known
    message_size: int = 50_000_000
    recipients: int = 1000
    connections: int = 1000
    connections_per_client: int = 100  # an IPv4 address or an IPv6 /64
    proxies: Networks = ()  # who says by the PROXY protocol for whom it connects
    errors: int = 20  # Postfix smtpd_hard_error_limit
    junk_commands: int = 100  # Postfix smtpd_junk_command_limit
    session: float = 6 * 3600
    idle: float = 300  # RFC 5321 4.5.3.2.7
    data_block: float = 180  # RFC 5321 4.5.3.2.5
    data_total: float = 1800
    data_rate: float = 500  # octets a second at least, in the middle (Postfix smtpd_min_data_rate)
    data_grace: float = 60  # after so many seconds
    handshake: float = 30
    confirmation: float = 30  # how long a sign that the final reply was read is waited for

    def __post_init__(self) -> None:
        if (self.security is Security.NONE) != (self.tls_context is None):
            raise ValueError("TLS needs a certificate, and a certificate needs TLS")
        if self.admission.certificate_names and self.security is Security.NONE:
            raise ValueError("A client shows its certificate under TLS only")
        if not self.networks:
            raise ValueError("A listener without networks serves nobody")
        if self.login and self.security is Security.NONE:
            raise ValueError("A login needs TLS")
        if large_part_of_internet(self.networks) and not self.login:
            raise ValueError(
                "These networks are a large part of the internet, and without login the listener would be an open relay"
            )

    @property
    def demands_tls(self) -> bool:
        """Whether the commands in `UNDER_TLS` are only obeyed under TLS."""
        return self.security is Security.REQUIRED or bool(self.admission.certificate_names)

    def admits(self, client: IPv4Address | IPv6Address) -> bool:
        """Whether the client's host may send."""
        return within(client, self.networks)


def networks_of(client: IPv4Address | IPv6Address) -> tuple[str, ...]:
    """Return the networks by which a client is counted: also its /48, which one site may have."""
    if client.version == 4:
        return (network_of(client),)
    return network_of(client), str(IPv6Network((int(client) >> 80 << 80, 48)))


class Handler(Protocol):
    """Who takes the messages."""

    async def handle(self, envelope: Envelope, content: bytes) -> Reply:
        """Take one message and return the final reply; what it raises is answered 451 with the envelope's id."""
        ...

    async def abandoned(self, envelope: Envelope, content: bytes) -> None:
        """The client went away while `handle` is at work on its message: a retry may come before that ends."""
        ...

    async def unanswered(self, envelope: Envelope, content: bytes, reply: Reply, *, written: bool) -> None:
        """The final reply was not delivered, as far as can be known: a retry of the same transaction may come.

        `written`: it went out, but the client gave no sign of having read it; else the client was gone before.
        """
        ...

    async def heard(self, envelope: Envelope, content: bytes) -> None:
        """The client gave a sign of having read a final reply that was said `again`."""
        ...


class Guest(Protocol):
    """A session, as the door sees it."""

    def retire(self) -> None:
        """Say goodbye now, or after the message that is under way."""
        ...

    def abort(self) -> None:
        """Cut the connection."""
        ...


class Door:
    """Admits sessions, runs hand-overs in tasks of their own, and closes without cutting one off."""

    def __init__(
        self,
        options: ListenerOptions,
        handler: Handler,
        logins: Logins | None = None,
        *,
        room: Room | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        if options.login and logins is None:
            raise ValueError("A listener that asks for a login needs somebody who knows the passwords")
        self.options = options
        self.logins = logins
        self.room = room or Room()
        self.complaints = Complaints()
        self._crowd = crowd or Crowd()
        self.beyond = options.beyond
        self._handler = handler
        self._guests: dict[Guest, tuple[Kind, tuple[str, ...]]] = {}  # and how each was counted in
        self._knocking = 0
        self._under_way: set[asyncio.Task[Any]] = set()  # the loop itself holds tasks weakly
        self._closing = False
        self._left = asyncio.Event()

    @property
    def message_size(self) -> int:
        """The largest message that we take, and the next mail server with what we write into it."""
        beyond = max(1, self.beyond.size - GROWTH) if self.beyond.size else self.options.message_size
        return min(self.options.message_size, beyond)

    def learn(self, beyond: Beyond) -> None:
        """From now on EHLO offers what the next mail server takes: nothing is downgraded in silence."""
        self.beyond = beyond

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return len(self._guests)

    @property
    def closing(self) -> bool:
        """Whether `drain` was called."""
        return self._closing

    def knock(self, client: IPv4Address | IPv6Address) -> Refusal | None:
        """Let a client begin a handshake before it enters, or say why not; of whoever may, `knocked` tells the end.

        As many may at a time as may be in, over all receivers too, and wait in places of their own.
        """
        admitted = self.options.admits(client)
        refusal = self._counted(client, Kind.HANDSHAKE if admitted else Kind.OUTSIDER_HANDSHAKE)
        self._knocking += 1
        if refusal is not None:
            self.knocked(client)
        return refusal

    def knocked(self, client: IPv4Address | IPv6Address) -> None:
        """The handshake is over, however it ended."""
        self._knocking -= 1
        if self.options.admits(client):
            self._crowd.leave(networks_of(client), Kind.HANDSHAKE)
        else:
            self._crowd.leave((), Kind.OUTSIDER_HANDSHAKE)

    def enter(self, guest: Guest, client: IPv4Address | IPv6Address) -> Refusal | None:
        """Let a session in, or say why not; whoever entered, welcome or not, must `leave`."""
        admitted = self.options.admits(client)
        kind = Kind.SESSION if admitted else Kind.OUTSIDER
        self._guests[guest] = kind, networks_of(client) if admitted else ()
        metrics.session_opened()
        refusal = self._counted(client, kind)
        if self._closing:
            return STOPPING
        return refusal or (None if admitted else NOT_YOUR_GATEWAY)

    def _counted(self, client: IPv4Address | IPv6Address, kind: Kind) -> Refusal | None:
        """Count a client in; return why that is one too many."""
        if kind in {Kind.OUTSIDER, Kind.OUTSIDER_HANDSHAKE}:
            # They wait for their QUIT in places of their own, so that they cannot take those of others.
            return TOO_MANY_CONNECTIONS if self._crowd.enter((), kind)[0] > _MOST_OUTSIDERS else None
        total, each = self._crowd.enter(networks_of(client), kind)
        if total > self.options.connections:
            return TOO_MANY_CONNECTIONS
        limit = self.options.connections_per_client
        crowded = any(count > most for count, most in zip(each, (limit, _SITE * limit), strict=False))
        return TOO_MANY_FROM_YOU if crowded else None

    def leave(self, guest: Guest) -> None:
        """Count a session out."""
        kind, networks = self._guests.pop(guest)
        self._crowd.leave(networks, kind)
        metrics.session_closed()
        self._left.set()

    def hand_over(self, envelope: Envelope, content: bytes) -> asyncio.Task[Reply]:
        """Start the hand-over in a task that no disconnect cancels (invariant (i)); the door keeps it alive."""
        task = asyncio.get_running_loop().create_task(self._carry(envelope, content))
        self._keep(task)
        return task

    def abandoned(self, envelope: Envelope, content: bytes) -> None:
        """Tell the handler that the client went away during the hand-over."""
        self._keep(asyncio.get_running_loop().create_task(self._abandon(envelope, content)))

    def unanswered(
        self, envelope: Envelope, content: bytes, outcome: asyncio.Task[Reply], written: Awaitable[bool]
    ) -> asyncio.Task[None]:
        """Tell the handler, when the hand-over is done, that its reply did not arrive; `written` as in `Handler`."""
        if not outcome.done():
            self._linger(envelope.client, outcome)
        telling = asyncio.get_running_loop().create_task(self._remember(envelope, content, outcome, written))
        self._keep(telling)
        return telling

    def heard(self, envelope: Envelope, content: bytes) -> None:
        """Tell the handler that a reply that was said `again` did arrive."""
        self._keep(asyncio.get_running_loop().create_task(self._confirm(envelope, content)))

    async def drain(self, patience: float) -> int:
        """Refuse new sessions, end idle ones, wait `patience` seconds for messages under way; return how many are left.

        What is left then has its connection cut; its hand-over goes on as long as the loop runs.
        """
        self._closing = True
        for guest in tuple(self._guests):
            guest.retire()
        deadline = asyncio.get_running_loop().time() + patience
        try:
            async with asyncio.timeout_at(deadline):
                while self._guests:
                    self._left.clear()
                    await self._left.wait()
                while self._under_way:
                    await asyncio.wait(self._under_way)
        except TimeoutError:
            for guest in tuple(self._guests):
                guest.abort()
        self.complaints.close()
        return len(self._guests) + len(self._under_way)

    def _linger(self, client: str, outcome: asyncio.Task[Reply]) -> None:
        """Count a client who left as a session until its message is settled, or such messages would have no bound."""
        networks = networks_of(ip_address(client))
        self._crowd.enter(networks)

        def settled(outcome: asyncio.Task[Reply]) -> None:
            if not outcome.cancelled():  # that is the end of the process
                self._crowd.leave(networks)

        outcome.add_done_callback(settled)

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _carry(self, envelope: Envelope, content: bytes) -> Reply:
        try:
            return await self._handler.handle(envelope, content)
        except Exception as error:  # noqa: BLE001  the listener's: whatever fails inside, the client gets an answer
            stumbled(envelope.id, error)
            return failed(envelope.id)

    async def _abandon(self, envelope: Envelope, content: bytes) -> None:
        try:
            await self._handler.abandoned(envelope, content)
        except Exception as error:  # noqa: BLE001  the client is gone: nobody is left to be told
            stumbled(envelope.id, error)

    async def _confirm(self, envelope: Envelope, content: bytes) -> None:
        try:
            await self._handler.heard(envelope, content)
        except Exception as error:  # noqa: BLE001  the listener's: the client has his answer
            stumbled(envelope.id, error)

    async def _remember(
        self, envelope: Envelope, content: bytes, outcome: asyncio.Task[Reply], written: Awaitable[bool]
    ) -> None:
        try:
            is_written = await written
            if not outcome.done():
                await self._abandon(envelope, content)
            await self._handler.unanswered(envelope, content, await outcome, written=is_written)
        except Exception as error:  # noqa: BLE001  the client is gone: nobody is left to be told
            stumbled(envelope.id, error)


def stumbled(reference: str, error: Exception) -> None:
    """Log and count what failed inside, without its text."""
    log.internal_error(reference, "listener", error)
    metrics.internal_error("listener")
