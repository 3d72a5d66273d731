"""The course of a session: greeting, commands one after the other, refusals, and what brings no mail nearer."""

# ruff: noqa: N802  aiosmtpd finds the method for a command by its name, smtp_NOOP and the like

import math
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Final, cast

from dlp_gateway.mail.envelope import new_id
from dlp_gateway.mail.reply import Reply
from dlp_gateway.networks import client_address
from dlp_gateway.smtp import commands, replies
from dlp_gateway.smtp.door import UNDER_TLS, Door, Security, stumbled
from dlp_gateway.smtp.replies import Refusal
from dlp_gateway.smtp.wire import Wire

_TURNED_AWAY: Final = 10  # commands, and seconds, for a client that may only QUIT

#: Browsers can be made to speak to mail servers in their own tongue, with SMTP commands in the body.
_OTHER_PROTOCOLS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})


class Dialogue(Wire):
    """One command at a time, until the client has said goodbye or tried our patience."""

    def __init__(self, door: Door, client: IPv4Address | IPv6Address | None = None) -> None:
        super().__init__(door.options)
        self._door = door
        self._client = client  # as a proxy told it; else it is the peer
        self._address = ""  # the same, as text
        self._commands = cast("dict[str, Callable[[str], None]]", self._smtp_methods)
        self._entered = False
        self._busy = False  # between DATA and its final reply
        self._errors = 0
        self._wary = False  # content was refused, and a client that does not heed replies may send it all the same
        self._latest = math.inf  # when no more commands are taken
        self._junk = 0
        self._take = self._take_command  # what the next piece of the input is

    async def _handle_client(self) -> None:
        """Greet the client, or turn it away."""
        self._engaged = False
        self._proceed(self._open)

    def _open(self) -> bool:
        self._client = self._client or client_address(self._connection().get_extra_info("peername"))
        if self._client is None:
            self._leave()
        self._address = str(self._client)
        refusal = self._door.enter(self, self._client)
        self._entered = True
        if refusal is not None:
            self._note(refusal)
        if self._options.security is Security.IMPLICIT and not self._tls:
            self._leave()
        if refusal is None:
            self._say(Reply(code=220, enhanced="", text=f"{self.hostname} ESMTP"))
            self._reset_timeout()
            self._latest = self._deadline + self._options.session
            return True
        self._say(refusal.reply)
        if refusal.reply.code != 554:
            self._leave()  # a 421 needs no waiting
        # RFC 5321 3.1: after a 554 the server waits for QUIT.
        self._take, self._junk = self._take_farewell, 0
        self._reset_timeout(_TURNED_AWAY)
        return True

    def _over(self) -> None:
        if self._entered:
            self._entered = False
            self._door.leave(self)

    def retire(self) -> None:
        """Say goodbye now, or after the message that is under way."""
        if not self._busy:
            self._part(replies.STOPPING)

    def _forget(self) -> None:
        """Forget what the client said of a message."""

    def _stumbled(self, error: Exception) -> None:
        reference = new_id()
        stumbled(reference, error)
        self._forget()
        self._say(replies.failed(reference))
        if self._take != self._take_command:
            self._linger()  # what comes next is something else, and must not be read as a command

    # --- one piece of the input after the other -----------------------------------------------------------------------

    def _take_farewell(self) -> bool:
        line = self._line()
        if line is None:
            return False
        self._junk += 1
        leaves = line.strip().upper() == b"QUIT"
        self._say(replies.BYE if leaves else replies.ONLY_QUIT)
        if leaves or self._junk >= _TURNED_AWAY:
            self._leave()
        return True

    def _take_command(self) -> bool:
        line = self._line()
        if line is None:
            return False
        self._reset_timeout()
        if self._deadline > self._latest:
            self._end(replies.LONG_SESSION)
        self._obey(line)
        return True

    def _obey(self, line: bytes) -> None:
        command = commands.split(line)
        if isinstance(command, Refusal):
            self._refuse(command if command.closing or not self._wary else replies.EARLY_CONTENT)
            return
        verb, argument = command
        method = self._commands.get(verb)
        if verb in UNDER_TLS and not self._tls and self._options.demands_tls:
            self._refuse(replies.MUST_STARTTLS)
        elif method is not None:
            method(argument)
        elif verb in _OTHER_PROTOCOLS:
            self._end(replies.OTHER_PROTOCOL)
        else:
            self._refuse(replies.EARLY_CONTENT if self._wary else replies.UNKNOWN)

    def _refuse(self, what: Reply | Refusal) -> None:
        """Say no; too many of these end the session."""
        refusal = what if isinstance(what, Refusal) else Refusal(reply=what)
        if refusal.closing:
            self._end(refusal)
        self._note(refusal)
        self._say(refusal.reply)
        self._errors += 1
        if self._errors >= self._options.errors:
            self._end(replies.TOO_MANY_ERRORS)

    def _idle_command(self, reply: Reply) -> None:
        """Answer a command that brings no mail nearer."""
        self._say(reply)
        self._count_junk()

    def _count_junk(self) -> None:
        self._junk += 1
        if self._junk > self._options.junk_commands:
            self._end(replies.TOO_MUCH_JUNK)

    def _note(self, refusal: Refusal) -> None:
        self._door.complaints.note(self._address, refusal)

    # --- what brings no mail nearer -----------------------------------------------------------------------------------

    def smtp_NOOP(self, argument: str) -> None:  # noqa: ARG002
        """NOOP, with or without a string (RFC 5321 4.1.1.9)."""
        self._idle_command(replies.OK)

    def smtp_HELP(self, argument: str) -> None:  # noqa: ARG002
        """HELP."""
        self._idle_command(replies.HELP)

    def smtp_VRFY(self, argument: str) -> None:
        """VRFY: who exists is the smarthost's secret (RFC 5321 7.3)."""
        self._idle_command(replies.CANNOT_VERIFY) if argument else self._refuse(replies.NEEDS_ARGUMENT)

    def smtp_EXPN(self, argument: str) -> None:  # type: ignore[override]  # noqa: ARG002  nothing waits here
        """EXPN is not offered."""
        self._refuse(replies.NOT_OFFERED)
