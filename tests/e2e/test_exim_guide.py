"""docs/guides/exim.md with a real Exim: each way as it stands there, and a signature that holds after a rewrite."""

import asyncio
import os
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dkim
import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.client import send
from tests.e2e.conftest import Launch, missing, require
from tests.e2e.exim import Exim
from tests.e2e.guides import adapted, blocks
from tests.e2e.next_mta import NextMta
from tests.e2e.postfix import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

BLOCKS = blocks("exim")
CUSTOMERS = tuple(f"c{number}@shop{number}.example" for number in range(120))
BULK = (
    b"From: Ada <ada@corp.example>\r\nTo: " + b",\r\n ".join(c.encode() for c in CUSTOMERS) + b"\r\n"
    b"Subject: Spring offer\r\nMessage-ID: <bulk@corp.example>\r\n\r\nDear customers\r\n"
)
NOTE = "From: cron@corp.example\nTo: bob@shop.example\nSubject: Night\n\nall well\n"
PLAIN = "remote_smtp:\n  driver = smtp\n"


@pytest.fixture
def exim(next_mta: NextMta) -> Iterator[Callable[[], Exim]]:
    """Give a function that makes an Exim which sends to the next MTA; it is stopped."""
    program = require("exim4", install="apt-get download exim4-daemon-light; dpkg -x; see .ci/run:")
    if os.geteuid() != 0 or "Debian-exim" not in {user.pw_name for user in pwd.getpwall()}:
        missing("Exim can only be started by root, and needs the user Debian-exim")
    made: list[Exim] = []

    def make() -> Exim:
        made.append(Exim(program, free_port(), next_mta.port))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def settings(way: str, port: int, smarthost: int, places: dict[str, str]) -> dict[str, Any]:
    """Return the settings of a gateway.yaml block, listening and handing over on this test's ports."""
    found: dict[str, Any] = yaml.safe_load(adapted(BLOCKS[f"{way}/gateway.yaml"], places))
    found["listeners"][0]["address"] = f"127.0.0.1:{port}"
    found["smarthost"] |= {"host": "127.0.0.1", "port": smarthost}
    return found


async def test_another_server_behind(gateway: Launch, exim: Callable[[], Exim], next_mta: NextMta) -> None:
    """What Exim takes reaches the server behind by way of the gateway, once; an outage waits; a detour opens."""
    entrance, one = free_port(), exim()
    places = {
        "192.0.2.25::25": f"127.0.0.1::{entrance}",
        "/etc/exim4": str(one.folder),
        "  no_more": "  self = send\n  no_more",  # here all are the same host
    }
    await asyncio.to_thread(
        one.start,
        main=f"daemon_smtp_ports = {one.port}\nlocal_interfaces = 127.0.0.1",
        routers=adapted(BLOCKS["behind/router"], places),
        transports=BLOCKS["behind/transport"] + PLAIN,
    )
    running = await gateway(
        next_mta.port, settings=settings("behind", entrance, next_mta.port, {"192.0.2.10/32": "127.0.0.1/32"})
    )
    assert (await send(one.port, "ada@corp.example", CUSTOMERS, BULK))[:3] == "250"
    (sent,) = await next_mta.until(1)
    assert len(sent.recipients) == 120
    assert not [customer for customer in CUSTOMERS if customer.encode() in sent.content]

    await running.stop()
    await asyncio.to_thread(one.run, "-f", "cron@corp.example", "bob@shop.example", stdin=NOTE)
    assert "bob@shop.example" in await asyncio.to_thread(one.run, "-bp")
    (one.folder / "dlp-detour").touch()
    await asyncio.to_thread(one.run, "-qff")
    note = (await next_mta.until(2))[1]
    assert b"by gateway.corp.example" not in note.content


async def test_one_exim_signs_what_the_gateway_rewrote(
    gateway: Launch, exim: Callable[[], Exim], next_mta: NextMta
) -> None:
    """It comes back once, is signed on its way out, and the signature holds; sendmail's mail passes the gateway too."""
    entrance, back, one = free_port(), free_port(), exim()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write(one.folder / "dkim.key", key)
    await asyncio.to_thread(
        one.start,
        main=adapted(
            BLOCKS["one/main"],
            {
                "25 : 587": str(one.port),
                "0.0.0.0.25 ; 0.0.0.0.587": f"127.0.0.1.{one.port}",
                "127.0.0.1.10026": f"127.0.0.1.{back}",
            },
        ),
        acl=adapted(BLOCKS["one/acl"], {"10026": str(back)}),
        routers=adapted(
            BLOCKS["one/router"],
            {"10026": str(back), "127.0.0.1::10025": f"127.0.0.1::{entrance}", "/etc/exim4": str(one.folder)},
        ),
        transports=adapted(BLOCKS["one/transport"], {"/etc/exim4": str(one.folder)}),
    )
    running = await gateway(back, settings=settings("one", entrance, back, {}))
    assert (await send(one.port, "ada@corp.example", CUSTOMERS[:60], BULK))[:3] == "250"
    (sent, *_) = await next_mta.until(1)
    assert not [customer for customer in CUSTOMERS if customer.encode() in sent.content]
    assert sent.content.count(b"by gateway.corp.example") == 1
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + b"".join(public.splitlines()[1:-1])
    assert dkim.verify(sent.content, dnsfunc=lambda name, timeout=0: {b"mail._domainkey.corp.example.": record}[name])

    await asyncio.to_thread(one.run, "-f", "cron@corp.example", "bob@shop.example", stdin=NOTE)
    note = (await next_mta.until(2))[-1]
    assert note.recipients == ("bob@shop.example",)
    assert note.content.count(b"by gateway.corp.example") == 1
    assert len(running.events("received")) == 2


def _write(path: Path, key: rsa.RSAPrivateKey) -> None:
    """Write a private key that Exim's user alone can read."""
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    user = pwd.getpwnam("Debian-exim")
    os.chown(path, user.pw_uid, user.pw_gid)
    path.chmod(0o600)
