"""A next MTA that does as it is told: records each transaction byte for byte, refuses, waits, and dies at any stage.

Written on bare asyncio streams, so that no SMTP library's habits stand between a test and the bytes on the wire.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final, Literal

from tests.e2e.postfix import free_port

Stage = Literal["greeting", "EHLO", "MAIL", "RCPT", "DATA", "content", "dot", "RSET", "QUIT"]

_LONGEST: Final = 64 << 20
_EXTENSIONS: Final = ("PIPELINING", "SIZE 60000000", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One mail transaction up to the final dot; `answered` tells whether a 250 was sent for it.

    `mail` is the argument of MAIL as it came (`FROM:<a@b> BODY=8BITMIME`), `recipients` those that were accepted and
    `parameters` what stood behind each, `content` is dot-unstuffed with its line ends as they came.
    """

    mail: str
    recipients: tuple[str, ...]
    content: bytes
    answered: bool
    parameters: tuple[str, ...] = field(default=(), compare=False)

    @property
    def reverse_path(self) -> str:
        """The address in MAIL, "" for the null reverse-path."""
        return self.mail.partition("<")[2].partition(">")[0]


@dataclass(slots=True, kw_only=True)
class Script:
    """What to do out of the ordinary; a test may change it between two mails.

    `replies` gives another reply for a stage or for a recipient's address ("451 4.2.0 Later"); `pauses` are seconds
    before the reply; at a stage of `deaths` the connection is closed instead ("content": after the first line of it;
    "dot": after the final dot, with the mail recorded).
    """

    replies: dict[str, str] = field(default_factory=dict)
    pauses: dict[Stage, float] = field(default_factory=dict)
    deaths: set[Stage] = field(default_factory=set)
    extensions: tuple[str, ...] = _EXTENSIONS


class NextMta:
    """Listens on 127.0.0.1; `transactions` has every mail whose final dot came, in order."""

    def __init__(self) -> None:
        self.script = Script()
        self.transactions: list[Transaction] = []
        self.sessions = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._sessions: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._arrived = asyncio.Event()

    async def start(self) -> None:
        """Listen; on the port of before, if there was one.

        It is none of those that systems give to clients: one of them may have taken it while nobody listened.
        """
        self.port = self.port or free_port()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=_LONGEST)

    async def stop(self) -> None:
        """Close the listener and every connection, as a machine that loses its power."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for session, writer in tuple(self._sessions.items()):
            writer.transport.abort()
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def until(self, count: int, seconds: float = 60.0) -> list[Transaction]:
        """Wait for at least `count` transactions and return them all."""
        async with asyncio.timeout(seconds):
            while len(self.transactions) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.transactions

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        session = asyncio.create_task(_Session(self, reader, writer).run())
        self._sessions[session] = writer
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await session
        finally:
            writer.close()
            del self._sessions[session]

    def record(self, transaction: Transaction) -> None:
        """Add a transaction and wake those who wait for it."""
        self.transactions.append(transaction)
        self._arrived.set()


class _ScriptedError(ConnectionError):
    """The script says that the connection breaks here."""


class _Session:
    """One connection."""

    def __init__(self, mta: NextMta, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._mta, self._reader, self._writer = mta, reader, writer
        self._mail = ""
        self._recipients: dict[str, str] = {}

    async def run(self) -> None:
        """Greet, then answer each command until QUIT or the end of the stream."""
        await self._reply("greeting", "220 next.example ESMTP")
        while line := await self._reader.readline():
            verb, _, argument = line.decode("utf-8", "surrogateescape").strip().partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    await self._reply("EHLO", "\r\n".join(self._capabilities()))
                case "MAIL":
                    self._mail, self._recipients = argument, {}
                    await self._reply("MAIL", "250 2.1.0 Ok")
                case "RCPT":
                    await self._recipient(argument)
                case "DATA":
                    await self._data()
                case "RSET":
                    self._mail, self._recipients = "", {}
                    await self._reply("RSET", "250 2.0.0 Ok")
                case "NOOP":
                    await self._send("250 2.0.0 Ok")
                case "QUIT":
                    await self._reply("QUIT", "221 2.0.0 Bye")
                    return
                case _:
                    await self._send("502 5.5.2 No such command")

    def _capabilities(self) -> list[str]:
        lines = ["next.example", *self._mta.script.extensions]
        return [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]

    async def _recipient(self, argument: str) -> None:
        address, _, parameters = argument.partition("<")[2].partition(">")
        usual = self._mta.script.replies.get(address, "250 2.1.5 Ok")
        if (await self._reply("RCPT", usual)).startswith("2"):
            self._recipients[address] = parameters.strip()

    async def _data(self) -> None:
        usual = "354 Go on" if self._recipients else "554 5.5.1 No valid recipients"
        if not (await self._reply("DATA", usual)).startswith("3"):
            return
        content = b"".join([line async for line in self._content()])
        usual = self._mta.script.replies.get("dot", f"250 2.0.0 Queued as {len(self._mta.transactions) + 1}")
        answered = usual.startswith("2") and "dot" not in self._mta.script.deaths
        self._mta.record(
            Transaction(
                mail=self._mail,
                recipients=tuple(self._recipients),
                parameters=tuple(self._recipients.values()),
                content=content,
                answered=answered,
            )
        )
        self._mail, self._recipients = "", {}
        await self._reply("dot", usual)

    async def _content(self) -> AsyncIterator[bytes]:
        previous = b"\r\n"  # RFC 5321 4.1.1.4: the dot ends the content only on a line of its own, between two CRLF
        while line := await self._reader.readline():
            if line == b".\r\n" and previous.endswith(b"\r\n"):
                return
            if "content" in self._mta.script.deaths:
                raise _ScriptedError
            yield line[1:] if line.startswith(b".") and previous.endswith(b"\r\n") else line
            previous = line
        raise _ScriptedError

    async def _reply(self, stage: Stage, usual: str) -> str:
        script = self._mta.script
        await asyncio.sleep(script.pauses.get(stage, 0.0))
        if stage in script.deaths:
            raise _ScriptedError
        reply = script.replies.get(stage, usual)
        await self._send(reply)
        return re.sub(r"(?s).*\n", "", reply)

    async def _send(self, text: str) -> None:
        self._writer.write(text.encode("utf-8", "surrogateescape") + b"\r\n")
        await self._writer.drain()
