"""The kept connections to one host: lent, given back, left when stale; and the circuit that says if it is tried."""

import asyncio

from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log, metrics
from dlp_gateway.smtp.circuit import Circuit
from dlp_gateway.smtp.connection import Connection, Extensions, Lost
from dlp_gateway.smtp.opening import SmarthostOptions, Unavailable, connect


class Pool:
    """At most `options.connections` connections, each of which serves one transaction at a time."""

    def __init__(self, options: SmarthostOptions, changed: asyncio.Event) -> None:
        """`changed` is set when the host offers something else than it did."""
        self.options = options
        self._changed = changed
        self._offered: Extensions | None = None
        self.name = f"[{options.host}]:{options.port}" if ":" in options.host else f"{options.host}:{options.port}"
        self._slots = asyncio.Semaphore(options.connections)
        self._idle: list[Connection] = []  # the last used is the first to be used again
        self._sweeper: asyncio.TimerHandle | None = None
        self._circuit = Circuit(limit=options.failures, first=options.probe, longest=options.longest_probe)
        self._probing: asyncio.Task[None] | None = None
        self._reachable: bool | None = None
        self._closed = False
        metrics.smarthost_circuit(self.name, is_open=False)

    @property
    def open(self) -> bool:
        """Whether its circuit is open: it failed again and again, and no probe has succeeded yet."""
        return self._circuit.open

    @property
    def full(self) -> bool:
        """Whether a message would have to wait for a connection."""
        return self._slots.locked()

    # --- lending ------------------------------------------------------------------------------------------------------

    async def slot(self) -> None:
        """Wait for the right to a connection, to be given back with `release`; raises TimeoutError."""
        if not self._slots.locked():
            await self._slots.acquire()
            return
        async with asyncio.timeout(self.options.slot):
            await self._slots.acquire()

    def release(self) -> None:
        """Let somebody else have a connection."""
        self._slots.release()

    def kept(self) -> Connection | None:
        """Return a connection that was used before; it may have been closed by the peer since."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if self._is_fresh(connection, now):
                return connection
            connection.leave()
        return None

    async def connect(self) -> Connection:
        """Open a connection; raises `Unavailable`."""
        try:
            connection = await connect(self.options)
        except Unavailable as error:
            log.smarthost_unreachable(self.name, error.why, error.code, error.detail)
            self._reachable = False
            self.failed()
            raise
        self._reached(connection.extensions)
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep a connection after a transaction, if it can be used again."""
        if self._circuit.failures or self._circuit.probes:
            self._circuit.succeeded()
        self._keep(connection)

    def failed(self) -> None:
        """Count that it failed a message before it asked for the content."""
        if not self._closed and self._circuit.failed():
            self._opened()

    def lost(self, sender: str) -> None:
        """Count that it went away in the content of a sender's message, which may be the message's fault."""
        if not self._closed and self._circuit.lost(sender):
            self._opened()

    def _opened(self) -> None:
        log.smarthost_circuit_opened(self.name, self._circuit.failures)
        metrics.smarthost_circuit(self.name, is_open=True)
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._probe())

    async def probe(self) -> Extensions:
        """Open a session and leave it, whatever the circuit says: what the host offers. Raises `Unavailable`."""
        connection = await self.connect()
        connection.leave()
        return connection.extensions

    async def rehearse(self) -> tuple[Extensions, Reply]:
        """Begin a transaction of the null sender and leave: what it offers, and says to MAIL. Raises `Unavailable`."""
        connection = await self.connect()
        try:
            connection.send(b"MAIL FROM:<>\r\n", 1)
            (reply,) = await connection.replies(1, self.options.command)
        except Lost as lost:
            raise Unavailable("lost") from lost
        finally:
            connection.leave()
        return connection.extensions, reply

    async def close(self) -> None:
        """Leave all connections that are not in use, and those in use when they are done."""
        self._closed = True
        metrics.smarthost_circuit(self.name, is_open=False)  # after a reload, nobody may have this host any more
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)
        if self._sweeper is not None:
            self._sweeper.cancel()
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.leave()

    # --- health -------------------------------------------------------------------------------------------------------

    async def _probe(self) -> None:
        """Try the host until it answers, so that no message has to; the session is kept for the first that comes."""
        while self._circuit.open:
            await asyncio.sleep(self._circuit.pause)
            if not self._circuit.open:  # somebody else reached it
                return
            try:
                connection = await connect(self.options)
            except Unavailable:
                self._circuit.probed(well=False)
            else:
                self._reached(connection.extensions)
                self._keep(connection)

    def _reached(self, offered: Extensions) -> None:
        if self._offered not in {None, offered}:
            self._changed.set()
        self._offered = offered
        metrics.smarthost_up(True)  # each time: another process may have had the last word
        if not self._reachable:
            log.smarthost_reached(self.name)
            self._reachable = True
        if self._circuit.open:
            self._circuit.probed(well=True)
            log.smarthost_circuit_closed(self.name)
            metrics.smarthost_circuit(self.name, is_open=False)

    # --- keeping ------------------------------------------------------------------------------------------------------

    def _is_fresh(self, connection: Connection, now: float) -> bool:
        """Whether a kept connection is likely to live, and not so old that the host's name may mean another machine."""
        options = self.options
        recent = now - connection.idle_since < options.idle and now - connection.opened < options.lifetime
        return recent and connection.usable

    def _keep(self, connection: Connection) -> None:
        if self._closed or not connection.usable:
            connection.leave()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(self.options.idle, self._sweep)

    def _sweep(self) -> None:
        """Leave connections that nobody used for a while; the oldest lie at the bottom."""
        loop = asyncio.get_running_loop()
        now, kept = loop.time(), self._idle
        self._idle = [connection for connection in kept if self._is_fresh(connection, now)]
        for connection in kept:
            if connection not in self._idle:
                connection.leave()
        self._sweeper = loop.call_later(self.options.idle, self._sweep) if self._idle else None
