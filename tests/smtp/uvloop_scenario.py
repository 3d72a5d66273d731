"""One pass through both ends, run under uvloop by `test_wire`."""

import asyncio
import socket
from contextlib import closing

from dlp_gateway.smtp.listener import Door, ListenerOptions, Security, listen
from dlp_gateway.smtp.smarthost import Security as Towards
from dlp_gateway.smtp.smarthost import Smarthost, SmarthostOptions
from tests.smtp.peers import LOOPBACK, Authority, Client, Gateway, Recorder
from tests.waiting import until

CONTENT = b"Subject: hello\r\n\r\n.text\r\n" + b"x" * 200_000 + b"\r\n"
WAYS = {Security.NONE: Towards.NONE, Security.STARTTLS: Towards.REQUIRED, Security.IMPLICIT: Towards.IMPLICIT}


async def scenario(authority: Authority) -> None:
    """Send twice over each kind of connection from our smarthost's side to our listener's."""
    for security, towards in WAYS.items():
        door = Door(
            ListenerOptions(
                hostname="gateway.example",
                networks=LOOPBACK,
                security=security,
                tls_context=None if security is Security.NONE else authority.server,
            ),
            recorder := Recorder(delay=0.02),
        )
        # closed whatever happens: uvloop ends with no server open where warnings are errors
        with closing(await listen(door, socket.create_server(("127.0.0.1", 0)))) as server:
            port = server.sockets[0].getsockname()[1]
            ours = Smarthost(
                SmarthostOptions(
                    host="localhost",
                    port=port,
                    hostname="client.example",
                    security=towards,
                    tls_context=authority.client(),
                    connect=3,
                )
            )
            for _ in range(2):
                delivery = await ours.deliver(
                    CONTENT,
                    reverse_path="alice@corp.example",
                    recipients=("bob@example.org",),
                    body_8bit=False,
                    smtputf8=False,
                )
                assert [str(reply) for _, reply in delivery.replies] == ["250 2.0.0 taken"]
            assert [content for _, content in recorder.taken] == [CONTENT] * 2
            if security is Security.NONE:
                await _disconnect(Gateway(door=door, handler=recorder, port=port))
            await ours.close()
        assert await door.drain(2) == 0


async def _disconnect(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    client = Client(reader, writer)
    await client.hear()
    await client.begin()
    writer.write(b"half\r\n.\r\n")
    writer.write_eof()
    assert await client.hear() == "250 2.0.0 taken"
    client.close()
    await until(lambda: gateway.handler.lost)
    assert gateway.handler.lost[-1][1] == b"half\r\n"
