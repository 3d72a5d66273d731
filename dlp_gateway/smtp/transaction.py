"""One mail transaction over a connection: MAIL, RCPT and DATA in one write where the smarthost pipelines (RFC 2920)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log
from dlp_gateway.ports import Delivery, Progress
from dlp_gateway.smtp.connection import Connection, Lost, SmarthostOptions

_BLOCK: Final = 65_536  # octets in one write
_FINAL_DOT: Final = b".\r\n"

#: The reply that stands for a recipient of whom the smarthost said nothing.
LOST: Final = Reply(code=451, enhanced="4.4.2", text="The connection to the next mail server was lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What is to be sent; `parameters` stand behind MAIL's path, with a blank before each.

    `recipients` are the forward-paths, each with the parameters that stand behind it.
    """

    content: bytes
    reverse_path: str
    parameters: str
    recipients: Mapping[str, str]


class NothingHappened(Exception):  # noqa: N818  a state of the transaction's
    """The smarthost went away before anything could take effect: nobody got the mail.

    `reply` is its 421, or `LOST`. `told` says that `before_final_dot` was run, which must not happen twice.
    """

    def __init__(self, why: str, reply: Reply = LOST, *, told: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.reply = reply
        self.told = told


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """What was said to the envelope, a reply for each recipient; `data` is None where DATA was not sent."""

    mail: Reply
    recipients: tuple[Reply, ...]
    data: Reply | None


async def run(
    connection: Connection,
    mail: Mail,
    options: SmarthostOptions,
    before_final_dot: Callable[[Progress], Awaitable[None]] | None,
) -> Delivery:
    """Send one mail; raises `NothingHappened`, and what `before_final_dot` raises.

    The connection can be used again afterwards only if it says so itself (`usable`).
    """
    try:
        answers = await (_pipelined if connection.extensions.pipelining else _stepwise)(connection, mail, options)
        told = _judge(connection, mail, answers)
        accepted = tuple(recipient for recipient, reply in told.items() if reply.positive)
        if not accepted or answers.data is None or answers.data.code != 354:
            await _call_off(connection, answers, options)
            return _delivery(mail, told, accepted, answers.data or LOST)
        rest = await _all_but_the_end(connection, mail, options)
    except Lost as lost:
        raise NothingHappened(lost.why) from lost
    if before_final_dot is not None:
        await before_final_dot(_progress(told))
    if not connection.alive:
        raise NothingHappened("lost", told=True)
    connection.send(rest + _FINAL_DOT, 1)
    # From here on the smarthost may have the mail.
    try:
        reply = await connection.reply(options.final_dot)
    except Lost as lost:
        log.smarthost_lost(f"final-dot-{lost.why}")
        return _delivery(mail, told, accepted, LOST, unknown=frozenset(accepted))
    if reply.code < 400 and not reply.positive:
        connection.close()
        return _delivery(mail, told, accepted, LOST, unknown=frozenset(accepted))
    if reply.code == 421:
        connection.close()
    return _delivery(mail, told, accepted, reply)


async def _pipelined(connection: Connection, mail: Mail, options: SmarthostOptions) -> _Answers:
    lines = [_mail_line(mail), *_rcpt_lines(mail), b"DATA\r\n"]
    connection.send(b"".join(lines), len(lines))
    first = await connection.reply(options.command)
    recipients = tuple([await connection.reply(options.command) for _ in mail.recipients])
    return _Answers(mail=first, recipients=recipients, data=await connection.reply(options.command))


async def _stepwise(connection: Connection, mail: Mail, options: SmarthostOptions) -> _Answers:
    async def ask(line: bytes) -> Reply:
        connection.send(line, 1)
        return await connection.reply(options.command)

    first = await ask(_mail_line(mail))
    if not first.positive:
        return _Answers(mail=first, recipients=(first,) * len(mail.recipients), data=None)
    recipients = tuple([await ask(line) for line in _rcpt_lines(mail)])
    data = await ask(b"DATA\r\n") if any(reply.positive for reply in recipients) else None
    return _Answers(mail=first, recipients=recipients, data=data)


def _mail_line(mail: Mail) -> bytes:
    return f"MAIL FROM:<{mail.reverse_path}>{mail.parameters}\r\n".encode()


def _rcpt_lines(mail: Mail) -> list[bytes]:
    return [f"RCPT TO:<{recipient}>{parameters}\r\n".encode() for recipient, parameters in mail.recipients.items()]


def _judge(connection: Connection, mail: Mail, answers: _Answers) -> dict[str, Reply]:
    """Return what holds for each recipient so far; raises `NothingHappened` where the dialogue cannot go on."""
    replies = (answers.mail, *answers.recipients, *(() if answers.data is None else (answers.data,)))
    for reply in replies:
        if reply.code == 421:  # RFC 5321 3.8: it closes the connection, whatever it answered before
            connection.close()
            raise NothingHappened("unavailable", reply)
    envelope = (answers.mail, *answers.recipients)
    if any(300 <= reply.code < 400 for reply in envelope) or (answers.data and answers.data.positive):
        connection.close()
        raise NothingHappened("out-of-step")
    if not answers.mail.positive:
        return dict.fromkeys(mail.recipients, answers.mail)
    return dict(zip(mail.recipients, map(_lenient, answers.recipients), strict=True))


def _lenient(reply: Reply) -> Reply:
    """RFC 5321 4.5.3.1.10: 552 to RCPT once meant too many recipients; unless it says otherwise, it still may."""
    if reply.code == 552 and reply.enhanced in {"", "5.5.3"}:
        return replace(reply, code=452, enhanced="4.5.3")
    return reply


async def _call_off(connection: Connection, answers: _Answers, options: SmarthostOptions) -> None:
    """End a transaction in which no message will be sent, so that the connection is as new; or break it."""
    lone_dot = answers.data is not None and answers.data.code == 354
    if not lone_dot and not answers.mail.positive:
        return
    # RFC 2920 3.1: a server may say 354 though it refused everybody; a lone dot is all it gets.
    connection.send(_FINAL_DOT if lone_dot else b"RSET\r\n", 1)
    try:
        reply = await connection.reply(options.final_dot if lone_dot else options.command)
    except Lost:
        return  # what was said to the recipients holds all the same
    if reply.code == 421 or not (lone_dot or reply.positive):
        connection.close()


async def _all_but_the_end(connection: Connection, mail: Mail, options: SmarthostOptions) -> bytes:
    """Send all blocks of the message but the last; return the last, which goes out with the final dot."""
    octets = stuffed(mail.content)
    start = 0
    with memoryview(octets) as view:
        while len(octets) - start > _BLOCK:
            connection.send(bytes(view[start : start + _BLOCK]), 0)
            await connection.flushed(options.data_block)
            start += _BLOCK
        return bytes(view[start:])


def _progress(told: dict[str, Reply]) -> Progress:
    return Progress(
        accepted=tuple(recipient for recipient, reply in told.items() if reply.positive),
        deferred=tuple((recipient, reply) for recipient, reply in told.items() if reply.transient),
        refused=tuple((recipient, reply) for recipient, reply in told.items() if reply.permanent),
    )


def stuffed(content: bytes) -> bytes:
    """Return the content as DATA carries it (RFC 5321 4.5.2), without the final dot; no octet of it is changed."""
    octets = content.replace(b"\r\n.", b"\r\n..")
    if octets.startswith(b"."):
        octets = b"." + octets
    # The end of data is CRLF.CRLF: a message that does not end its last line gets that CRLF.
    return octets if octets.endswith(b"\r\n") or not octets else octets + b"\r\n"


def _delivery(
    mail: Mail, told: dict[str, Reply], accepted: tuple[str, ...], last: Reply, unknown: frozenset[str] = frozenset()
) -> Delivery:
    """Return the outcome: `last` for whom RCPT accepted, RCPT's own reply for the others."""
    final = {**told, **dict.fromkeys(accepted, last)}
    return Delivery(replies=tuple((recipient, final[recipient]) for recipient in mail.recipients), unknown=unknown)
