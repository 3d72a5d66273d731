"""The next MTA of the benchmarks: takes everything, keeps nothing, counts. `sink.py PORT`; `VRFY` answers the count."""

import asyncio
import sys
from typing import cast

import uvloop

_END = b"\r\n.\r\n"


class Sink(asyncio.Protocol):
    """One connection; answers what stands in each block of bytes with one write."""

    mails = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by inheritance
        self._buffer = bytearray()
        self._content = False
        self._transport.write(b"220 sink.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer every command that is complete, and every content."""
        self._buffer += data
        replies = bytearray()
        while reply := self._content_reply() if self._content else self._command_reply():
            replies += reply
        self._transport.write(bytes(replies))

    def _content_reply(self) -> bytes:
        if not self._buffer.endswith(_END):  # no client of ours sends more before it has the reply
            return b""
        self._buffer.clear()
        self._content = False
        Sink.mails += 1
        return b"250 2.0.0 Ok\r\n"

    def _command_reply(self) -> bytes:
        line, found, _rest = self._buffer.partition(b"\r\n")
        if not found:
            return b""
        del self._buffer[: len(line) + 2]
        match bytes(line[:4]).upper():
            case b"EHLO":
                return b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 100000000\r\n"
            case b"DATA":
                self._content = True
                return b"354 Go on\r\n"
            case b"VRFY":
                return b"252 %d\r\n" % Sink.mails
            case b"QUIT":
                return b"221 Bye\r\n"
        return b"250 2.0.0 Ok\r\n"


async def main(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
