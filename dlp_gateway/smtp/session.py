"""One client's session: login, transaction and hand-over (RFC 5321 4.1); its course is told by `dialogue`."""

# ruff: noqa: N802  aiosmtpd finds the method for a command by its name, smtp_MAIL and the like

import asyncio
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from dlp_gateway.mail.envelope import NO_REQUEST, DsnRequest, Envelope, RecipientRequest, new_id
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import metrics
from dlp_gateway.smtp import commands, replies
from dlp_gateway.smtp.authentication import Authentication
from dlp_gateway.smtp.confirmation import Confirmation
from dlp_gateway.smtp.data import DataReader
from dlp_gateway.smtp.dialogue import Dialogue
from dlp_gateway.smtp.door import Door
from dlp_gateway.smtp.replies import Refusal
from dlp_gateway.smtp.wire import Goodbye

_LARGE: Final = 500_000  # octets; the header of a smaller message is read in the loop, in milliseconds


@dataclass(slots=True, kw_only=True)
class _Transaction:
    """What MAIL and RCPT said so far; the recipients, in order, with what was asked about DSNs for each."""

    mail: commands.Mail
    recipients: dict[str, RecipientRequest]
    refused: int = 0

    @property
    def dsn(self) -> DsnRequest:
        """What was asked about DSNs."""
        asked = {path: request for path, request in self.recipients.items() if request != NO_REQUEST}
        return DsnRequest(ret=self.mail.ret, envelope_id=self.mail.envelope_id, recipients=asked)


class Session(Dialogue):
    """The server's side of one connection."""

    def __init__(self, door: Door) -> None:
        super().__init__(door)
        self._confirmation = Confirmation(door)
        self._greeted = False
        self._extended = False
        self._transaction: _Transaction | None = None
        self._authentication = Authentication(door)

    def eof_received(self) -> bool:
        """The client sends no more; most clients are gone then (see `Confirmation.left`)."""
        self._confirmation.left()
        return super().eof_received()

    def _heard(self) -> None:
        self._confirmation.heard()

    def _forget(self) -> None:
        self._transaction = None

    def _over(self) -> None:
        self._confirmation.give_up()

    async def smtp_EHLO(self, argument: str) -> None:
        """EHLO: what this session can do (RFC 5321 4.1.1.1)."""
        if not argument:
            await self._refuse(replies.NEEDS_ARGUMENT)
            return
        self._greeted, self._extended, self._transaction = True, True, None
        options = self._options
        offered = [
            self.hostname,
            "PIPELINING",
            f"SIZE {options.message_size}",
            *(["STARTTLS"] if options.security.on_demand and not self._tls else []),
            *(["8BITMIME"] if options.eight_bit else []),
            *(["SMTPUTF8"] if options.smtputf8 else []),
            "DSN",
            *self._authentication.offer(tls=self._tls),
            "ENHANCEDSTATUSCODES",
        ]
        self._output += "".join(f"250-{word}\r\n" for word in offered[:-1]).encode("ascii")
        await self._idle_command(Reply(code=250, enhanced="", text=offered[-1]))

    async def smtp_HELO(self, argument: str) -> None:
        """HELO: a session without extensions."""
        if not argument:
            await self._refuse(replies.NEEDS_ARGUMENT)
            return
        self._greeted, self._extended, self._transaction = True, False, None
        await self._idle_command(Reply(code=250, enhanced="", text=self.hostname))

    async def smtp_MAIL(self, argument: str) -> None:
        """MAIL FROM: begin a transaction."""
        if not self._greeted:
            await self._refuse(replies.HELLO_FIRST)
            return
        if self._transaction is not None:
            await self._refuse(replies.NESTED_MAIL)
            return
        if demand := self._authentication.demand(tls=self._tls):
            await self._refuse(demand)
            return
        mail = commands.mail(argument, self._offer())
        if isinstance(mail, Refusal):
            await self._refuse(mail)
            return
        if unwelcome := self._unwelcome(mail.reverse_path) or self._authentication.objection(mail.reverse_path):
            await self._refuse(unwelcome)
            return
        self._transaction = _Transaction(mail=mail, recipients={})
        self._say(replies.SENDER_OK)

    def _offer(self) -> commands.Offer:
        options = self._options
        return commands.Offer(
            size=options.message_size if self._extended else 0,
            eight_bit=options.eight_bit and self._extended,
            smtputf8=options.smtputf8 and self._extended,
            dsn=self._extended,
        )

    def _unwelcome(self, reverse_path: str) -> Refusal | None:
        """Return why this client may not send at all, or not as this sender."""
        admission = self._options.admission
        certificate = self._connection().get_extra_info("peercert")  # verified in the handshake
        return admission.refuses_client(certificate) or admission.refuses_sender(reverse_path)

    async def smtp_RCPT(self, argument: str) -> None:
        """RCPT TO: one more recipient; the same one twice is one."""
        transaction = self._transaction
        if transaction is None:
            await self._refuse(replies.MAIL_FIRST)
            return
        rcpt = commands.rcpt(argument, self._offer(), smtputf8=transaction.mail.smtputf8)
        if isinstance(rcpt, Refusal):
            transaction.refused += 1
            await self._refuse(rcpt)
            return
        path, known = rcpt.forward_path, transaction.recipients.get(rcpt.forward_path)
        if known is None and len(transaction.recipients) >= self._options.recipients:
            # RFC 5321 4.5.3.1.10: not an error, the client sends to the rest later; but it must not try for ever.
            transaction.refused += 1
            self._say(replies.TOO_MANY_RECIPIENTS)
            if transaction.refused > self._options.recipients:
                await self._end(replies.TOO_MANY_ERRORS)
        else:
            transaction.recipients[path] = known.joined(rcpt.dsn) if known else rcpt.dsn
            self._say(replies.RECIPIENT_OK)

    async def smtp_DATA(self, argument: str) -> None:
        """DATA: the message, handed over before it is answered."""
        transaction = self._transaction
        if argument or transaction is None or not transaction.recipients:
            if self._input:
                # The content came without a 354; what is in it must not be read as commands.
                await self._end(replies.EARLY_CONTENT)
            await self._refuse(_why_no_data(argument, transaction))
            return
        self._transaction = None
        self._busy = True
        try:
            self._say(replies.GO_AHEAD)
            with metrics.stage("receive"):
                content = await self._admitted(transaction, await self._content())
            if isinstance(content, Refusal):
                await self._refuse(content)
            else:
                await self._hand_over(transaction, content)
        finally:
            self._busy = False

    async def _content(self) -> bytes | Refusal:
        reader = DataReader(self._input, self._options.message_size)
        until = self.loop.time() + self._options.data_total
        while True:
            found = reader.read()
            if found is not None:
                return found
            self._reset_timeout(min(self._options.data_block, max(0.0, until - self.loop.time())))
            if not await self._more():
                raise Goodbye

    async def _admitted(self, transaction: _Transaction, content: bytes | Refusal) -> bytes | Refusal:
        """Return the message as it may go on, or why it may not."""
        admission = self._options.admission
        if isinstance(content, Refusal) or not admission.reads_content:
            return content
        self._deadline = math.inf  # it is our own work that the client waits for
        judge = partial(admission.admitted, transaction.mail.reverse_path, content)
        return judge() if len(content) < _LARGE else await asyncio.to_thread(judge)

    async def _hand_over(self, transaction: _Transaction, content: bytes) -> None:
        """Give the message to the handler and its reply to the client; from here on the client may vanish."""
        self._deadline = math.inf  # the pipeline has deadlines of its own
        envelope = Envelope(
            id=new_id(),
            reverse_path=transaction.mail.reverse_path,
            recipients=tuple(transaction.recipients),
            client=str(self._client),
            login=self._authentication.name,
            body_8bit=transaction.mail.body_8bit,
            smtputf8=transaction.mail.smtputf8,
            received_at=datetime.now(UTC),
            dsn=transaction.dsn,
            protocol=self._protocol(),
            bound_to=self._authentication.bound_to,
        )
        outcome = self._door.hand_over(envelope, content)
        self._confirmation.begin(envelope, content, outcome)
        reply = await asyncio.shield(outcome)
        self._junk = 0
        self._say(reply, smtputf8=envelope.smtputf8)
        self._flush()
        self._confirmation.replied()

    def _protocol(self) -> str:
        """Return how mail comes, as RFC 3848 names it; after HELO there are no extensions, and no login."""
        under_tls, login = "S" if self._tls else "", "A" if self._authentication.login else ""
        return f"ESMTP{under_tls}{login}" if self._extended else "SMTP"

    async def smtp_RSET(self, argument: str) -> None:
        """RSET: forget the transaction."""
        if argument:
            await self._refuse(replies.SYNTAX)
            return
        self._transaction = None
        await self._idle_command(replies.OK)

    async def smtp_AUTH(self, argument: str) -> None:
        """AUTH: who is there (RFC 4954 4)."""
        answer: Reply | Refusal | None = self._authentication.refusal(
            tls=self._tls, extended=self._extended, transaction=self._transaction is not None
        )
        if answer is None and self._client is not None:
            self._deadline = math.inf  # what knows the passwords has deadlines of its own
            answer = await self._authentication.authenticate(argument, self._client, self._ask)
        if isinstance(answer, Reply) and not answer.permanent:
            await self._idle_command(answer)
        elif answer is not None:
            await self._refuse(answer)

    async def _ask(self, challenge: Reply) -> bytes:
        self._say(challenge)
        self._reset_timeout()
        line = await self._line()
        if line is None:
            raise Goodbye
        self._deadline = math.inf
        return line

    async def smtp_QUIT(self, argument: str) -> None:
        """QUIT."""
        if argument:
            await self._refuse(replies.SYNTAX)
            return
        self._say(replies.BYE)
        # Postfix sends QUIT together with the final dot. That it closes in order, behind our last word, tells that it
        # read them: a socket that is closed with unread octets in it sends a reset.
        if self._confirmation.pending and await self._linger():
            self._confirmation.heard()
        raise Goodbye

    async def smtp_STARTTLS(self, argument: str) -> None:
        """STARTTLS (RFC 3207): all that was said before it is forgotten, said in plain text or not."""
        if not self._options.security.on_demand:
            await self._refuse(replies.TLS_ALREADY if self._tls else replies.NOT_OFFERED)
        elif self._tls:
            await self._refuse(replies.TLS_ALREADY)
        elif argument:
            await self._refuse(replies.SYNTAX)
        else:
            self._say(replies.READY_FOR_TLS)
            self._flush()
            self._greeted, self._extended, self._transaction = False, False, None
            self._authentication.login = None
            await self._start_tls()


def _why_no_data(argument: str, transaction: _Transaction | None) -> Reply:
    if argument:
        return replies.SYNTAX
    if transaction is None:
        return replies.MAIL_FIRST
    return replies.NO_RECIPIENT if transaction.refused else replies.RCPT_FIRST
