"""A mail client that sends the bytes it is given, and can go away at any moment."""

import asyncio
from typing import Self


class Client:
    """One SMTP session with 127.0.0.1:`port`; leaving the context says QUIT unless the connection is gone."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._host, self._port = host, port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self.greeting = await self.reply()
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._writer.is_closing():
            self.write(b"QUIT\r\n")
            self._writer.close()

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)

    def abort(self) -> None:
        """Go away without a word (RST)."""
        self._writer.transport.abort()

    async def reply(self, seconds: float = 60.0) -> str:
        """Return the next reply, its lines joined by newlines; "" at the end of the stream."""
        lines: list[str] = []
        async with asyncio.timeout(seconds):
            while line := (await self._reader.readline()).decode("utf-8", "backslashreplace"):
                lines.append(line.rstrip("\r\n"))
                if line[3:4] != "-":
                    break
        return "\n".join(lines)

    async def command(self, line: str) -> str:
        """Send one command and return its reply."""
        self.write(line.encode() + b"\r\n")
        return await self.reply()

    async def content(self, content: bytes) -> str:
        """Send content with CRLF line ends behind a 354, dot-stuffed, with its final dot; return the reply."""
        if content and not content.endswith(b"\r\n"):
            raise ValueError("content must end in CRLF")
        stuffed = b"\r\n" + content
        self.write(stuffed.replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n")
        return await self.reply()

    async def mail(self, reverse_path: str, recipients: tuple[str, ...], content: bytes) -> tuple[str, ...]:
        """Run one transaction and return the replies to MAIL, each RCPT, DATA and the final dot (as far as it got)."""
        replies = [await self.command(f"MAIL FROM:<{reverse_path}>")]
        replies += [await self.command(f"RCPT TO:<{recipient}>") for recipient in recipients]
        replies.append(await self.command("DATA"))
        if replies[-1].startswith("354"):
            replies.append(await self.content(content))
        return tuple(replies)


async def send(port: int, reverse_path: str, recipients: tuple[str, ...], content: bytes) -> str:
    """Send one mail over a connection of its own and return the last reply."""
    async with Client(port) as client:
        await client.command("EHLO client.example")
        return (await client.mail(reverse_path, recipients, content))[-1]
