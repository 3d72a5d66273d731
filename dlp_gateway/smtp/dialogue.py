"""The course of a session: greeting, commands one after the other, refusals, and what brings no mail nearer."""

# ruff: noqa: N802  aiosmtpd finds the method for a command by its name, smtp_NOOP and the like

from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Final, cast

from dlp_gateway.mail.envelope import new_id
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log, metrics
from dlp_gateway.smtp import commands, replies
from dlp_gateway.smtp.door import Door, Security, client_address, stumbled
from dlp_gateway.smtp.replies import Refusal
from dlp_gateway.smtp.wire import Goodbye, Wire

_TURNED_AWAY: Final = 10  # commands, and seconds, for a client that may only QUIT

#: Browsers can be made to speak to mail servers in their own tongue, with SMTP commands in the body.
_OTHER_PROTOCOLS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})


class Dialogue(Wire):
    """One command at a time, until the client has said goodbye or tried our patience."""

    def __init__(self, door: Door) -> None:
        super().__init__(door.options)
        self._door = door
        self._client: IPv4Address | IPv6Address | None = None
        self._busy = False  # between DATA and its final reply
        self._errors = 0
        self._junk = 0

    async def _handle_client(self) -> None:
        """Run the session from greeting to goodbye."""
        transport = self._connection()
        entered = False
        try:
            self._client = client_address(transport.get_extra_info("peername"))
            if self._client is None:
                return
            refusal = self._door.enter(self, self._client)
            entered = True
            if refusal is not None:
                self._note(refusal)
            if self._options.security is Security.IMPLICIT and not self._tls:
                return
            if refusal is None:
                self._say(Reply(code=220, enhanced="", text=f"{self.hostname} ESMTP"))
                await self._converse()
            else:
                self._say(refusal.reply)
                await self._turn_away(refusal)
        except (Goodbye, OSError):  # the network and TLS end sessions by OSError
            pass
        finally:
            if entered:
                self._door.leave(self)
            self._over()
            self._flush()
            (self.transport or transport).close()

    def retire(self) -> None:
        """Say goodbye now, or after the message that is under way."""
        if not self._busy:
            self._part(replies.STOPPING)

    def _forget(self) -> None:
        """Forget what the client said of a message."""

    def _over(self) -> None:
        """The session is over: nothing more will be heard."""

    async def _turn_away(self, refusal: Refusal) -> None:
        """Wait for QUIT, as RFC 5321 3.1 asks after a 554; a 421 needs no waiting."""
        if refusal.reply.code != 554:
            return
        self._reset_timeout(_TURNED_AWAY)
        for _ in range(_TURNED_AWAY):
            line = await self._line()
            if line is None:
                return
            if line.strip().upper() == b"QUIT":
                self._say(replies.BYE)
                return
            self._say(replies.ONLY_QUIT)

    async def _converse(self) -> None:
        while True:
            self._reset_timeout()
            line = await self._line()
            if line is None:
                return
            try:
                await self._obey(line)
            except (Goodbye, OSError):
                raise
            except Exception as error:  # noqa: BLE001  the listener's: the client gets an answer, never the text
                reference = new_id()
                stumbled(reference, error)
                self._forget()
                self._say(replies.failed(reference))
            if self._door.closing:
                await self._end(replies.STOPPING)

    async def _obey(self, line: bytes) -> None:
        command = commands.split(line)
        if isinstance(command, Refusal):
            await self._refuse(command)
            return
        verb, argument = command
        method = cast("Callable[[str], Awaitable[None]] | None", self._smtp_methods.get(verb))
        if not self._tls and self._options.demands_tls(verb):
            await self._refuse(replies.MUST_STARTTLS)
        elif method is not None:
            await method(argument)
        elif verb in _OTHER_PROTOCOLS:
            await self._end(replies.OTHER_PROTOCOL)
        else:
            await self._refuse(replies.UNKNOWN)

    async def _refuse(self, what: Reply | Refusal) -> None:
        """Say no; too many of these end the session."""
        refusal = what if isinstance(what, Refusal) else Refusal(reply=what)
        if refusal.closing:
            await self._end(refusal)
        self._note(refusal)
        self._say(refusal.reply)
        self._errors += 1
        if self._errors >= self._options.errors:
            await self._end(replies.TOO_MANY_ERRORS)

    async def _idle_command(self, reply: Reply) -> None:
        """Answer a command that brings no mail nearer."""
        self._junk += 1
        self._say(reply)
        if self._junk > self._options.junk_commands:
            await self._end(replies.TOO_MUCH_JUNK)

    def _note(self, refusal: Refusal) -> None:
        if refusal.why:
            log.session_refused(str(self._client), refusal.why)
            metrics.session_refused(refusal.why)

    async def smtp_NOOP(self, argument: str) -> None:  # noqa: ARG002
        """NOOP, with or without a string (RFC 5321 4.1.1.9)."""
        await self._idle_command(replies.OK)

    async def smtp_HELP(self, argument: str) -> None:  # noqa: ARG002
        """HELP."""
        await self._idle_command(replies.HELP)

    async def smtp_VRFY(self, argument: str) -> None:
        """VRFY: who exists is the smarthost's secret (RFC 5321 7.3)."""
        await (self._idle_command(replies.CANNOT_VERIFY) if argument else self._refuse(replies.NEEDS_ARGUMENT))

    async def smtp_EXPN(self, argument: str) -> None:  # noqa: ARG002
        """EXPN is not offered."""
        await self._refuse(replies.NOT_OFFERED)

    async def smtp_BDAT(self, argument: str) -> None:  # noqa: ARG002
        """BDAT is not offered; what follows it would be content, never commands (RFC 3030 2)."""
        await self._end(replies.NO_BINARY)
