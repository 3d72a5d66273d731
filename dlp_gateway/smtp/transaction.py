"""One mail transaction over a connection: MAIL, RCPT and DATA in one write where the smarthost pipelines (RFC 2920)."""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dlp_gateway.mail.edit import Edited
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log
from dlp_gateway.ports import Delivery, Progress
from dlp_gateway.smtp.connection import Connection, Lost
from dlp_gateway.smtp.opening import SmarthostOptions

#: Octets in one write, before dots are doubled.
BLOCK: Final = 262_144
_DOT: Final = re.compile(rb"\n\.")
_FINAL_DOT: Final = b".\r\n"
#: Seconds that the client waits for his answer, for the sake of a connection that could be used again.
_FAREWELL: Final = 0.5

#: The reply that stands for a recipient of whom the smarthost said nothing.
LOST: Final = Reply(code=451, enhanced="4.4.2", text="The connection to the next mail server was lost")

#: What says that a login or TLS is wanted first (RFC 4954 6, RFC 3207 4): our settings are wrong, and no mail is.
_DEMANDS: Final = frozenset({530, 534, 535, 538})

#: The reply that stands for it: whoever mends the settings gets the mail through (RFC 3463 3.4).
MISCONFIGURED: Final = Reply(
    code=451, enhanced="4.3.5", text="The next mail server wants a login or TLS that is not set up here"
)

#: What the smarthost said to MAIL, to RCPT for each recipient, and to DATA; None where DATA was not sent.
_Answers = tuple[Reply, Sequence[Reply], Reply | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What is to be sent: `commands` are the lines for MAIL and then for each of the `recipients`, in order.

    `notifies` and `host` as in `ports.Delivery`.
    """

    content: Edited
    recipients: tuple[str, ...]
    commands: Sequence[bytes]
    notifies: bool
    host: str


class NothingHappened(Exception):  # noqa: N818  a state of the transaction's
    """The smarthost went away before anything could take effect: nobody got the mail.

    `reply` is its 421, or `LOST`. `begun`: it had asked for the content. `told` says that `before_final_dot` was run,
    which must not happen twice.
    """

    def __init__(self, why: str, reply: Reply = LOST, *, begun: bool = False, told: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.reply = reply
        self.begun = begun
        self.told = told


class PutOff(Exception):  # noqa: N818  a state of the transaction's
    """Nobody got the mail, for no reason that would hold for ever, and nothing of it was sent: another host may try.

    `delivery` is the outcome if none can.
    """

    def __init__(self, delivery: Delivery) -> None:
        super().__init__()
        self.delivery = delivery


async def run(
    connection: Connection,
    mail: Mail,
    options: SmarthostOptions,
    before_final_dot: Callable[[Progress], Awaitable[None]] | None,
) -> Delivery:
    """Send one mail; raises `NothingHappened`, `PutOff`, and what `before_final_dot` raises.

    The connection can be used again afterwards only if it says so itself (`usable`).
    """
    try:
        answers = await (_pipelined if connection.extensions.pipelining else _stepwise)(connection, mail, options)
        told, data = _ours(mail, _judge(connection, answers)), answers[2]
        accepted = _accepted(mail, told)
        if not accepted or data is None or data.code != 354:
            await _call_off(connection, answers, options)
            delivery = _delivery(mail, told, accepted, data or LOST)
            # A lone dot was a final dot: the mail of whoever got one goes to no other host.
            if (data is None or data.code != 354) and all(reply.transient for _, reply in delivery.replies):
                raise PutOff(delivery)
            return delivery
    except Lost as lost:
        # RFC 5321 3.8: a 421 says why it closes the connection, whatever it was asked last.
        farewell = next((reply for reply in lost.said if reply.code == 421), LOST)
        raise NothingHappened(lost.why, farewell) from lost
    try:
        rest = await _all_but_the_end(connection, mail, options)
    except Lost as lost:
        refusal = _early_refusal(connection)
        if refusal is not None and refusal.code != 421:
            return _delivery(mail, told, accepted, refusal)
        raise NothingHappened(lost.why, refusal or LOST, begun=True) from lost
    if before_final_dot is not None:
        await before_final_dot(_progress(mail, told, accepted))
    if not connection.alive:
        if refusal := _early_refusal(connection):
            return _delivery(mail, told, accepted, refusal)
        raise NothingHappened("lost", begun=True, told=True)
    connection.finish(rest + _FINAL_DOT)
    # From here on the smarthost may have the mail.
    try:
        (reply,) = await connection.replies(1, options.final_dot)
    except Lost as lost:
        if refusal := _early_refusal(connection):
            return _delivery(mail, told, accepted, refusal)
        log.smarthost_lost(mail.host, f"final-dot-{lost.why}")
        return _delivery(mail, told, accepted, LOST, unknown=frozenset(accepted))
    if reply.code < 400 and not reply.positive:
        connection.close()
        return _delivery(mail, told, accepted, LOST, unknown=frozenset(accepted))
    if reply.code == 421 or (not reply.positive and len(mail.content) > BLOCK):
        # Who refused a large one may have done so before he had read it all, and take the rest for commands.
        connection.close()
    return _delivery(mail, told, accepted, reply)


async def _pipelined(connection: Connection, mail: Mail, options: SmarthostOptions) -> _Answers:
    connection.send(b"".join((*mail.commands, b"DATA\r\n")), len(mail.commands) + 1)
    first, *recipients, data = await connection.replies(len(mail.commands) + 1, options.command)
    return first, recipients, data


async def _stepwise(connection: Connection, mail: Mail, options: SmarthostOptions) -> _Answers:
    async def ask(line: bytes) -> Reply:
        connection.send(line, 1)
        return (await connection.replies(1, options.command))[0]

    first = await ask(mail.commands[0])
    if not first.positive:
        return first, (first,) * len(mail.recipients), None
    recipients = [await ask(line) for line in mail.commands[1:]]
    return first, recipients, await ask(b"DATA\r\n") if any(reply.positive for reply in recipients) else None


def _judge(connection: Connection, answers: _Answers) -> Sequence[Reply]:
    """Return what holds for each recipient so far; raises `NothingHappened` where the dialogue cannot go on."""
    first, recipients, data = answers
    for reply in (first, *recipients, *(() if data is None else (data,))):
        if reply.code == 421:  # RFC 5321 3.8: it closes the connection, whatever it answered before
            connection.close()
            raise NothingHappened("unavailable", reply)
    if any(300 <= reply.code < 400 for reply in (first, *recipients)) or (data is not None and data.positive):
        connection.close()
        raise NothingHappened("out-of-step")
    if not first.positive:
        return (first,) * len(recipients)
    return [_lenient(reply) if reply.code == 552 else reply for reply in recipients]


def _early_refusal(connection: Connection) -> Reply | None:
    """Return what the smarthost said to a message that it did not read to its end, as too large a one; None if nothing.

    RFC 5321 4.3.2 has it wait for the final dot, but whoever does not will not change his mind about this mail. That it
    took what it has not read, no reply can say.
    """
    reply = connection.unasked
    return reply if reply is not None and reply.code >= 400 else None


def is_demand(reply: Reply) -> bool:
    """Whether it says that a login or TLS has to come first."""
    return reply.code in _DEMANDS


def _ours(mail: Mail, told: Sequence[Reply]) -> Sequence[Reply]:
    """Return what was said, with what is the fault of our settings put off; the log says so."""
    demand = next(filter(is_demand, told), None)
    if demand is None:
        return told
    log.smarthost_demands(mail.host, demand)
    return [MISCONFIGURED if is_demand(reply) else reply for reply in told]


def _lenient(reply: Reply) -> Reply:
    """RFC 5321 4.5.3.1.10: 552 to RCPT once meant too many recipients; unless it says otherwise, it still may."""
    return reply if reply.enhanced not in {"", "5.5.3"} else replace(reply, code=452, enhanced="4.5.3")


def _accepted(mail: Mail, told: Sequence[Reply]) -> tuple[str, ...]:
    if all(reply.positive for reply in told):
        return mail.recipients
    return tuple(recipient for recipient, reply in zip(mail.recipients, told, strict=True) if reply.positive)


async def _call_off(connection: Connection, answers: _Answers, options: SmarthostOptions) -> None:
    """End a transaction in which no message will be sent, so that the connection is as new; or break it."""
    first, _, data = answers
    lone_dot = data is not None and data.code == 354
    if not lone_dot and not first.positive:
        return
    # RFC 2920 3.1: a server may say 354 though it refused everybody; a lone dot is all it gets.
    connection.send(_FINAL_DOT if lone_dot else b"RSET\r\n", 1)
    try:
        (reply,) = await connection.replies(1, min(options.command, _FAREWELL))
    except Lost:
        return  # what was said to the recipients holds all the same
    if reply.code == 421 or not (lone_dot or reply.positive):
        connection.close()


async def _all_but_the_end(connection: Connection, mail: Mail, options: SmarthostOptions) -> bytes:
    """Send all blocks of the message but the last; return the last, which goes out with the final dot."""
    if len(mail.content) <= BLOCK:
        return stuffed(bytes(mail.content))
    blocks = stuffed_blocks(mail.content)
    last = next(blocks)
    for block in blocks:
        connection.send(last, 0)
        await connection.flushed(options.data_block)
        last = block
    return bytes(last)


def _progress(mail: Mail, told: Sequence[Reply], accepted: tuple[str, ...]) -> Progress:
    if accepted is mail.recipients:
        return Progress(accepted=accepted, deferred=(), refused=(), host=mail.host)
    said = tuple(zip(mail.recipients, told, strict=True))
    return Progress(
        accepted=accepted,
        deferred=tuple((recipient, reply) for recipient, reply in said if reply.transient),
        refused=tuple((recipient, reply) for recipient, reply in said if reply.permanent),
        host=mail.host,
    )


def stuffed(content: bytes) -> bytes:
    """Return the content as DATA carries it (RFC 5321 4.5.2), without the final dot; no octet of it is changed."""
    octets = _with_dots_doubled(content)
    if octets.startswith(b"."):
        octets = b"." + octets
    # The end of data is CRLF.CRLF: a message that does not end its last line gets that CRLF.
    return octets if octets.endswith(b"\r\n") or not octets else octets + b"\r\n"


def _with_dots_doubled(octets: bytes) -> bytes:
    # To look for one octet takes a tenth of the time of two, and the expression half of what replacing takes.
    return octets.replace(b"\r\n.", b"\r\n..") if b"." in octets and _DOT.search(octets) else octets


def stuffed_blocks(content: Edited) -> Iterator[bytes | memoryview]:
    """Yield what `stuffed` returns in blocks, so that a large message has no copy that is stuffed.

    A block without any dot, as in all that is encoded, is no copy at all; the last is one, to which something is added.
    """
    if content.start == len(content.source):
        yield from _blocks(content.section, 0, is_new_line=True, is_end=True)
        return
    yield from _blocks(content.section, 0, is_new_line=True, is_end=False)
    is_new_line = not content.section or content.section.endswith(b"\r\n")
    yield from _blocks(content.source, content.start, is_new_line=is_new_line, is_end=True)


def _blocks(octets: bytes, start: int, *, is_new_line: bool, is_end: bool) -> Iterator[bytes | memoryview]:
    """Yield what stands from `start` on, which begins a line or does not; `is_end`: of the message, too."""
    begin, view = start, memoryview(octets)
    while start < len(octets):
        end = start + BLOCK
        if octets[end - 1 : end] == b"\r" and end - 1 > start:  # a line end stays with the dot that may follow it
            end -= 1
        if (end < len(octets) or not is_end) and octets.find(b".", start, end) < 0:
            yield view[start:end]
            start = end
            continue
        block = _with_dots_doubled(octets[start:end])
        if block.startswith(b".") and (is_new_line if start == begin else octets.endswith(b"\r\n", 0, start)):
            block = b"." + block
        start = end
        yield block if start < len(octets) or not is_end or octets.endswith(b"\r\n") else block + b"\r\n"


def _delivery(
    mail: Mail, told: Sequence[Reply], accepted: tuple[str, ...], last: Reply, unknown: frozenset[str] = frozenset()
) -> Delivery:
    """Return the outcome: `last` for whom RCPT accepted, RCPT's own reply for the others."""
    if accepted is mail.recipients:
        replies = tuple([(recipient, last) for recipient in accepted])
    else:
        said = zip(mail.recipients, told, strict=True)
        replies = tuple((recipient, last if reply.positive else reply) for recipient, reply in said)
    return Delivery(replies=replies, unknown=unknown, notifies=mail.notifies, host=mail.host)
