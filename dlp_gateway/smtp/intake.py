"""A message comes in: its transaction, the content behind DATA, and the hand-over (RFC 5321 3.3)."""

# ruff: noqa: N802  aiosmtpd finds the method for a command by its name, smtp_DATA and the like

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from dlp_gateway.mail.envelope import NO_REQUEST, NOTHING_ASKED, DsnRequest, Envelope, RecipientRequest, new_id
from dlp_gateway.mail.header import body_start
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import metrics
from dlp_gateway.smtp import commands, replies
from dlp_gateway.smtp.authentication import Authentication
from dlp_gateway.smtp.confirmation import Confirmation
from dlp_gateway.smtp.data import FAR, PATIENCE, ChunkReader, DataReader
from dlp_gateway.smtp.dialogue import Dialogue
from dlp_gateway.smtp.door import Door
from dlp_gateway.smtp.replies import Refusal
from dlp_gateway.smtp.spool import Spool

_SMALL: Final = 512  # octets; nobody sends a message in very many chunks of fewer, but to keep us busy
_MANY_SMALL: Final = 100  # such chunks, which together count as one command that brings no mail nearer
#: Octets of a header: a hundred thousand visible recipients, and fifty times what mail servers take. Every edit must
#: reach all of it, in several copies.
_LONGEST_HEADER: Final = 5_000_000
_LARGE: Final = 500_000  # octets; the header of a smaller message is read in the loop, in milliseconds


@dataclass(slots=True, kw_only=True)
class Transaction:
    """What MAIL and RCPT said so far; the recipients, in order, with what was asked about DSNs for each.

    `written`: how a mailbox was written first (see `mail.address.canonical_mailbox`), which is how it is passed on.
    """

    mail: commands.Mail
    recipients: dict[str, RecipientRequest] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    repeated: int = 0  # RCPTs that named somebody again

    @property
    def dsn(self) -> DsnRequest:
        """What was asked about DSNs."""
        asked = {path: request for path, request in self.recipients.items() if request is not NO_REQUEST}
        if not asked and self.mail.ret is None and not self.mail.envelope_id:
            return NOTHING_ASKED
        return DsnRequest(ret=self.mail.ret, envelope_id=self.mail.envelope_id, recipients=asked)


class Intake(Dialogue):
    """The part of a session that takes messages."""

    def __init__(self, door: Door, client: IPv4Address | IPv6Address | None = None) -> None:
        super().__init__(door, client)
        self._confirmation = Confirmation(door)
        self._authentication = Authentication(door)
        self._extended = False
        self._transaction: Transaction | None = None
        self._incoming: DataReader | ChunkReader | None = None
        self._spool: Spool | None = None  # of a message that was read to its end
        self._begun = 0.0  # when the content was asked for
        self._small_chunks = 0  # since the last message
        self._skipped = 0  # octets of a refused chunk that are still to come

    # --- signs of life ------------------------------------------------------------------------------------------------

    def _heard(self) -> None:
        self._attentive = False
        self._confirmation.heard()

    def _left(self) -> None:
        self._confirmation.left()

    def _over(self) -> None:
        super()._over()
        self._forget()
        self._confirmation.give_up()

    def _forget(self) -> None:
        if self._incoming is not None:
            self._incoming.close()
        if self._spool is not None:
            self._spool.close()
        self._transaction, self._incoming, self._spool, self._busy, self._wary = None, None, None, False, False

    def _next_moment(self) -> float:
        return min(super()._next_moment(), self._confirmation.due)

    def _timeout_cb(self) -> None:
        if self.loop.time() >= self._confirmation.due:
            self._confirmation.give_up()
        super()._timeout_cb()

    # --- the content --------------------------------------------------------------------------------------------------

    def smtp_DATA(self, argument: str) -> None:
        """DATA: the message, handed over before it is answered."""
        refusal = self._no_content() if not argument else replies.SYNTAX
        if refusal is None and self._incoming is not None:
            refusal = replies.CHUNKS_BEGUN
        if refusal is not None:
            if self._input:
                # The content came without a 354; what is in it must not be read as commands.
                self._end(replies.EARLY_CONTENT)
            self._refuse(refusal)
            self._wary = True  # it may come in the next segment
            return
        self._say(replies.GO_AHEAD)
        self._begin(DataReader(self._input, self._door.message_size, self._door.room))
        self._take = self._take_content  # the reader has put a CRLF into the input, so it is called at once

    def smtp_BDAT(self, argument: str) -> None:
        """BDAT: a chunk of the message; its octets follow, whatever we think of them (RFC 3030 2)."""
        chunk = commands.chunk(argument)
        if chunk is None or chunk.size > FAR * self._door.message_size + PATIENCE:
            self._end(replies.BAD_CHUNK if chunk is None else replies.FAR_TOO_BIG)
        refusal = self._no_content() if self._extended else replies.NOT_OFFERED
        if refusal is not None:
            self._skip(chunk.size, refusal)
            return
        reader = self._incoming
        if not isinstance(reader, ChunkReader):
            reader = ChunkReader(self._input, self._door.message_size, self._door.room)
            self._begin(reader)
        if chunk.size < _SMALL and not chunk.last:
            self._small_chunks += 1
            if not chunk.size or self._small_chunks % _MANY_SMALL == 0:
                self._count_junk()
        reader.expect(chunk.size, last=chunk.last)
        self._take = self._take_content
        self._take_content()

    def _no_content(self) -> Reply | None:
        """Return why there can be no content now."""
        if self._transaction is None:
            plain = self._options.demands_tls and not self._tls
            return replies.MUST_STARTTLS.reply if plain else replies.MAIL_FIRST
        if not self._transaction.recipients:
            return replies.NO_RECIPIENT if self._transaction.refused else replies.RCPT_FIRST
        return None

    def _begin(self, reader: DataReader | ChunkReader) -> None:
        self._incoming, self._busy, self._begun, self._wary = reader, True, self.loop.time(), False

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Set the deadline; of a message that comes, between its chunks too, also that of one as slow as it may be."""
        if self._incoming is not None and not self._finished:
            options = self._options
            latest = min(options.data_total, options.data_grace + self._incoming.arrived / options.data_rate)
            left = max(0.0, self._begun + latest - self.loop.time())
            duration = min(options.idle if duration is None else duration, left)
        super()._reset_timeout(duration)

    def _await_content(self) -> None:
        self._reset_timeout(self._options.data_block)

    def _take_content(self) -> bool:
        reader = self._incoming
        if reader is None:
            raise RuntimeError("content without a transaction")
        found = reader.read()
        if isinstance(found, Refusal):
            self._take = self._take_command
            self._refuse_content(found)
            return True
        if found is None or not reader.complete:
            if found is None:
                self._await_content()
            else:
                self._take = self._take_command
                self._say(replies.CHUNK_OK)
                self._reset_timeout()
            if reader.crowded:
                self._await(reader.settle(), self._settled)
            return found is not None
        self._incoming, self._take = None, self._take_command
        metrics.staged("receive", self.loop.time() - self._begun)
        self._received(found)
        return True

    def _settled(self, _nothing: None) -> None:
        if self._take == self._take_content:
            self._await_content()

    def _skip(self, size: int, refusal: Reply) -> None:
        """Let the octets of a chunk pass that is refused already; they are no commands."""
        self._skipped, self._begun = size, self.loop.time()
        self._take = partial(self._take_skipped, refusal)
        self._take()

    def _take_skipped(self, refusal: Reply) -> bool:
        passing = min(self._skipped, len(self._input))
        del self._input[:passing]
        self._skipped -= passing
        if self._skipped:
            self._reset_timeout(
                min(self._options.data_block, self._begun + self._options.data_total - self.loop.time())
            )
            return False
        self._take = self._take_command
        self._refuse(refusal)
        self._wary = True
        return True

    def _received(self, content: bytes | Spool) -> None:
        """Go on with the whole message, wherever it lies."""
        if isinstance(content, bytes):
            self._judge(content)
            return
        self._spool = content
        in_memory = content.in_memory
        if in_memory is None:
            self._await(content.content(), self._judge)
        else:
            self._judge(in_memory)

    def _judge(self, content: bytes | None) -> None:
        """Hand the message over, unless the listener's conditions on messages say no."""
        admission, transaction = self._options.admission, self._transaction
        if transaction is None or content is None:
            self._refuse_content(replies.NO_ROOM)
            return
        if len(content) > _LONGEST_HEADER and body_start(content[:_LONGEST_HEADER]) == _LONGEST_HEADER:
            self._refuse_content(replies.LONG_HEADER)
            return
        if not admission.reads_content:
            self._admitted(content)
            return
        judge = partial(admission.admitted, transaction.mail.reverse_path, content)
        if len(content) < _LARGE:
            self._admitted(judge())
        else:
            self._await(asyncio.to_thread(judge), self._admitted)

    def _admitted(self, content: bytes | Refusal) -> None:
        if isinstance(content, Refusal):
            self._refuse_content(content)
        else:
            self._hand_over(content)

    def _refuse_content(self, refusal: Refusal) -> None:
        self._forget()
        self._refuse(refusal)
        self._end_if_closing()

    # --- the hand-over ------------------------------------------------------------------------------------------------

    def _hand_over(self, content: bytes) -> None:
        """Give the message to the handler and its reply to the client; from here on the client may vanish."""
        transaction, self._transaction = self._transaction, None
        spool, self._spool = self._spool, None
        if transaction is None:
            raise RuntimeError("content without a transaction")
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
        self._confirmation.begin(envelope, content, outcome, spool.close if spool else _nothing)
        if self._ended:  # while there was no room for the message
            self._confirmation.left()
        self._engage()  # the pipeline has deadlines of its own
        outcome.add_done_callback(partial(self._handed_over, smtputf8=envelope.smtputf8))

    def _handed_over(self, outcome: asyncio.Task[Reply], *, smtputf8: bool) -> None:
        self._resumed(partial(self._answer, smtputf8=smtputf8), outcome)

    def _answer(self, reply: Reply, *, smtputf8: bool) -> None:
        self._junk, self._small_chunks, self._busy = 0, 0, False
        self._say(reply, smtputf8=smtputf8)
        self._flush()
        self._confirmation.replied(self.loop.time(), self.transport)
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


def _nothing() -> None:
    """A message that was never set aside takes no room."""
