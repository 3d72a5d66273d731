"""The way to the next hop: which host gets a message, in which words, and the port `Smarthost` on top of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

from dlp_gateway.mail import xtext
from dlp_gateway.mail.address import valid_forward_path, valid_reverse_path
from dlp_gateway.mail.edit import Edited
from dlp_gateway.mail.envelope import NOTHING_ASKED, DsnRequest, RecipientRequest
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log, metrics
from dlp_gateway.ports import Delivery, Progress
from dlp_gateway.smtp.connection import Extensions
from dlp_gateway.smtp.opening import Security, SmarthostOptions, Unavailable
from dlp_gateway.smtp.pool import Pool
from dlp_gateway.smtp.replies import UNREACHABLE
from dlp_gateway.smtp.transaction import Mail, NothingHappened, PutOff, is_demand, run

__all__ = ["Extensions", "Security", "Smarthost", "SmarthostOptions", "Unavailable", "is_demand"]

_Hook = Callable[[Progress], Awaitable[None]]


def _reply(code: int, enhanced: str, text: str) -> Reply:
    return Reply(code=code, enhanced=enhanced, text=text)


_BUSY: Final = _reply(451, "4.4.5", "All connections to the next mail server are busy; try again later")
_BAD_SENDER: Final = _reply(553, "5.1.7", "This is no valid address")
_BAD_RECIPIENT: Final = _reply(553, "5.1.3", "This is no valid address")
_TOO_BIG: Final = _reply(552, "5.3.4", "Message too big for the next mail server")
_NO_8BITMIME: Final = _reply(554, "5.6.3", "The next mail server takes no 8-bit text; send it encoded")
_NO_SMTPUTF8: Final = _reply(553, "5.6.7", "The next mail server knows no internationalised mail (SMTPUTF8)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errand:
    """A message and whom it is for, whichever host takes it; `plain`: ASCII; `recipients` are valid and distinct."""

    content: Edited
    plain: bool
    reverse_path: str
    recipients: tuple[str, ...]
    body_8bit: bool
    smtputf8: bool
    dsn: DsnRequest


class Smarthost:
    """Delivers by the host of the least priority number that answers; made inside the running loop.

    Hosts of the same priority take turns.
    """

    def __init__(self, *hosts: SmarthostOptions) -> None:
        #: Set when a host offers something else than it did.
        self.changed = asyncio.Event()
        by_priority = sorted(hosts, key=lambda options: options.priority)
        self._pools = tuple(Pool(options, self.changed) for options in by_priority)
        self._turn = 0

    @property
    def reachable(self) -> bool:
        """Whether there is a host that is worth trying."""
        return not all(pool.open for pool in self._pools)

    async def deliver(
        self,
        content: bytes | Edited,
        *,
        reverse_path: str,
        recipients: tuple[str, ...],
        body_8bit: bool,
        smtputf8: bool,
        dsn: DsnRequest = NOTHING_ASKED,
        before_final_dot: _Hook | None = None,
    ) -> Delivery:
        """Run one mail transaction as `ports.Smarthost` says: never raises for what the network or the peer does."""
        refused = _refused(reverse_path, recipients)
        sendable = tuple(dict.fromkeys([one for one in recipients if one not in refused]))
        if not sendable:
            return _settled(recipients, refused, Delivery(replies=()))
        errand = _Errand(
            content=content if isinstance(content, Edited) else Edited(content, b"", 0),
            plain=content.isascii(),
            reverse_path=reverse_path,
            recipients=sendable,
            body_8bit=body_8bit,
            smtputf8=smtputf8,
            dsn=dsn,
        )
        delivery = await self._deliver(errand, _with(refused, before_final_dot))
        return delivery if len(sendable) == len(recipients) else _settled(recipients, refused, delivery)

    async def probe(self) -> Extensions:
        """Open a session and leave it: what the first host that answers offers. Raises `Unavailable`."""
        trouble = Unavailable("connect")
        for pool in self._pools:
            try:
                return await pool.probe()
            except Unavailable as error:
                trouble = error
        metrics.smarthost_up(False)
        raise trouble

    async def rehearse(self) -> tuple[Extensions, Reply]:
        """Return what the first host offers, and says to MAIL from nobody; no mail is sent. Raises `Unavailable`."""
        return await self._pools[0].rehearse()

    async def common(self) -> Extensions:
        """Return what all hosts offer that answer now: what holds whichever gets the mail. Raises `Unavailable`."""
        asked = [pool.probe() for pool in self._pools if not pool.open] or [self.probe()]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, Unavailable):
                raise answer
        offers = [answer for answer in answers if isinstance(answer, Extensions)]
        if not offers:
            raise Unavailable("connect")
        return reduce(Extensions.common, offers)

    async def close(self) -> None:
        """Leave all connections that are not in use, and those in use when they are done."""
        for pool in self._pools:
            await pool.close()

    # --- which host ---------------------------------------------------------------------------------------------------

    async def _deliver(self, errand: _Errand, last_call: _Hook | None) -> Delivery:
        """Try one host after another until one decides; none is tried once a final dot was sent."""
        outcome: Delivery | None = None
        candidates = self._candidates()
        for pool in candidates:
            try:
                return await _through(pool, errand, last_call)
            except PutOff as put_off:
                # What another host cannot do says nothing about one that is only away for a while.
                if outcome is None or not _transient(outcome):
                    outcome = put_off.delivery
        if outcome is None or not (_transient(outcome) or len(candidates) == len(self._pools)):
            outcome = _all(errand.recipients, UNREACHABLE)
        if outcome.replies[0][1] is UNREACHABLE:
            metrics.smarthost_up(False)
        return replace(outcome, put_off=True) if _transient(outcome) else outcome

    def _candidates(self) -> tuple[Pool, ...]:
        """Return the hosts to try: by priority, of the same priority those with a free connection first, in turn."""
        if len(self._pools) == 1:
            return () if self._pools[0].open else self._pools
        self._turn += 1
        turn = self._turn % len(self._pools)
        rotated = (*self._pools[turn:], *self._pools[:turn])
        worth = [pool for pool in rotated if not pool.open]
        return tuple(sorted(worth, key=lambda pool: (pool.options.priority, pool.full)))


async def _through(pool: Pool, errand: _Errand, last_call: _Hook | None) -> Delivery:
    """Run one transaction with one host; raises `PutOff` where another might take it."""
    try:
        await pool.slot()
    except TimeoutError:
        raise PutOff(_all(errand.recipients, _BUSY)) from None
    try:
        return await _transaction(pool, errand, last_call)
    finally:
        pool.release()


async def _transaction(pool: Pool, errand: _Errand, last_call: _Hook | None) -> Delivery:
    connection = pool.kept()
    while True:
        kept = connection is not None
        try:
            connection = connection or await pool.connect()
        except Unavailable:
            raise PutOff(_all(errand.recipients, UNREACHABLE)) from None
        mail = _mail(errand, connection.extensions, pool.options.host)
        if isinstance(mail, Reply):
            pool.give_back(connection)
            raise PutOff(_all(errand.recipients, mail))
        try:
            delivery = await run(connection, mail, pool.options, last_call)
        except NothingHappened as nothing:
            connection.close()
            if nothing.told:
                log.smarthost_lost(pool.name, nothing.why)
                return _all(errand.recipients, nothing.reply)
            if not kept:
                log.smarthost_lost(pool.name, nothing.why)
                if nothing.begun:
                    pool.lost(errand.reverse_path)
                else:
                    pool.failed()
                raise PutOff(_all(errand.recipients, nothing.reply)) from None
            # A kept connection may have been closed at any time since its last use: that is no outage.
            connection = None
        except PutOff:
            pool.give_back(connection)
            raise
        except BaseException:
            connection.close()
            raise
        else:
            if not delivery.in_doubt:  # else the connection is broken, and nobody can say whether the host is well
                pool.give_back(connection)
            return delivery


def _mail(errand: _Errand, extensions: Extensions, host: str) -> Mail | Reply:
    """Return what this host is to be told, or why it cannot have this message."""
    parameters = _parameters(extensions, errand)
    if isinstance(parameters, Reply):
        return parameters
    dsn = errand.dsn
    if extensions.dsn and dsn is not NOTHING_ASKED:  # RFC 3461 5.2.2 (a): to others it is not said
        parameters += _mail_wishes(dsn)
        rcpts = [f"RCPT TO:<{one}>{_rcpt_wishes(dsn.of(one), extensions)}\r\n" for one in errand.recipients]
    else:
        rcpts = [f"RCPT TO:<{one}>\r\n" for one in errand.recipients]
    return Mail(
        content=errand.content,
        recipients=errand.recipients,
        commands=[line.encode() for line in (f"MAIL FROM:<{errand.reverse_path}>{parameters}\r\n", *rcpts)],
        notifies=extensions.dsn,
        host=host,
    )


def _parameters(extensions: Extensions, errand: _Errand) -> str | Reply:
    """Return MAIL's parameters, or why this smarthost cannot have this message: nothing is downgraded in silence."""
    content = errand.content
    international = not (errand.reverse_path.isascii() and all(map(str.isascii, errand.recipients)))
    if errand.smtputf8 and not international:
        international = not (errand.plain or _header(content.section).isascii())
    if international and not extensions.smtputf8:
        return _NO_SMTPUTF8
    if not errand.plain and not extensions.eight_bit:
        return _NO_8BITMIME
    if extensions.size and len(content) > extensions.size:
        return _TOO_BIG
    size = f" SIZE={len(content)}" if "SIZE" in extensions.names else ""
    body = " BODY=8BITMIME" if extensions.eight_bit and (errand.body_8bit or not errand.plain) else ""
    return f"{size}{body} SMTPUTF8" if extensions.smtputf8 and (errand.smtputf8 or international) else size + body


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


def _with(refused: dict[str, Reply], before_final_dot: _Hook | None) -> _Hook | None:
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
                host=progress.host,
            )
        )

    return told


def _refused(reverse_path: str, recipients: tuple[str, ...]) -> dict[str, Reply]:
    """Return what reaches no wire: addresses that are none."""
    if not valid_reverse_path(reverse_path, smtputf8=True):
        return dict.fromkeys(recipients, _BAD_SENDER)
    return {one: _BAD_RECIPIENT for one in recipients if not valid_forward_path(one, smtputf8=True)}


def _transient(delivery: Delivery) -> bool:
    return any(reply.transient for _, reply in delivery.replies)


def _settled(recipients: tuple[str, ...], refused: dict[str, Reply], delivery: Delivery) -> Delivery:
    """Return the delivery with all recipients in the order given."""
    replies = {**dict(delivery.replies), **refused}
    return replace(delivery, replies=tuple((one, replies[one]) for one in recipients))
