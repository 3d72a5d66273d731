"""A message comes in: its transaction, the content behind DATA, and the hand-over (RFC 5321 3.3)."""

# ruff: noqa: N802  aiosmtpd finds the method for a command by its name, smtp_DATA and the like

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from dlp_gateway.mail.envelope import NO_REQUEST, NOTHING_ASKED, DsnRequest, Envelope, RecipientRequest, new_id
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import metrics
from dlp_gateway.smtp import commands, replies
from dlp_gateway.smtp.authentication import Authentication
from dlp_gateway.smtp.confirmation import Confirmation
from dlp_gateway.smtp.data import DataReader
from dlp_gateway.smtp.dialogue import Dialogue
from dlp_gateway.smtp.door import Door
from dlp_gateway.smtp.replies import Refusal

_LARGE: Final = 500_000  # octets; the header of a smaller message is read in the loop, in milliseconds


@dataclass(slots=True, kw_only=True)
class Transaction:
    """What MAIL and RCPT said so far; the recipients, in order, with what was asked about DSNs for each."""

    mail: commands.Mail
    recipients: dict[str, RecipientRequest]
    refused: int = 0

    @property
    def dsn(self) -> DsnRequest:
        """What was asked about DSNs."""
        asked = {path: request for path, request in self.recipients.items() if request is not NO_REQUEST}
        if not asked and self.mail.ret is None and not self.mail.envelope_id:
            return NOTHING_ASKED
        return DsnRequest(ret=self.mail.ret, envelope_id=self.mail.envelope_id, recipients=asked)


class Intake(Dialogue):
    """The part of a session that takes messages."""

    def __init__(self, door: Door) -> None:
        super().__init__(door)
        self._confirmation = Confirmation(door)
        self._authentication = Authentication(door)
        self._extended = False
        self._transaction: Transaction | None = None
        self._incoming: DataReader | None = None
        self._begun = 0.0  # when the content was asked for

    # --- signs of life ------------------------------------------------------------------------------------------------

    def _heard(self) -> None:
        self._attentive = False
        self._confirmation.heard()

    def _left(self) -> None:
        self._confirmation.left()

    def _over(self) -> None:
        super()._over()
        self._confirmation.give_up()

    def _forget(self) -> None:
        self._transaction, self._incoming, self._busy = None, None, False

    def _next_moment(self) -> float:
        return min(super()._next_moment(), self._confirmation.due)

    def _timeout_cb(self) -> None:
        if self.loop.time() >= self._confirmation.due:
            self._confirmation.give_up()
        super()._timeout_cb()

    # --- the content --------------------------------------------------------------------------------------------------

    def smtp_DATA(self, argument: str) -> None:
        """DATA: the message, handed over before it is answered."""
        transaction = self._transaction
        if argument or transaction is None or not transaction.recipients:
            if self._input:
                # The content came without a 354; what is in it must not be read as commands.
                self._end(replies.EARLY_CONTENT)
            self._refuse(_why_no_data(argument, transaction))
            return
        self._busy = True
        self._say(replies.GO_AHEAD)
        self._begun = self.loop.time()
        self._incoming = DataReader(self._input, self._options.message_size)
        self._take = self._take_content
        self._await_content()

    def _await_content(self) -> None:
        left = self._begun + self._options.data_total - self.loop.time()
        self._reset_timeout(min(self._options.data_block, max(0.0, left)))

    def _take_content(self) -> bool:
        found = None if self._incoming is None else self._incoming.read()
        if found is None:
            self._await_content()
            return False
        self._incoming, self._take = None, self._take_command
        metrics.staged("receive", self.loop.time() - self._begun)
        self._received(found)
        return True

    def _received(self, content: bytes | Refusal) -> None:
        """Hand the message over, unless the listener's conditions on messages say no."""
        transaction, self._transaction = self._transaction, None
        if transaction is None:
            raise RuntimeError("content without a transaction")
        admission = self._options.admission
        if isinstance(content, Refusal) or not admission.reads_content:
            self._admitted(transaction, content)
            return
        judge = partial(admission.admitted, transaction.mail.reverse_path, content)
        if len(content) < _LARGE:
            self._admitted(transaction, judge())
        else:
            self._await(asyncio.to_thread(judge), partial(self._admitted, transaction))

    def _admitted(self, transaction: Transaction, content: bytes | Refusal) -> None:
        if isinstance(content, Refusal):
            self._busy = False
            self._refuse(content)
            self._end_if_closing()
        else:
            self._hand_over(transaction, content)

    # --- the hand-over ------------------------------------------------------------------------------------------------

    def _hand_over(self, transaction: Transaction, content: bytes) -> None:
        """Give the message to the handler and its reply to the client; from here on the client may vanish."""
        envelope = Envelope(
            id=new_id(),
            reverse_path=transaction.mail.reverse_path,
            recipients=tuple(transaction.recipients),
            client=self._address,
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
        self._engage()  # the pipeline has deadlines of its own
        outcome.add_done_callback(partial(self._handed_over, smtputf8=envelope.smtputf8))

    def _handed_over(self, outcome: asyncio.Task[Reply], *, smtputf8: bool) -> None:
        self._resumed(partial(self._answer, smtputf8=smtputf8), outcome)

    def _answer(self, reply: Reply, *, smtputf8: bool) -> None:
        self._junk, self._busy = 0, False
        self._say(reply, smtputf8=smtputf8)
        self._flush()
        self._confirmation.replied(self.loop.time())
        self._attentive = True
        if self._confirmation.due < self._fires:
            self._tick()
        self._end_if_closing()

    def _end_if_closing(self) -> None:
        if self._door.closing:
            self._end(replies.STOPPING)

    def _protocol(self) -> str:
        """Return how mail comes, as RFC 3848 names it; after HELO there are no extensions, and no login."""
        if not self._extended:
            return "SMTP"
        return f"ESMTP{'S' if self._tls else ''}{'A' if self._authentication.login else ''}"


def _why_no_data(argument: str, transaction: Transaction | None) -> Reply:
    if argument:
        return replies.SYNTAX
    if transaction is None:
        return replies.MAIL_FIRST
    return replies.NO_RECIPIENT if transaction.refused else replies.RCPT_FIRST
