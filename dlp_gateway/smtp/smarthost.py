"""The way to the one next hop: a pool of kept connections, and the port `Smarthost` on top of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from dlp_gateway.mail import xtext
from dlp_gateway.mail.address import valid_forward_path, valid_reverse_path
from dlp_gateway.mail.envelope import NOTHING_ASKED, DsnRequest, RecipientRequest
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log, metrics
from dlp_gateway.ports import Delivery, Progress
from dlp_gateway.smtp.connection import Connection, Extensions, Security, SmarthostOptions, Unavailable, connect
from dlp_gateway.smtp.replies import UNREACHABLE
from dlp_gateway.smtp.transaction import Mail, NothingHappened, run

__all__ = ["Extensions", "Security", "Smarthost", "SmarthostOptions", "Unavailable"]


def _reply(code: int, enhanced: str, text: str) -> Reply:
    return Reply(code=code, enhanced=enhanced, text=text)


_BUSY: Final = _reply(451, "4.4.5", "All connections to the next mail server are busy; try again later")
_BAD_SENDER: Final = _reply(553, "5.1.7", "This is no valid address")
_BAD_RECIPIENT: Final = _reply(553, "5.1.3", "This is no valid address")
_TOO_BIG: Final = _reply(552, "5.3.4", "Message too big for the next mail server")
_NO_8BITMIME: Final = _reply(554, "5.6.3", "The next mail server takes no 8-bit text; send it encoded")
_NO_SMTPUTF8: Final = _reply(553, "5.6.7", "The next mail server knows no internationalised mail (SMTPUTF8)")


class Smarthost:
    """Delivers over at most `options.connections` connections; made inside the running loop."""

    def __init__(self, options: SmarthostOptions) -> None:
        self._options = options
        self._slots = asyncio.Semaphore(options.connections)
        self._idle: list[Connection] = []  # the last used is the first to be used again
        self._sweeper: asyncio.TimerHandle | None = None
        self._reachable: bool | None = None
        self._closed = False

    async def deliver(
        self,
        content: bytes,
        *,
        reverse_path: str,
        recipients: tuple[str, ...],
        body_8bit: bool,
        smtputf8: bool,
        dsn: DsnRequest = NOTHING_ASKED,
        before_final_dot: Callable[[Progress], Awaitable[None]] | None = None,
    ) -> Delivery:
        """Run one mail transaction as `ports.Smarthost` says: never raises for what the network or the peer does."""
        refused = {one: _BAD_RECIPIENT for one in recipients if not valid_forward_path(one, smtputf8=True)}
        if not valid_reverse_path(reverse_path, smtputf8=True):
            refused = dict.fromkeys(recipients, _BAD_SENDER)
        sendable = tuple(dict.fromkeys(one for one in recipients if one not in refused))
        if not sendable:
            return _settle(recipients, refused, Delivery(replies=()))
        try:
            await self._slot()
        except TimeoutError:
            return _settle(recipients, refused, _all(sendable, _BUSY))
        try:
            delivery = await self._deliver(
                content,
                reverse_path,
                sendable,
                body_8bit=body_8bit,
                smtputf8=smtputf8,
                dsn=dsn,
                last_call=_with(refused, before_final_dot),
            )
        finally:
            self._slots.release()
        return _settle(recipients, refused, delivery)

    async def probe(self) -> Extensions:
        """Open a session and leave it: what the smarthost offers. Raises `Unavailable`."""
        connection = await self._connect()
        connection.leave()
        return connection.extensions

    async def close(self) -> None:
        """Leave all connections that are not in use, and those in use when they are done."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.leave()
        await asyncio.sleep(0)  # the transports close in the next turn of the loop

    async def _deliver(
        self,
        content: bytes,
        reverse_path: str,
        recipients: tuple[str, ...],
        *,
        body_8bit: bool,
        smtputf8: bool,
        dsn: DsnRequest,
        last_call: Callable[[Progress], Awaitable[None]] | None,
    ) -> Delivery:
        connection = self._kept()
        while True:
            kept = connection is not None
            try:
                connection = connection or await self._connect()
            except Unavailable:
                return _all(recipients, UNREACHABLE)
            parameters = _parameters(
                connection.extensions, content, (reverse_path, *recipients), body_8bit=body_8bit, smtputf8=smtputf8
            )
            if isinstance(parameters, Reply):
                self._give_back(connection)
                return _all(recipients, parameters)
            knows_dsn = connection.extensions.dsn  # RFC 3461 5.2.2 (a): to others it is not said
            mail = Mail(
                content=content,
                reverse_path=reverse_path,
                parameters=parameters + (_mail_wishes(dsn) if knows_dsn else ""),
                recipients={
                    one: _rcpt_wishes(dsn.of(one), connection.extensions) if knows_dsn else "" for one in recipients
                },
            )
            try:
                delivery = await run(connection, mail, self._options, last_call)
            except NothingHappened as nothing:
                connection.close()
                if not kept or nothing.told:
                    log.smarthost_lost(nothing.why)
                    return _all(recipients, nothing.reply)
                # A kept connection may have been closed at any time since its last use: that is no outage.
                connection = None
            except BaseException:
                connection.close()
                raise
            else:
                self._give_back(connection)
                return replace(delivery, notifies=knows_dsn)

    # --- the pool -----------------------------------------------------------------------------------------------------

    async def _slot(self) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        async with asyncio.timeout(self._options.slot):
            await self._slots.acquire()

    async def _connect(self) -> Connection:
        try:
            connection = await connect(self._options)
        except Unavailable as error:
            log.smarthost_unreachable(error.why, error.code)
            metrics.smarthost_up(False)
            self._reachable = False
            raise
        metrics.smarthost_up(True)  # each time: another process may have had the last word
        if not self._reachable:
            log.smarthost_reached()
            self._reachable = True
        return connection

    def _kept(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - self._options.idle
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and connection.idle_since > oldest:
                return connection
            connection.close()
        return None

    def _give_back(self, connection: Connection) -> None:
        if self._closed or not connection.usable:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(self._options.idle, self._sweep)

    def _sweep(self) -> None:
        """Leave connections that nobody used for a while; the oldest lie at the bottom."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._options.idle
        stale = [connection for connection in self._idle if connection.idle_since <= oldest or not connection.usable]
        self._idle = [connection for connection in self._idle if connection not in stale]
        for connection in stale:
            connection.leave()
        self._sweeper = loop.call_later(self._options.idle, self._sweep) if self._idle else None


def _parameters(
    extensions: Extensions, content: bytes, paths: tuple[str, ...], *, body_8bit: bool, smtputf8: bool
) -> str | Reply:
    """Return MAIL's parameters, or why this smarthost cannot have this message: nothing is downgraded in silence."""
    plain = content.isascii()
    international = not all(path.isascii() for path in paths) or (smtputf8 and not _header(content).isascii())
    if international and not extensions.smtputf8:
        return _NO_SMTPUTF8
    if not plain and not extensions.eight_bit:
        return _NO_8BITMIME
    if extensions.size and len(content) > extensions.size:
        return _TOO_BIG
    return "".join(
        (
            f" SIZE={len(content)}" if "SIZE" in extensions.names else "",
            " BODY=8BITMIME" if extensions.eight_bit and (body_8bit or not plain) else "",
            " SMTPUTF8" if extensions.smtputf8 and (smtputf8 or international) else "",
        )
    )


def _mail_wishes(dsn: DsnRequest) -> str:
    """Return what was asked for all recipients, as it came (RFC 3461 5.2.1)."""
    ret = f" RET={dsn.ret}" if dsn.ret else ""
    return f"{ret} ENVID={dsn.envelope_id}" if dsn.envelope_id else ret


def _rcpt_wishes(request: RecipientRequest, extensions: Extensions) -> str:
    """Return what was asked for one recipient; what was not asked must not be said (RFC 3461 5.2.1)."""
    notify = "" if request.notify is None else f" NOTIFY={request.notify}"
    original = request.original if extensions.smtputf8 else xtext.without_unicode(request.original)
    # RFC 3461 4.2: 500 characters at most; only what had to be written in ASCII can have grown longer.
    return f"{notify} ORCPT={original}" if 0 < len(original) <= 500 else notify


def _header(content: bytes) -> bytes:
    end = content.find(b"\r\n\r\n")
    return content if end < 0 else content[:end]


def _all(recipients: tuple[str, ...], reply: Reply) -> Delivery:
    return Delivery(replies=tuple((recipient, reply) for recipient in recipients))


def _with(
    refused: dict[str, Reply], before_final_dot: Callable[[Progress], Awaitable[None]] | None
) -> Callable[[Progress], Awaitable[None]] | None:
    """Return the hook so that it is told of recipients whom we did not even ask the smarthost about."""
    if before_final_dot is None or not refused:
        return before_final_dot
    hook = before_final_dot

    async def told(progress: Progress) -> None:
        await hook(
            Progress(
                accepted=progress.accepted,
                deferred=progress.deferred,
                refused=(*progress.refused, *refused.items()),
            )
        )

    return told


def _settle(recipients: tuple[str, ...], refused: dict[str, Reply], delivery: Delivery) -> Delivery:
    """Return the delivery with all recipients in the order given."""
    replies = {**dict(delivery.replies), **refused}
    return replace(delivery, replies=tuple((one, replies[one]) for one in recipients))
