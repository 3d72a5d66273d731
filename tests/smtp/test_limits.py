"""Every limit has its reply, its word in log and metric, and leaves others alone."""

import asyncio
import base64
import json
from io import StringIO
from ipaddress import ip_network

import pytest

from dlp_gateway.observe import instruments, output
from dlp_gateway.observe.lines import Lines
from dlp_gateway.ports import Denial, Login
from dlp_gateway.smtp import complaints
from dlp_gateway.smtp.complaints import Complaints
from dlp_gateway.smtp.crowd import Crowd
from dlp_gateway.smtp.door import Door, ListenerOptions, Security, networks_of
from dlp_gateway.smtp.replies import TIMEOUT
from dlp_gateway.smtp.room import Room
from tests.smtp.peers import Authority, Client, Gateway, Listen, Recorder, refused
from tests.waiting import until

MAIL = b"MAIL FROM:<alice@corp.example>\r\n"
RCPT = b"RCPT TO:<bob@example.org>\r\n"


@pytest.mark.parametrize(
    ("options", "said", "code", "why"),
    [
        ({"errors": 2}, b"BOGUS\r\nBOGUS\r\n", "421 4.7.0", "errors"),
        ({"junk_commands": 2}, b"NOOP\r\nNOOP\r\nNOOP\r\n", "421 4.7.0", "junk"),
        ({"idle": 0.1}, b"", "421 4.4.2", "timeout"),
        ({"idle": 0.2, "session": 0.1}, b"", "421 4.4.2", "timeout"),
        ({"data_block": 0.1}, b"EHLO c.example\r\n" + MAIL + RCPT + b"DATA\r\nx", "421 4.4.2", "timeout"),
        ({"data_total": 0.1}, b"EHLO c.example\r\n" + MAIL + RCPT + b"DATA\r\nx", "421 4.4.2", "timeout"),
        (
            {"data_grace": 0.1, "data_rate": 1_000_000},
            b"EHLO c.example\r\n" + MAIL + RCPT + b"BDAT 100\r\nx",
            "421 4.4.2",
            "timeout",
        ),
        (
            {"data_grace": 0.1, "data_rate": 1_000_000},
            b"EHLO c.example\r\n" + MAIL + RCPT + b"BDAT 1\r\nx",
            "421 4.4.2",
            "timeout",
        ),
        ({"data_total": 0.1}, b"EHLO c.example\r\n" + MAIL + RCPT + b"BDAT 1\r\nxNOOP\r\n", "421 4.4.2", "timeout"),
        ({"data_block": 0.1}, b"EHLO c.example\r\nBDAT 100\r\nx", "421 4.4.2", "timeout"),
        ({"message_size": 1000}, b"EHLO c.example\r\n" + MAIL + RCPT + b"BDAT 9000000\r\n", "552 5.3.4", "too-big"),
        ({}, b"EHLO c.example\r\nBDAT five\r\n", "501 5.5.4", "bdat"),
        ({}, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "500 5.5.1", "other-protocol"),
    ],
)
async def test_a_limit_has_its_last_word_and_its_metric(
    listen: Listen, options: dict[str, float], said: bytes, code: str, why: str
) -> None:
    """The session ends with a proper reply, and is counted."""
    gateway = await listen(**options)
    before = refused(why)
    client = await gateway.greeted()
    client.writer.write(said)
    assert (await client.all()).splitlines()[-1][:9] == code
    assert refused(why) == before + 1
    await until(lambda: gateway.door.sessions == 0)


async def test_a_trickle_of_chunks_has_an_end(listen: Listen) -> None:
    """Each chunk comes in time, and the message does not."""
    gateway = await listen(data_grace=1.0, data_rate=1_000, idle=5)
    client = await gateway.greeted()
    await client.say(b"EHLO c.example\r\n")
    await client.say(MAIL)
    await client.say(RCPT)
    chunks = 0
    while (reply := await client.say(b"BDAT 1\r\nx")).startswith("250"):
        chunks += 1
        await asyncio.sleep(0.1)
    assert reply.startswith("421 4.4.2")
    assert 1 < chunks < 20


@pytest.mark.parametrize("line", [b"BOGUS\r\n", b"MAIL FROM:<a%b@corp.example>\r\n", b"RCPT TO:<b@c.example>\r\n"])
async def test_every_no_is_counted(listen: Listen, line: bytes) -> None:
    """By its code, also where the session goes on and the log says nothing."""
    gateway = await listen()
    client = await gateway.greeted()
    await client.say(b"EHLO c.example\r\n")
    before = {code: noes(code) for code in ("500", "503", "553")}
    code = (await client.say(line))[:3]
    assert noes(code) == before[code] + 1


def noes(code: str) -> float:
    """Return how often a code was said."""
    for line in instruments.expose()[0].decode().splitlines():
        if line.startswith(f'dlp_refusals_total{{code="{code}"}}'):
            return float(line.rpartition(" ")[2])
    return 0.0


async def test_the_same_recipient_again_and_again_is_too_many(listen: Listen) -> None:
    """As many repetitions as recipients are taken for slips of a program, then 452, then the end."""
    gateway = await listen(recipients=3)
    client = await gateway.greeted()
    client.writer.write(b"EHLO c.example\r\n" + MAIL + RCPT * 20)
    said = [line[:9] for line in (await client.all()).splitlines()]
    assert said[-9:] == ["250 2.1.5"] * 4 + ["452 4.5.3"] * 4 + ["421 4.7.0"]


async def test_a_session_has_an_end_between_two_mails(listen: Listen) -> None:
    """The mail that is under way is taken; the next command is not."""
    gateway = await listen(Recorder(delay=0.8), session=0.5, idle=0.4)
    client = await gateway.greeted()
    client.writer.write(b"EHLO c.example\r\n" + MAIL + RCPT + b"DATA\r\nx\r\n.\r\n" + MAIL)
    lines = (await client.all()).splitlines()
    assert [line[:9] for line in lines[-2:]] == ["250 2.0.0", "421 4.4.2"]
    assert len(gateway.handler.finished) == 1


async def test_a_message_that_keeps_its_rate_is_taken(listen: Listen) -> None:
    """However slow, as long as it is as fast as it must be."""
    gateway = await listen(data_grace=0.2, data_rate=100)
    client = await gateway.greeted()
    await client.begin()
    for _ in range(8):
        client.writer.write(b"x" * 78 + b"\r\n")
        await asyncio.sleep(0.1)
    assert (await client.say(b".\r\n"))[:3] == "250"


async def test_sessions_are_counted_over_all_listeners_of_a_crowd(listen: Listen) -> None:
    """Two listeners are not twice as many places."""
    crowd = Crowd()
    options = ListenerOptions(hostname="g.example", networks=(ip_network("127.0.0.0/8"),), connections_per_client=2)
    first, second = (Door(options, Recorder(), crowd=crowd) for _ in range(2))
    gateway = await listen(connections_per_client=2)
    gateway.door._crowd = crowd
    await gateway.greeted()
    guests = [await _guest(first), await _guest(second)]
    assert [code for code in guests if code] == ["421 4.7.0"]


def test_handshakes_and_outsiders_are_counted_over_all_listeners_of_a_crowd() -> None:
    """Each kind in places of its own; whoever is refused takes none."""
    crowd = Crowd()
    options = ListenerOptions(hostname="g.example", networks=(ip_network("127.0.0.0/25"),), connections_per_client=2)
    doors = [Door(options, Recorder(), crowd=crowd) for _ in range(3)]
    inside, outside = ip_network("127.0.0.1/32")[0], ip_network("127.0.0.200/32")[0]
    knocked = [door.knock(inside) for door in doors]
    assert [refusal is None for refusal in knocked] == [True, True, False]
    doors[0].knocked(inside)
    assert doors[2].knock(inside) is None
    strangers = [doors[number % 2].knock(outside) for number in range(60)]
    assert sum(refusal is None for refusal in strangers) == 50


async def _guest(door: Door) -> str:
    """Let somebody in from 127.0.0.1; return the code of the refusal, if there is one."""

    class Somebody:
        def retire(self) -> None:
            """Not asked."""

        def abort(self) -> None:
            """Not asked."""

    refusal = door.enter(Somebody(), ip_network("127.0.0.1/32")[0])
    return "" if refusal is None else str(refusal.reply)[:9]


def test_an_ipv6_site_is_counted_as_well() -> None:
    """Its hosts may have four times what one of them may."""
    options = ListenerOptions(hostname="g.example", networks=(ip_network("2001:db8::/32"),), connections_per_client=1)
    door = Door(options, Recorder())
    hosts = [ip_network(f"2001:db8:7:{number:x}::1/128")[0] for number in range(5)]
    assert networks_of(hosts[3]) == ("2001:db8:7:3::/64", "2001:db8:7::/48")
    entered = [door.enter(object(), host) for host in hosts]  # type: ignore[arg-type]
    assert [refusal is None for refusal in entered] == [True] * 4 + [False]
    assert door.enter(object(), ip_network("2001:db8:8::1/128")[0]) is None  # type: ignore[arg-type]


async def test_a_flood_of_refusals_does_not_flood_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty lines of a reason, then how many more there were; the metric has all."""
    monkeypatch.setattr(complaints, "_WINDOW", 0.1)
    written = StringIO()
    monkeypatch.setattr(output.current, "logger", output._logger("debug", "json", Lines(written, print)))
    before = refused("timeout")
    told = Complaints()
    for _ in range(500):
        told.note("192.0.2.1", TIMEOUT)
    await until(lambda: "sessions_refused" in written.getvalue())
    told.note("192.0.2.1", TIMEOUT)
    told.close()
    lines = [json.loads(line) for line in written.getvalue().splitlines() if '"session' in line]
    assert [line["event"] for line in lines] == ["session_refused"] * 20 + ["sessions_refused", "session_refused"]
    assert lines[20]["count"] == 480
    assert refused("timeout") == before + 501


async def test_no_room_is_told_and_the_session_goes_on(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    """452 4.3.1 when the disk is full and memory is taken; the octets of the message pass by."""
    gateway = await listen()
    room = gateway.door.room = Room(1_000)
    room.take(1_000)

    def full(**_: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr("dlp_gateway.smtp.spool.tempfile.TemporaryFile", full)
    before = refused("room")
    client = await gateway.greeted()
    await client.begin()
    client.writer.write(b"Subject: x\r\n\r\n" + (b"y" * 76 + b"\r\n") * 20_000 + b".\r\n")
    assert (await client.hear())[:9] == "452 4.3.1"
    assert refused("room") == before + 1
    room.give_back(1_000)
    assert (await client.say(MAIL))[:3] == "250"
    assert gateway.handler.taken == []


async def test_a_large_message_goes_through_a_file_and_arrives_whole(listen: Listen) -> None:
    """While it comes it takes little memory; the handler gets what was sent, and room comes back after a sign."""
    gateway = await listen()
    gateway.door.room = Room(100_000)
    gateway.door.room.take(1)
    content = b"Subject: x\r\n\r\n" + b".y" * 38 + b"\r\n" + (b"z" * 76 + b"\r\n") * 30_000
    sending = await gateway.greeted()
    await sending.begin()
    sending.writer.write(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    await asyncio.sleep(0.3)
    assert gateway.handler.taken == []  # it waits for room, as long as others have it
    gateway.door.room.give_back(1)
    assert (await sending.hear())[:3] == "250"
    assert gateway.handler.taken[0][1] == content
    assert gateway.door.room.taken == len(content)
    await sending.say(b"NOOP\r\n")
    assert gateway.door.room.taken == 0


# --- logins (hazard 13) -----------------------------------------------------------------------------------------------


class Ann:
    """Logins of Ann alone."""

    async def attempt(self, name: str, password: str, *, client: str, network: str) -> Login | Denial:
        """Say who it is."""
        return Login(name="ann") if (name, password) == ("ann", "open sesame") else Denial.WRONG


async def inside(listen: Listen, authority: Authority) -> tuple[Gateway, Client]:
    """Return a listener that asks for a login, and a client under TLS."""
    gateway = await listen(
        logins=Ann(),
        login=True,
        security=Security.IMPLICIT,
        tls_context=authority.server,
        networks=(ip_network("::/0"),),
    )
    client = await gateway.client(authority.client())
    await client.hear()
    return gateway, client


RIGHT = base64.b64encode(b"\0ann\0open sesame")


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        ([b"AUTH PLAIN " + RIGHT], ["235"]),
        ([b"auth plain " + RIGHT], ["235"]),
        ([b"AUTH plain", RIGHT], ["334", "235"]),
        ([b"Auth Login", base64.b64encode(b"ann"), base64.b64encode(b"open sesame")], ["334", "334", "235"]),
        ([b"AUTH LOGIN " + base64.b64encode(b"ann"), base64.b64encode(b"open sesame")], ["334", "235"]),
        ([b"AUTH PLAIN =", b"NOOP"], ["535", "250"]),
        ([b"AUTH LOGIN =", base64.b64encode(b"open sesame")], ["334", "535"]),
        ([b"AUTH PLAIN", b"*", b"NOOP"], ["334", "501", "250"]),
        ([b"AUTH PLAIN", b"", b"NOOP"], ["334", "535", "250"]),
        ([b"AUTH PLAIN ==", b"NOOP"], ["501", "250"]),
        ([b"AUTH PLAIN !!!!", b"NOOP"], ["501", "250"]),
        ([b"AUTH PLAIN " + RIGHT + b" more", b"NOOP"], ["501", "250"]),
        ([b"AUTH", b"NOOP"], ["501", "250"]),
        ([b"AUTH CRAM-MD5", b"NOOP"], ["504", "250"]),
        ([b"AUTH PLAIN", b"A" * 20_000, b"NOOP"], ["334", "500", "250"]),
        ([b"AUTH PLAIN " + b"A" * 20_000, b"NOOP"], ["500", "250"]),
        ([b"AUTH PLAIN " + RIGHT, MAIL.strip(), b"AUTH PLAIN " + RIGHT], ["235", "250", "503"]),
        ([b"AUTH PLAIN " + RIGHT, b"MAIL FROM:<ann@corp.example> AUTH=<>"], ["235", "250"]),
        ([b"AUTH PLAIN " + RIGHT, b"MAIL FROM:<ann@corp.example> AUTH=boss@corp.example"], ["235", "250"]),
        ([b"MAIL FROM:<ann@corp.example>", b"RCPT TO:<bob@example.org>", b"DATA"], ["530", "503", "503"]),
    ],
)
async def test_every_form_of_auth_has_its_reply(
    listen: Listen, authority: Authority, said: list[bytes], codes: list[str]
) -> None:
    """In capitals or not, in one line or in several, cancelled, empty, garbled, too long, at the wrong time."""
    _, client = await inside(listen, authority)
    await client.say(b"EHLO client.example\r\n")
    assert [(await client.say(line + b"\r\n"))[:3] for line in said] == codes


@pytest.mark.parametrize("behind", [b"NOOP\r\n", b"AUTH PLAIN " + RIGHT + b"\r\n", b"\x16\x03\x01", b"\r\n" * 3])
@pytest.mark.parametrize("split", [False, True])
async def test_nothing_said_around_starttls_counts(
    listen: Listen, authority: Authority, behind: bytes, *, split: bool
) -> None:
    """Commands behind STARTTLS, in its segment or right after it, are never obeyed, in plain text or under TLS."""
    gateway = await listen(security=Security.STARTTLS, tls_context=authority.server, handshake=1.0)
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    client.writer.write(b"STARTTLS\r\n" + (b"" if split else behind))
    if split:
        await asyncio.sleep(0)
        client.writer.write(behind)
    lines = []
    while line := await client.reader.readline():
        lines.append(line)
        if not split:
            break
    assert lines[0] == b"220 2.0.0 Ready to start TLS\r\n"
    assert len(lines) == 1 or not lines[1].startswith(b"2")
    if not split:
        await client.writer.start_tls(authority.client(), server_hostname="localhost")
        assert (await client.say(b"NOOP\r\n")) == "250 2.0.0 Ok"
        assert (await client.say(MAIL))[:3] == "503"
