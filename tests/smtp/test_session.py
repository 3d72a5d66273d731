"""The dialogue over real sockets: transactions, hand-over, disconnects at every stage, limits."""

import asyncio
import inspect
import logging
import shutil
import smtplib
import socket
from ipaddress import ip_network

import pytest
from aiosmtpd.smtp import SMTP

from dlp_gateway.mail.envelope import DsnRequest, Notify, RecipientRequest, Ret
from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp.listener import Beyond, protocol_factory
from dlp_gateway.smtp.session import Session
from tests.smtp.peers import Listen, Recorder

MAIL = b"MAIL FROM:<alice@corp.example>\r\n"
RCPT = b"RCPT TO:<bob@example.org>\r\n"
CONTENT = b"Subject: hello\r\n\r\ntext\r\n"


async def test_message_arrives_as_it_was_sent(listen: Listen) -> None:
    """The standard library's client sends; the handler gets envelope and octets."""
    gateway = await listen()

    def send() -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP("127.0.0.1", gateway.port, local_hostname="client.example") as client:
            return client.sendmail(
                "alice@corp.example",
                ["bob@example.org", "carol@example.net", "bob@example.org"],
                b"Subject: dots\r\n\r\n.\r\n..two\r\n\xc3\xa9\r\n",
                mail_options=["BODY=8BITMIME"],
            )

    assert await asyncio.to_thread(send) == {}
    envelope, content = gateway.handler.taken[0]
    assert content == b"Subject: dots\r\n\r\n.\r\n..two\r\n\xc3\xa9\r\n"
    assert envelope.reverse_path == "alice@corp.example"
    assert envelope.recipients == ("bob@example.org", "carol@example.net")
    assert (envelope.client, envelope.login, envelope.body_8bit, envelope.smtputf8) == ("127.0.0.1", "", True, False)
    assert len(envelope.id) == 18


async def test_requests_for_dsns_are_in_the_envelope(listen: Listen) -> None:
    """What MAIL and RCPT asked, in xtext as it came; a recipient named twice is one, and asked for both."""
    gateway = await listen()
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    await client.say(b"MAIL FROM:<alice@corp.example> RET=FULL ENVID=QQ+2B314159\r\n")
    for rcpt in (
        b"bob@example.org> NOTIFY=NEVER",
        b"bob@example.org> NOTIFY=DELAY ORCPT=rfc822;b+2Bx",
        b"eve@a.example>",
    ):
        await client.say(b"RCPT TO:<" + rcpt + b"\r\n")
    await client.say(b"DATA\r\n")
    await client.say(CONTENT + b".\r\n")
    ((envelope, _),) = gateway.handler.taken
    assert envelope.recipients == ("bob@example.org", "eve@a.example")
    bob = RecipientRequest(notify=Notify.DELAY, original="rfc822;b+2Bx")
    assert envelope.dsn == DsnRequest(ret=Ret.FULL, envelope_id="QQ+2B314159", recipients={"bob@example.org": bob})


async def test_a_recipient_in_other_letters_is_the_same(listen: Listen) -> None:
    """250 for each, one copy to the address as it was written first, and the requests of both; a tag is another."""
    gateway = await listen()
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    await client.say(MAIL)
    for rcpt in (
        b"Bob@partner.example> NOTIFY=NEVER",
        b"bob@PARTNER.EXAMPLE> NOTIFY=DELAY",
        b'"BOB"@Partner.example> ORCPT=rfc822;b+2Bx',
        b"bob+news@partner.example>",
    ):
        assert (await client.say(b"RCPT TO:<" + rcpt + b"\r\n"))[:9] == "250 2.1.5"
    await client.say(b"DATA\r\n")
    await client.say(CONTENT + b".\r\n")
    ((envelope, _),) = gateway.handler.taken
    assert envelope.recipients == ("Bob@partner.example", "bob+news@partner.example")
    bob = RecipientRequest(notify=Notify.FAILURE | Notify.DELAY, original="rfc822;b+2Bx")
    assert envelope.dsn == DsnRequest(recipients={"Bob@partner.example": bob})


async def test_pipelined_group_is_answered_in_order(listen: Listen) -> None:
    """Two transactions and a QUIT; the first content leads its group (RFC 2920 3.1)."""
    gateway = await listen()
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    client.writer.write(MAIL + RCPT + b"RCPT TO:<nobody>\r\nDATA\r\n")
    heard = [await client.hear() for _ in range(4)]
    assert [reply[:3] for reply in heard] == ["250", "250", "553", "354"]
    client.writer.write(CONTENT + b".\r\n" + MAIL + b"RSET\r\n" + MAIL + RCPT + b"DATA\r\n")
    heard = [await client.hear() for _ in range(6)]
    assert [reply[:3] for reply in heard] == ["250", "250", "250", "250", "250", "354"]
    client.writer.write(b"second\r\n.\r\nQUIT\r\n")
    assert [(await client.hear())[:3] for _ in range(3)] == ["250", "221", ""]
    assert [content for _, content in gateway.handler.taken] == [CONTENT, b"second\r\n"]


async def test_commands_may_come_octet_by_octet(listen: Listen) -> None:
    """A slow typist is a client too."""
    gateway = await listen()
    client = await gateway.greeted()
    dialog = b"EHLO client.example\r\n" + MAIL + RCPT + b"DATA\r\n" + CONTENT + b".\r\nQUIT\r\n"
    for octet in dialog:
        client.writer.write(bytes([octet]))
        await client.writer.drain()
        await asyncio.sleep(0)
    assert (await client.all()).endswith("221 2.0.0 Bye\r\n")
    assert [content for _, content in gateway.handler.taken] == [CONTENT]


@pytest.mark.parametrize("line", [b"NOOP\n", b"NO\rOP\r\n", b"EHLO a\nMAIL\r\n", b"NOOP\r\r\n", b"\n", b"\r\r\n"])
async def test_bare_newline_in_a_command_ends_the_session(listen: Listen, line: bytes) -> None:
    """Commands obey the same rule as content (RFC 5321 2.3.8)."""
    gateway = await listen()
    client = await gateway.greeted()
    client.writer.write(line + b"QUIT\r\n")
    assert await client.all() == "521 5.5.2 Lines end in CRLF and nothing else (RFC 5321 2.3.8)\r\n"


@pytest.mark.parametrize("form", [b"\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r", b"\r\r\n.\r\n"])
async def test_smuggled_command_is_never_obeyed(listen: Listen, form: bytes) -> None:
    """One reply, 521, and the end, however much was behind it; the client can read it."""
    gateway = await listen()
    client = await gateway.greeted()
    await client.begin()
    client.writer.write(b"x\r\n" + form + MAIL + RCPT + b"DATA\r\nhidden\r\n.\r\n" + b"y" * 2_000_000)
    assert (await client.all()).startswith("521 5.5.2")
    assert gateway.handler.taken == []


async def test_content_after_a_refused_data_is_no_commands(listen: Listen) -> None:
    """A client that does not wait for the 354 must not have its content obeyed."""
    gateway = await listen()
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    client.writer.write(b"DATA\r\n" + MAIL + RCPT + b"DATA\r\nhidden\r\n.\r\n")
    assert await client.all() == "503 5.5.1 Content sent without leave\r\n"
    assert gateway.handler.taken == []


async def test_content_sent_too_early_is_still_content(listen: Listen) -> None:
    """If DATA is in order, impatience is harmless."""
    gateway = await listen()
    client = await gateway.greeted()
    client.writer.write(b"EHLO client.example\r\n" + MAIL + RCPT + b"DATA\r\n" + CONTENT + b".\r\nQUIT\r\n")
    assert (await client.all()).endswith("354 End data with <CR><LF>.<CR><LF>\r\n250 2.0.0 taken\r\n221 2.0.0 Bye\r\n")


async def test_two_sessions_do_not_meet(listen: Listen) -> None:
    """Hazard 9: a long MAIL is good whoever else connects, greets or greets again."""
    gateway = await listen()
    first = await gateway.greeted()
    await first.say(b"EHLO first.example\r\n")
    second = await gateway.greeted()
    for _ in range(3):
        await second.say(b"EHLO second.example\r\n")
    long = b"MAIL FROM:<" + b"a" * 64 + b"@" + b"b" * 60 + b".example> SIZE=1000 BODY=8BITMIME AUTH=" + b"c" * 500
    assert await first.say(long + b"\r\n") == "250 2.1.0 Sender ok"
    assert await second.say(b"DATA\r\n") == "503 5.5.1 Say MAIL first"


async def test_hundred_recipients_in_one_go(listen: Listen) -> None:
    """RFC 5321 4.5.3.1.8 asks for at least 100."""
    gateway = await listen()
    client = await gateway.greeted()
    paths = tuple(f"user{number}@example.org" for number in range(100))
    await client.begin(*paths)
    await client.say(CONTENT + b".\r\n")
    assert gateway.handler.taken[0][0].recipients == paths


async def test_recipients_beyond_the_limit_are_for_another_transaction(listen: Listen) -> None:
    """452 4.5.3 for each (RFC 5321 4.5.3.1.10), one again that was taken is no more; there is an end to asking."""
    gateway = await listen(recipients=3)
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    await client.say(MAIL)
    heard = [await client.say(b"RCPT TO:<u%d@example.org>\r\n" % number) for number in (1, 2, 3, 4, 3, 5, 6)]
    assert [reply[:9] for reply in heard] == ["250 2.1.5"] * 3 + ["452 4.5.3", "250 2.1.5", "452 4.5.3", "452 4.5.3"]
    client.writer.write(b"RCPT TO:<u7@example.org>\r\n")
    assert (await client.all()).splitlines()[-1].startswith("421 4.7.0")


async def test_errors_have_an_end(listen: Listen) -> None:
    """421 after the twentieth, and only then."""
    gateway = await listen()
    client = await gateway.greeted()
    client.writer.write(b"BOGUS\r\n" * 30)
    lines = (await client.all()).splitlines()
    assert [line[:3] for line in lines] == ["500"] * 20 + ["421"]


async def test_commands_without_mail_have_an_end_that_mail_moves(listen: Listen) -> None:
    """A hundred NOOPs; a message sent in between begins the count anew."""
    gateway = await listen(junk_commands=10)
    client = await gateway.greeted()
    for _ in range(2):
        await client.begin()
        await client.say(CONTENT + b".\r\n")
        for _ in range(8):
            assert (await client.say(b"NOOP\r\n")).startswith("250")
    client.writer.write(b"NOOP\r\n" * 5)
    assert (await client.all()).splitlines()[-1] == "421 4.7.0 Too many commands without mail"


@pytest.mark.parametrize(
    ("beyond", "gone"),
    [
        (Beyond(eight_bit=False), "8BITMIME"),
        (Beyond(smtputf8=False), "SMTPUTF8"),
        (Beyond(dsn=False), "DSN"),
        (Beyond(size=5_000), "SIZE 50000000"),
    ],
)
async def test_ehlo_offers_what_the_next_hop_takes(listen: Listen, beyond: Beyond, gone: str) -> None:
    """And nothing else; a session that was offered it before goes on so."""
    gateway = await listen()
    early, late = await gateway.greeted(), await gateway.greeted()
    all_ = {line[4:] for line in (await early.say(b"EHLO client.example\r\n")).splitlines()[1:]}
    gateway.door.learn(beyond)
    less = {line[4:] for line in (await late.say(b"EHLO client.example\r\n")).splitlines()[1:]}
    assert all_ - less == {gone}
    assert less - all_ == ({"SIZE 4000"} if beyond.size else set())  # so that our own fields find room
    asked = b"MAIL FROM:<alice@corp.example> SIZE=6000 BODY=8BITMIME SMTPUTF8 RET=HDRS\r\n"
    assert (await early.say(asked))[:3] == "250"
    expected = "552" if beyond.size else "250" if gone == "DSN" else "555"
    assert (await late.say(asked))[:3] == expected


async def test_size_is_announced_and_enforced(listen: Listen) -> None:
    """By MAIL's SIZE before, by counting after; the dialogue goes on."""
    gateway = await listen(message_size=1000)
    client = await gateway.greeted()
    assert "250-SIZE 1000" in (await client.say(b"EHLO client.example\r\n")).splitlines()
    assert (await client.say(b"MAIL FROM:<alice@corp.example> SIZE=1001\r\n")).startswith("552 5.3.4")
    await client.begin()
    assert (await client.say(b"x" * 1200 + b"\r\n.\r\n")).startswith("552 5.3.4")
    assert (await client.say(MAIL)).startswith("250")


async def test_a_header_without_end_is_refused(listen: Listen) -> None:
    """Nobody would read it, and every edit would have to; the session goes on, and one that is long passes."""
    gateway = await listen(message_size=20_000_000)
    client = await gateway.greeted()
    line = b"X-Note: " + b"words " * 20 + b"\r\n"
    for most, reply in ((4_900_000, "250 2.0.0"), (5_100_000, "552 5.3.4"), (12_000_000, "552 5.3.4")):
        await client.begin()
        assert (await client.say(line * (most // len(line)) + b"\r\nwords\r\n.\r\n")).startswith(reply)
    await client.begin()
    assert (await client.say(b"Subject: x\r\n\r\n" + line * 50_000 + b".\r\n")).startswith("250")
    assert len(gateway.handler.taken) == 2


async def test_client_of_another_network_may_only_quit(listen: Listen) -> None:
    """554 in the greeting, 503 to all else (RFC 5321 3.1): never an open relay."""
    gateway = await listen(networks=(ip_network("192.0.2.0/24"),))
    client = await gateway.client()
    assert await client.hear() == "554 5.7.1 Your network may not send through this gateway"
    for line in (b"EHLO client.example\r\n", MAIL, RCPT, b"DATA\r\n"):
        assert await client.say(line) == "503 5.5.1 Only QUIT is possible here"
    assert await client.say(b"quit\r\n") == "221 2.0.0 Bye"
    assert await client.hear() == ""


@pytest.mark.parametrize(
    "request_line", [b"GET / HTTP/1.1", b"POST /x HTTP/1.1", b"OPTIONS * HTTP/1.0", b"CONNECT a:25 HTTP/1.1"]
)
async def test_browser_is_sent_away_at_its_first_line(listen: Listen, request_line: bytes) -> None:
    """A page can make a browser inside the network post SMTP commands."""
    gateway = await listen()
    client = await gateway.greeted()
    client.writer.write(
        request_line + b"\r\nHost: x\r\n\r\nEHLO x\r\n" + MAIL + RCPT + b"DATA\r\n" + CONTENT + b".\r\n"
    )
    assert await client.all() == "500 5.5.1 This is SMTP\r\n"
    assert gateway.handler.taken == []


async def test_reply_of_the_handler_is_one_line_of_ascii(listen: Listen) -> None:
    """Whatever a rule's explanation or the smarthost says (RFC 6531 3.7.4.2 keeps UTF-8 for those who asked)."""
    text = "Führerschein\r\n250 ok\x1b[31m – nein"
    gateway = await listen(Recorder(reply=Reply(code=550, enhanced="5.7.1", text=text)))
    client = await gateway.greeted()
    await client.begin()
    assert await client.say(CONTENT + b".\r\n") == "550 5.7.1 Fuhrerschein??250 ok?[31m ? nein"
    await client.say(b"MAIL FROM:<alice@corp.example> SMTPUTF8\r\n")
    await client.say(RCPT)
    await client.say(b"DATA\r\n")
    assert await client.say(CONTENT + b".\r\n") == "550 5.7.1 Führerschein??250 ok?[31m – nein"


async def test_nothing_is_logged_by_the_library_even_at_debug(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    """Hazard 14: aiosmtpd logs every line of a message at DEBUG."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("mail.log").setLevel(logging.DEBUG)
    gateway = await listen()
    client = await gateway.greeted()
    await client.begin("marker@example.org")
    await client.say(b"Subject: marker\r\n\r\nmarker\r\n.\r\n")
    assert (await client.say(b"marker\r\n")).startswith("500")
    assert [record for record in caplog.records if "marker" in record.getMessage()] == []
    assert [record for record in caplog.records if record.name == "mail.log"] == []


def test_no_command_is_the_library_s() -> None:
    """A session never waits for a command, so one that aiosmtpd answers would not be answered at all."""
    inherited = [name for name in dir(Session) if name.startswith("smtp_") and name in vars(SMTP)]
    assert len(inherited) >= 13
    assert [name for name in inherited if inspect.iscoroutinefunction(getattr(Session, name))] == []


async def test_banner_names_the_host_and_nothing_else(listen: Listen) -> None:
    """No product, no version."""
    gateway = await listen()
    client = await gateway.client()
    assert await client.hear() == "220 gateway.example ESMTP"


async def test_unix_socket_peer_is_not_a_client(listen: Listen) -> None:
    """Who has no IP address is in no network."""
    gateway = await listen()
    ours, theirs = socket.socketpair()
    await asyncio.get_running_loop().connect_accepted_socket(protocol_factory(gateway.door), ours)
    theirs.setblocking(False)
    assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(theirs, 100), 2) == b""
    theirs.close()


@pytest.mark.skipif(shutil.which("swaks") is None, reason="swaks is not installed")
async def test_swaks_sends_pipelined(listen: Listen) -> None:
    """A client of another make, with PIPELINING and two recipients."""
    gateway = await listen()
    said = await run(
        *("swaks", "--server", f"127.0.0.1:{gateway.port}", "--pipeline", "--helo", "client.example", "--silent", "2"),
        *("--from", "alice@corp.example", "--to", "bob@example.org,carol@example.net", "--body", "..dots"),
    )
    assert said == ""
    envelope, content = gateway.handler.taken[0]
    assert envelope.recipients == ("bob@example.org", "carol@example.net")
    assert b"\r\n..dots\r\n" in content


@pytest.mark.skipif(shutil.which("msmtp") is None, reason="msmtp is not installed")
async def test_msmtp_sends(listen: Listen) -> None:
    """What many scripts use."""
    gateway = await listen()
    said = await run(
        *("msmtp", "--host=127.0.0.1", f"--port={gateway.port}", "--from=alice@corp.example", "bob@example.org"),
        octets=b"Subject: hello\n\n.dot\n",
    )
    assert said == ""
    (_, content), *more = gateway.handler.taken
    assert content.endswith(b"Subject: hello\r\n\r\n.dot\r\n")
    assert more == []


async def run(*command: str, octets: bytes = b"") -> str:
    """Run a client; return what it complains about."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(octets), 10)
    return said.decode()
