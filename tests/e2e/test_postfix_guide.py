"""docs/guides/postfix.md with real Postfix instances: each way as it stands there, from swaks to a mailbox."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import yaml

from tests.e2e.client import send
from tests.e2e.conftest import Launch, Ran
from tests.e2e.gateway import POLICY, Gateway
from tests.e2e.guides import adapted, blocks, commands
from tests.e2e.postfix import Postfix, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

Start = Callable[[Postfix], Awaitable[Postfix]]
Swaks = Callable[..., Awaitable[Ran]]

BLOCKS = blocks("postfix")
CUSTOMERS = tuple(f"c{number}@shop{number}.example" for number in range(60))
BULK = (
    b"From: Ada <ada@corp.example>\r\nTo: " + b",\r\n ".join(c.encode() for c in CUSTOMERS) + b"\r\n"
    b"Subject: Spring offer\r\nMessage-ID: <bulk@corp.example>\r\n\r\nDear customers\r\n"
)
LICENCE = "my driver's license number is I1234562 (California)."
REFUSING = {
    **POLICY,
    "actions": {"refuse": {"do": "reject", "explanation": "Accounts do not leave by mail."}},
    "rules": [{"id": "no-accounts", "when": {"finding": "identifier.IBAN"}, "then": "refuse"}],
}


def listening(block: str, port: int, smarthost: int, places: dict[str, str]) -> dict[str, Any]:
    """Return the settings of a gateway.yaml block, listening and handing over on this test's ports."""
    settings: dict[str, Any] = yaml.safe_load(adapted(BLOCKS[block], places))
    settings["listeners"][0]["address"] = f"127.0.0.1:{port}"
    settings["smarthost"] |= {"host": "127.0.0.1", "port": smarthost}
    return settings


async def held(running: Gateway) -> list[dict[str, Any]]:
    """Return what waits for a reviewer."""
    return [json.loads(line) for line in (await running.run("quarantine", "list", "--json")).stdout.splitlines()]


def hops(content: bytes) -> int:
    """Count the gateway's own Received fields."""
    return content.partition(b"\r\n\r\n")[0].count(b"by gateway.corp.example")


async def test_relayhost(gateway: Launch, running_postfix: Start, swaks: Swaks) -> None:
    """A mass mail of sixty passes as one and comes out hidden; what is held stays; an outage only delays."""
    entrance = free_port()
    behind = await running_postfix(
        Postfix.next_mta(main=adapted(BLOCKS["relayhost/behind/main.cf"], {"192.0.2.25/32": "127.0.0.1/32"}))
    )
    front_main = adapted(BLOCKS["relayhost/front/main.cf"], {"[192.0.2.25]:25": f"[127.0.0.1]:{entrance}"})
    hurry = {"minimal_backoff_time": "2s", "queue_run_delay": "2s"}
    front = await running_postfix(Postfix(hurry, main=front_main))
    settings = listening("relayhost/gateway.yaml", entrance, behind.port, {"192.0.2.10/32": "127.0.0.1/32"})
    running = await gateway(behind.port, settings=settings)

    assert (await send(front.port, "ada@corp.example", CUSTOMERS, BULK))[:3] == "250"
    arrivals = await behind.until(60)
    assert [event["recipients"] for event in running.events("received")] == [60]
    for arrival in arrivals:
        header = arrival.content.partition(b"\r\n\r\n")[0]
        assert hops(arrival.content) == 1
        assert not [other for other in CUSTOMERS if other != arrival.recipient and other.encode() in header]

    arguments = ("--from", "ada@corp.example", "--to", "bob@shop.example", "--body")
    assert (await swaks(front.port, *arguments, LICENCE)).returncode == 0
    await running.event("in_custody")
    assert [one["state"] for one in await held(running)] == ["held"]

    await running.stop()
    assert (await swaks(front.port, *arguments, "while it was down")).returncode == 0
    assert await asyncio.to_thread(front.shell, "postqueue -p") != ""
    await running.start()
    assert len(await behind.until(61, 40)) == 61
    assert "Mail queue is empty" in await asyncio.to_thread(front.shell, "postqueue -p")


async def around_and_back(way: str, postfix: Postfix, entrance: int) -> None:
    """Run the guide's commands that lead mail around the gateway, those back, and the first ones again."""
    around, back = (text.replace("10025", str(entrance)) for text in commands("postfix", way))
    for text in (around, back, around):
        ours = adapted(text, {"submission/inet": f"127.0.0.1:{postfix.port}/inet"})
        await asyncio.to_thread(postfix.shell, ours)


async def test_content_filter(gateway: Launch, running_postfix: Start, swaks: Swaks) -> None:
    """One Postfix: lists are expanded once and before, sendmail's mail passes too, an outage waits, a detour opens."""
    entrance, back = free_port(), free_port()
    postfix = Postfix.next_mta(
        main=BLOCKS["content_filter/main.cf"]
        + "virtual_alias_maps = inline:{{all@corp.example=amy@shop.example,ben@shop.example}}\n",
    )
    postfix.use_master(
        adapted(
            BLOCKS["content_filter/master.cf"],
            {
                "submission inet": f"127.0.0.1:{postfix.port} inet",
                "[127.0.0.1]:10025": f"[127.0.0.1]:{entrance}",
                "127.0.0.1:10026": f"127.0.0.1:{back}",
            },
        )
    )
    await running_postfix(postfix)
    running = await gateway(back, settings=listening("content_filter/gateway.yaml", entrance, back, {}))

    arguments = ("--from", "ada@corp.example", "--to", "all@corp.example", "--body")
    assert (await swaks(postfix.port, *arguments, "to the list")).returncode == 0
    arrivals = await postfix.until(2)
    assert {arrival.recipient for arrival in arrivals} == {"amy@shop.example", "ben@shop.example"}
    assert [hops(arrival.content) for arrival in arrivals] == [1, 1]
    assert [event["recipients"] for event in running.events("received")] == [2]

    assert (await swaks(postfix.port, *arguments, LICENCE)).returncode == 0
    await running.event("in_custody")
    assert [one["state"] for one in await held(running)] == ["held"]

    note = "From: cron@corp.example\nTo: bob@shop.example\nSubject: Night\n\nall well\n"
    await asyncio.to_thread(postfix.shell, "sendmail -f cron@corp.example bob@shop.example", note)
    assert hops((await postfix.until(3))[-1].content) == 1

    await running.stop()
    assert (await swaks(postfix.port, *arguments, "while it was down")).returncode == 0
    await around_and_back("2", postfix, entrance)
    assert [hops(arrival.content) for arrival in (await postfix.until(5, 40))[3:]] == [0, 0]


async def test_proxy_filter(gateway: Launch, running_postfix: Start, swaks: Swaks) -> None:
    """Before the queue: the client reads the gateway's own reply, and 451 while the gateway is down."""
    entrance, back = free_port(), free_port()
    postfix = Postfix.next_mta()
    postfix.use_master(
        adapted(
            BLOCKS["proxy_filter/master.cf"],
            {
                "submission inet": f"127.0.0.1:{postfix.port} inet",
                "127.0.0.1:10025": f"127.0.0.1:{entrance}",
                "127.0.0.1:10026": f"127.0.0.1:{back}",
            },
        )
    )
    await running_postfix(postfix)
    settings = listening("proxy_filter/gateway.yaml", entrance, back, {})
    running = await gateway(back, policy=REFUSING, settings=settings)

    arguments = ("--from", "ada@corp.example", "--to", "bob@shop.example", "--body")
    clean = await swaks(postfix.port, *arguments, "Grüße an Jürgen")
    assert clean.returncode == 0, clean.stdout
    (arrival,) = await postfix.until(1)
    assert hops(arrival.content) == 1

    refused = await swaks(postfix.port, *arguments, "my account is IBAN GB33BUKB20201555555555")
    assert refused.returncode != 0
    assert "550 5.7.1 Accounts do not leave by mail." in refused.stdout
    waiting = await swaks(postfix.port, *arguments, LICENCE)
    assert waiting.returncode == 0
    assert [one["state"] for one in await held(running)] == ["held"]
    assert (await send(postfix.port, "ada@corp.example", CUSTOMERS, BULK))[:3] == "250"
    assert len(await postfix.until(61)) == 61
    assert running.events("received")[-1]["recipients"] == 60

    await running.stop()
    down = await swaks(postfix.port, *arguments, "while it was down")
    assert down.returncode != 0
    assert "\n<** 451 4.3.0" in down.stdout
    await around_and_back("3", postfix, entrance)
    assert (await swaks(postfix.port, *arguments, "around it")).returncode == 0
    assert hops((await postfix.until(62))[-1].content) == 0
