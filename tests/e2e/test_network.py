"""The gateway talks to nobody but its clients, its smarthost and its administrator: proved with strace."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.e2e.client import send
from tests.e2e.conftest import require
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MAIL = (
    b"From: Ada <ada@corp.example>\r\nTo: bob@example.net\r\nSubject: A mail that every recognizer looks at\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b"<img src='https://pixel.example/a.png'><p>See https://intranet.example.com or write to cy@mail.example.co.uk,\r\n"
    b"call +44 20 7946 0018, card 4111 1111 1111 1111, IBAN GB33BUKB20201555555555, SSN 078-05-1120.</p>\r\n"
)
NETWORK = re.compile(r"sa_family=(AF_INET6?).*?(?:inet_addr\(\"|inet_pton\(AF_INET6, \")([^\"]+)\"")


async def test_no_socket_leads_off_this_machine(
    gateway: Callable[..., Awaitable[Gateway]], next_mta: NextMta, tmp_path: Path
) -> None:
    """From start to stop, with mails that hold links, addresses and numbers, every peer is 127.0.0.1."""
    trace = tmp_path / "trace"
    calls = "trace=connect,sendto,sendmsg,sendmmsg"
    options = ("-DDD", "-f", "--seccomp-bpf", "-qq", "-e", "signal=none", "-e", calls, "-o", str(trace))
    one = await gateway(next_mta.port, under=(require("strace"), *options))
    for _ in range(3):
        assert (await send(one.port, "ada@corp.example", ("bob@example.net",), MAIL)).startswith("250")
    await send(one.port, "ada@corp.example", ("bob@example.net",), MAIL.replace(b"4111", b"").replace(b"SSN", b""))
    await one.stop()
    peers = {match.groups() for match in NETWORK.finditer(trace.read_text(encoding="utf-8", errors="replace"))}
    assert peers == {("AF_INET", "127.0.0.1")}
