"""One client's session: greeting, transaction, login and TLS (RFC 5321 4.1); its course is told by `dialogue`."""

# ruff: noqa: N802  aiosmtpd finds the method for a command by its name, smtp_MAIL and the like

from ipaddress import IPv4Address, IPv6Address

from dlp_gateway.mail.address import canonical_mailbox
from dlp_gateway.mail.envelope import NO_REQUEST
from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp import commands, replies
from dlp_gateway.smtp.commands import NOTHING_OFFERED, Offer
from dlp_gateway.smtp.door import Door
from dlp_gateway.smtp.intake import Intake, Transaction
from dlp_gateway.smtp.mechanisms import Challenge, Credentials, Exchange, Step
from dlp_gateway.smtp.replies import Refusal
from dlp_gateway.smtp.wire import Goodbye


class Session(Intake):
    """The server's side of one connection."""

    def __init__(self, door: Door, client: IPv4Address | IPv6Address | None = None) -> None:
        super().__init__(door, client)
        self._greeted = False
        self._offer = NOTHING_OFFERED
        self._exchange: Exchange | None = None
        self._parting = False  # QUIT was said while a sign was waited for that the last reply was read

    def _left(self) -> None:
        if self._parting and self._finished:
            self._confirmation.heard()
        super()._left()

    # --- who is there -------------------------------------------------------------------------------------------------

    def smtp_EHLO(self, argument: str) -> None:
        """EHLO: what this session can do (RFC 5321 4.1.1.1)."""
        if not argument:
            self._refuse(replies.NEEDS_ARGUMENT)
            return
        self._forget()
        self._greeted, self._extended, beyond = True, True, self._door.beyond
        offer = self._offer = Offer(
            size=self._door.message_size, eight_bit=beyond.eight_bit, smtputf8=beyond.smtputf8, dsn=True
        )
        offered = [
            self.hostname,
            "PIPELINING",
            "CHUNKING",
            f"SIZE {offer.size}",
            *(["STARTTLS"] if self._options.security.on_demand and not self._tls else []),
            *(["8BITMIME"] if offer.eight_bit else []),
            *(["SMTPUTF8"] if offer.smtputf8 else []),
            *(["DSN"] if beyond.dsn else []),  # who asks all the same gets the DSNs from us (decision 14)
            *self._authentication.offer(tls=self._tls),
            "ENHANCEDSTATUSCODES",
        ]
        self._output += "".join(f"250-{word}\r\n" for word in offered[:-1]).encode("ascii")
        self._idle_command(Reply(code=250, enhanced="", text=offered[-1]))

    def smtp_HELO(self, argument: str) -> None:
        """HELO: a session without extensions."""
        if not argument:
            self._refuse(replies.NEEDS_ARGUMENT)
            return
        self._forget()
        self._greeted, self._extended = True, False
        self._offer = NOTHING_OFFERED
        self._idle_command(Reply(code=250, enhanced="", text=self.hostname))

    # --- the transaction ----------------------------------------------------------------------------------------------

    def smtp_MAIL(self, argument: str) -> None:
        """MAIL FROM: begin a transaction."""
        if not self._greeted:
            self._refuse(replies.HELLO_FIRST)
            return
        if self._transaction is not None:
            self._refuse(replies.NESTED_MAIL)
            return
        if demand := self._authentication.demand(tls=self._tls):
            self._refuse(demand)
            return
        mail = commands.mail(argument, self._offer)
        if isinstance(mail, Refusal):
            self._refuse(mail)
            return
        if unwelcome := self._unwelcome(mail.reverse_path) or self._authentication.objection(mail.reverse_path):
            self._refuse(unwelcome)
            return
        self._transaction, self._wary = Transaction(mail=mail), False
        self._say(replies.SENDER_OK)

    def _unwelcome(self, reverse_path: str) -> Refusal | None:
        """Return why this client may not send at all, or not as this sender."""
        admission = self._options.admission
        if admission.certificate_names:
            certificate = self._connection().get_extra_info("peercert")  # verified in the handshake
            if refusal := admission.refuses_client(certificate):
                return refusal
        return admission.refuses_sender(reverse_path)

    def smtp_RCPT(self, argument: str) -> None:
        """RCPT TO: one more recipient; the same one twice, in other letters too, is one."""
        transaction = self._transaction
        if transaction is None:
            self._refuse(replies.MAIL_FIRST)
            return
        if self._incoming is not None:
            self._refuse(replies.CHUNKS_BEGUN)
            return
        rcpt = commands.rcpt(argument, self._offer, smtputf8=transaction.mail.smtputf8)
        if isinstance(rcpt, Refusal):
            transaction.refused += 1
            self._refuse(rcpt)
            return
        mailbox = canonical_mailbox(rcpt.forward_path)
        path = transaction.written.get(mailbox, rcpt.forward_path)
        known = transaction.recipients.get(path)
        transaction.repeated += known is not None
        if max(transaction.repeated, len(transaction.recipients) + (known is None)) > self._options.recipients:
            # RFC 5321 4.5.3.1.10: not an error, the client sends to the rest later; but it must not try for ever.
            transaction.refused += 1
            self._say(replies.TOO_MANY_RECIPIENTS)
            if transaction.refused > self._options.recipients:
                self._end(replies.TOO_MANY_ERRORS)
            return
        asked = rcpt.dsn if known is None else known.joined(rcpt.dsn)
        transaction.written[mailbox] = path
        transaction.recipients[path] = NO_REQUEST if asked is NO_REQUEST or asked == NO_REQUEST else asked
        self._say(replies.RECIPIENT_OK)

    def smtp_RSET(self, argument: str) -> None:
        """RSET: forget the transaction."""
        if argument:
            self._refuse(replies.SYNTAX)
            return
        self._forget()
        self._idle_command(replies.OK)

    # --- login and TLS ------------------------------------------------------------------------------------------------

    def smtp_AUTH(self, argument: str) -> None:
        """AUTH: who is there (RFC 4954 4)."""
        refusal = self._authentication.refusal(
            tls=self._tls, extended=self._extended, transaction=self._transaction is not None
        )
        if refusal is not None:
            self._refuse(refusal)
            return
        self._exchange = Exchange()
        self._exchanged(self._exchange.begin(argument))

    def _take_response(self) -> bool:
        line = self._line()
        if line is None or self._exchange is None:
            return False
        self._take = self._take_command
        self._reset_timeout()
        self._exchanged(self._exchange.answer(line))
        return True

    def _exchanged(self, step: Step) -> None:
        """Take one step of the exchange."""
        if isinstance(step, Challenge):
            self._say(step.reply)
            self._take = self._take_response
        elif isinstance(step, Credentials) and self._client is not None:
            # What knows the passwords has deadlines of its own.
            self._await(self._authentication.log_in(step, self._client), self._logged_in)
        elif isinstance(step, Reply):
            self._refuse(step)

    def _logged_in(self, answer: Reply | Refusal) -> None:
        if isinstance(answer, Reply) and not answer.permanent:
            self._idle_command(answer)
        else:
            self._refuse(answer)

    def smtp_STARTTLS(self, argument: str) -> None:
        """STARTTLS (RFC 3207): all that was said before it is forgotten, said in plain text or not."""
        if not self._options.security.on_demand:
            self._refuse(replies.TLS_ALREADY if self._tls else replies.NOT_OFFERED)
        elif self._tls:
            self._refuse(replies.TLS_ALREADY)
        elif argument:
            self._refuse(replies.SYNTAX)
        else:
            self._say(replies.READY_FOR_TLS)
            self._connection().pause_reading()  # so that no octet of the handshake is taken for SMTP
            # RFC 3207 4.2: what came before the handshake, in the same segment too, could be anybody's.
            if self._input:
                self._note(replies.INJECTED)
                self._input.clear()
            self._forget()
            self._greeted, self._extended = False, False
            self._offer = NOTHING_OFFERED
            self._authentication.login = None
            self._await(self._shake_hands(), self._under_tls)

    def _under_tls(self, there: bool) -> None:  # noqa: FBT001  the result of the handshake
        if not there:
            self._leave()

    # --- the end ------------------------------------------------------------------------------------------------------

    def smtp_QUIT(self, argument: str) -> None:
        """QUIT."""
        if argument:
            self._refuse(replies.SYNTAX)
            return
        self._say(replies.BYE)
        if not self._confirmation.pending:
            self._leave()
        # Postfix sends QUIT together with the final dot. That it closes in order, behind our last word, tells that it
        # read them: a socket that is closed with unread octets in it sends a reset.
        self._parting = True
        self._linger()
        raise Goodbye
