"""Several hosts that stand in for each other: by priority, in turn, never after a final dot; and circuits."""

import asyncio
from collections.abc import Callable

import pytest

from dlp_gateway.observe import instruments
from dlp_gateway.ports import Progress
from dlp_gateway.smtp.smarthost import Security, Smarthost, SmarthostOptions, Unavailable
from tests.e2e.postfix import free_port
from tests.smtp.peers import ALL, UNREACHABLE, Hosts, Peer, Script, Smarthosts, codes, deliver, dies_at, forever
from tests.waiting import until


def options(port: int, **changes: object) -> SmarthostOptions:
    """Return a host with short patience."""
    made = {
        "host": "127.0.0.1",
        "port": port,
        "hostname": "gateway.example",
        "security": Security.NONE,
        "connect": 2.0,
        "command": 1.0,
        "final_dot": 1.0,
        "slot": 0.3,
        "probe": 0.05,
        "longest_probe": 0.1,
    }
    return SmarthostOptions(**made | changes)  # type: ignore[arg-type]


def taken(peer: Peer) -> int:
    """Return how many transactions a peer was asked for."""
    return sum(line.startswith(b"MAIL") for line in peer.heard)


def circuit_of(port: int) -> float:
    """Return what the metric says of a host."""
    for line in instruments.expose()[0].decode().splitlines():
        if line.startswith(f'dlp_smarthost_circuit_open{{host="127.0.0.1:{port}"}}'):
            return float(line.rpartition(" ")[2])
    return -1


@pytest.fixture
async def ways() -> object:
    """Give a function that makes a smarthost of several hosts."""
    made: list[Smarthost] = []

    def make(*hosts: SmarthostOptions) -> Smarthost:
        made.append(Smarthost(*hosts))
        return made[-1]

    yield make
    for one in made:
        await one.close()


Ways = Callable[..., Smarthost]


async def test_the_least_priority_number_gets_all_mail(host: Hosts, ways: Ways) -> None:
    """As MX records have it (RFC 5321 5.1), in whatever order they are written."""
    first, second = await host(forever), await host(forever)
    ours = ways(options(second.port, priority=20), options(first.port, priority=10))
    for _ in range(3):
        assert codes(await deliver(ours)) == [(250, "2.0.0")]
    assert ([taken(peer) for peer in first.peers], second.peers) == ([3], [])


async def test_hosts_of_the_same_priority_take_turns(host: Hosts, ways: Ways) -> None:
    """Each gets its share."""
    hosts = [await host(forever) for _ in range(3)]
    ours = ways(*(options(one.port) for one in hosts))
    for _ in range(9):
        await deliver(ours)
    assert [[taken(peer) for peer in one.peers] for one in hosts] == [[3], [3], [3]]


async def greylists(peer: Peer) -> None:
    """Put everybody off at RCPT."""
    await peer.greet(*ALL)
    while True:
        await peer.take(bob="450 4.2.0 Greylisted", data="503 5.5.1 No recipients")


async def full(peer: Peer) -> None:
    """Refuse the transaction for now."""
    await peer.greet(*ALL)
    while True:
        await peer.take(mail="452 4.3.1 Disk full", bob="503 5.5.1 MAIL first", data="503 5.5.1 MAIL first")


async def stopping(peer: Peer) -> None:
    """Say 421 and close, as a server that is stopped does."""
    await peer.greet(*ALL)
    await peer.line()
    await peer.send("421 4.3.2 Stopping")


async def at_mail(peer: Peer) -> None:
    """Die in the dialogue."""
    await dies_at(peer, "mail")


async def at_greeting(peer: Peer) -> None:
    """Turn everybody away."""
    await peer.send("554 5.7.1 Not you")


@pytest.mark.parametrize("script", [greylists, full, stopping, at_mail, at_greeting])
async def test_another_host_is_tried_where_nobody_has_the_mail(host: Hosts, ways: Ways, script: Script) -> None:
    """Unreachable, gone or full before the final dot: the next one gets it, and the hook is run once."""
    first, second = await host(script), await host(forever)
    calls: list[Progress] = []

    async def hook(progress: Progress) -> None:
        calls.append(progress)

    ours = ways(options(first.port, priority=1), options(second.port, priority=2, host="localhost"))
    delivery = await deliver(ours, before_final_dot=hook)
    assert (codes(delivery), delivery.host, len(calls)) == ([(250, "2.0.0")], "localhost", 1)
    assert taken(second.peers[0]) == 1


@pytest.mark.parametrize(
    ("replies", "expected", "in_doubt"),
    [
        ({"dot": "451 4.7.1 Later"}, (451, "4.7.1"), False),
        ({"dot": "421 4.3.2 Stopping"}, (421, "4.3.2"), False),
        ({"dot": "554 5.7.1 Never"}, (554, "5.7.1"), False),
        ({"bob": "550 5.1.1 No such user"}, (550, "5.1.1"), False),
        ({"bob": "450 4.2.0 Busy", "dot": "554 5.5.1 No recipients"}, (450, "4.2.0"), False),
        ({}, (451, "4.4.2"), True),
    ],
    ids=["dot-4xx", "dot-421", "dot-5xx", "rcpt-5xx", "lone-dot", "lost-behind-the-dot"],
)
async def test_no_other_host_is_tried_once_one_has_decided(
    host: Hosts, ways: Ways, replies: dict[str, str], expected: tuple[int, str], *, in_doubt: bool
) -> None:
    """Behind a final dot, a lone one too, a second host could make a second copy; a refusal is a refusal."""

    async def script(peer: Peer) -> None:
        if in_doubt:
            await dies_at(peer, "dot")
            return
        await peer.greet(*ALL)
        await peer.take(**replies)
        await peer.reader.read()

    first, second = await host(script), await host(forever)
    delivery = await deliver(ways(options(first.port, priority=1), options(second.port, priority=2)))
    assert (codes(delivery), delivery.in_doubt, delivery.put_off) == ([expected], in_doubt, False)
    assert second.peers == []


async def test_a_failure_behind_the_hook_goes_to_no_other_host(host: Hosts, ways: Ways) -> None:
    """What the hook committed was committed for this transaction."""
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL)
        for answer in ("250 Ok", "250 Ok", "354 Go"):
            await peer.line()
            await peer.send(answer)
        peer.writer.close()
        gone.set()

    async def hook(_: Progress) -> None:
        await gone.wait()
        await asyncio.sleep(0.02)

    first, second = await host(script), await host(forever)
    ours = ways(options(first.port, priority=1), options(second.port, priority=2))
    delivery = await deliver(ours, before_final_dot=hook)
    assert (codes(delivery), delivery.in_doubt, second.peers) == ([(451, "4.4.2")], False, [])


async def test_what_one_lacks_another_may_have(host: Hosts, ways: Ways) -> None:
    """And while that one is away, the mail is put off, not refused."""

    async def plain(peer: Peer) -> None:
        await peer.greet("PIPELINING")
        while True:
            await peer.take()

    poor, rich = await host(plain), await host(forever)
    asked = {"recipients": ("jörg@example.org",), "smtputf8": True}
    ours = ways(options(poor.port, priority=1), options(rich.port, priority=2))
    assert codes(await deliver(ours, **asked)) == [(250, "2.0.0")]
    away = ways(options(poor.port, priority=1), options(free_port(), priority=2))
    assert [codes(await deliver(away, **asked)) for _ in range(5)] == [[UNREACHABLE]] * 5
    alone = await deliver(ways(options(poor.port)), **asked)
    assert (codes(alone), alone.put_off) == ([(553, "5.6.7")], False)


async def test_what_all_hosts_offer(host: Hosts, ways: Ways) -> None:
    """Clients are offered what holds whichever host gets their mail; one that is away counts when it is back."""

    async def poor(peer: Peer) -> None:
        await peer.greet("PIPELINING", "8BITMIME", "SIZE 500000")
        await peer.reader.read()

    async def poorer(peer: Peer) -> None:
        await peer.greet("SMTPUTF8", "8BITMIME")
        await peer.reader.read()

    rich, first, second = await host(forever), await host(poor), await host(poorer)
    offer = await ways(*(options(one.port) for one in (rich, first, second)), options(free_port())).common()
    assert (offer.pipelining, offer.eight_bit, offer.smtputf8, offer.size) == (False, True, False, 500_000)
    assert offer.names == {"8BITMIME"}
    with pytest.raises(Unavailable):
        await ways(options(free_port()), options(free_port())).common()


async def test_a_full_host_lets_one_of_its_rank_go_first(host: Hosts, ways: Ways) -> None:
    """Rather than wait for a connection while another has one free."""
    gate = asyncio.Event()

    async def slow(peer: Peer) -> None:
        await peer.greet(*ALL)
        await gate.wait()
        while True:
            await peer.take()

    first, second = await host(slow), await host(forever)
    ours = ways(options(first.port, connections=1), options(second.port))
    waiting = []
    while not first.peers:
        waiting.append(asyncio.create_task(deliver(ours)))
        await asyncio.sleep(0.02)
    assert [codes(await deliver(ours)) for _ in range(4)] == [[(250, "2.0.0")]] * 4
    gate.set()
    assert [codes(delivery) for delivery in await asyncio.gather(*waiting)] == [[(250, "2.0.0")]] * len(waiting)


async def test_nobody_waits_for_a_host_that_fails_again_and_again(host: Hosts, ways: Ways) -> None:
    """After three failures on end it is not asked until a probe gets through, whose session serves the next mail."""
    ill = True

    async def script(peer: Peer) -> None:
        if ill:
            await peer.send("421 4.3.2 Come back")
        else:
            await forever(peer)

    peer = await host(script)
    ours = ways(options(peer.port, probe=0.2, longest_probe=0.2))
    assert [codes(await deliver(ours)) for _ in range(5)] == [[UNREACHABLE]] * 5
    assert (len(peer.peers), ours.reachable, circuit_of(peer.port)) == (3, False, 1)
    ill = False
    await until(lambda: ours.reachable)
    assert (len(peer.peers), circuit_of(peer.port)) == (4, 0)
    assert codes(await deliver(ours)) == [(250, "2.0.0")]
    assert len(peer.peers) == 4


async def loses_large(peer: Peer) -> None:
    """Go away in the midst of a large message; take others."""
    await peer.greet(*ALL[2:])
    while True:
        for answer in ("250 Ok", "250 Ok", "354 Go"):
            await peer.line()
            await peer.send(answer)
        octets = await peer.reader.read(65_536)
        while not octets.endswith(b"\r\n.\r\n"):
            if len(octets) > 300_000:
                return
            octets += await peer.reader.read(65_536)
        await peer.send("250 2.0.0 Ok")


async def test_one_senders_mail_keeps_no_others_from_a_host(host: Hosts, ways: Ways) -> None:
    """A host that goes away at a mail that it does not like serves everybody else; if at all, it is left alone."""
    peer = await host(loses_large)
    ours = ways(options(peer.port, probe=60, longest_probe=60))
    large = b"x" * 8_000_000 + b"\r\n"
    lost = await asyncio.gather(*(deliver(ours, large) for _ in range(5)))
    assert [codes(delivery) for delivery in lost] == [[(451, "4.4.2")]] * 5
    assert ours.reachable
    assert codes(await deliver(ours, reverse_path="carol@corp.example")) == [(250, "2.0.0")]
    for sender in ("ada@corp.example", "bob@corp.example", "carol@corp.example"):
        assert ours.reachable
        assert codes(await deliver(ours, large, reverse_path=sender)) == [(451, "4.4.2")]
    assert not ours.reachable


async def test_mail_goes_around_a_host_that_is_left_alone(host: Hosts, ways: Ways) -> None:
    """And comes back to it by itself."""
    port = free_port()
    second = await host(forever)
    ours = ways(options(port, priority=1), options(second.port, priority=2))
    for _ in range(5):
        assert codes(await deliver(ours)) == [(250, "2.0.0")]
    assert (circuit_of(port), ours.reachable) == (1, True)
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        try:
            await forever(peer)
        except (EOFError, OSError):
            heard.extend(peer.heard)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        await until(lambda: circuit_of(port) == 0)
        await deliver(ours)
        assert taken(second.peers[0]) == 5
    finally:
        await ours.close()
        server.close()
        await until(lambda: any(line.startswith(b"MAIL") for line in heard))


async def test_a_test_of_health_closes_the_circuit(host: Hosts, ways: Ways) -> None:
    """The check behind /readyz need not wait for the next probe."""
    ill = True

    async def script(peer: Peer) -> None:
        if not ill:
            await forever(peer)

    peer = await host(script)
    ours = ways(options(peer.port, probe=60, longest_probe=60, failures=1))
    await deliver(ours)
    assert not ours.reachable
    ill = False
    await ours.probe()
    assert ours.reachable
    assert codes(await deliver(ours)) == [(250, "2.0.0")]


async def test_a_host_that_is_no_longer_used_is_no_longer_told_of(ways: Ways) -> None:
    """A reload may take it out of the settings while it is away."""
    port = free_port()
    ours = ways(options(port, probe=60, longest_probe=60, failures=1))
    await deliver(ours)
    assert circuit_of(port) == 1
    await ours.close()
    assert circuit_of(port) == 0


async def test_a_connection_is_renewed_in_its_time(host: Hosts, smarthost: Smarthosts) -> None:
    """The name may mean another machine by now; the old one hears QUIT."""
    peer = await host(forever)
    ours = smarthost(peer.port, lifetime=600)
    await deliver(ours)
    await deliver(ours)
    assert len(peer.peers) == 1
    (kept,) = ours._pools[0]._idle
    kept.opened -= 601
    assert codes(await deliver(ours)) == [(250, "2.0.0")]
    assert len(peer.peers) == 2
    await until(lambda: peer.peers[0].heard[-1] == b"QUIT")
