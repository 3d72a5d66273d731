"""BDAT: chunks cut anywhere are one message, the rules on CR, LF and NUL hold across them, errors eat their octets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.smtp.data import ChunkReader
from dlp_gateway.smtp.replies import BARE_NEWLINE, NUL, TOO_BIG, Refusal
from dlp_gateway.smtp.room import Room
from dlp_gateway.smtp.spool import Spool
from tests.smtp.peers import Client, Gateway, Listen
from tests.waiting import until

LIMIT = 10_000
CONTENT = b"Subject: hello\r\n\r\n.dot\r\ntext\r\n"


def read(chunks: list[bytes], size: int = 65_536, limit: int = LIMIT) -> bytes | Refusal | None:
    """Send chunks in segments of `size`; return the message, or why it is refused."""
    buffer = bytearray()
    reader = ChunkReader(buffer, limit, Room())
    found: bytes | Spool | Refusal | None = None
    for number, chunk in enumerate(chunks, 1):
        reader.expect(len(chunk), last=number == len(chunks))
        found = reader.read()
        for start in range(0, len(chunk), size):
            buffer += chunk[start : start + size]
            found = reader.read()
            if isinstance(found, Refusal):
                return found
        if isinstance(found, Refusal):
            return found
    assert reader.complete
    return found.in_memory if isinstance(found, Spool) else found


PIECES = st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.\r\n", b"x", b"\x00"])


@given(chunks=st.lists(st.lists(PIECES, max_size=8).map(b"".join), min_size=1, max_size=5), size=st.integers(1, 9))
@settings(max_examples=500)
def test_chunks_obey_the_rules_of_data(chunks: list[bytes], size: int) -> None:
    """However they are cut: taken as they are if every CR and LF stands in a CRLF and nothing is NUL, else refused."""
    whole = b"".join(chunks)
    found = read(chunks, size)
    bare = b"\r" in (rest := whole.replace(b"\r\n", b"")) or b"\n" in rest
    if bare:
        assert found in {BARE_NEWLINE, NUL}
    elif b"\x00" in whole:
        assert found == NUL
    else:
        assert found == whole + (b"\r\n" if whole and not whole.endswith(b"\r\n") else b"")


@pytest.mark.parametrize("chunks", [[b"x" * 9_999, b"xx"], [b"x" * 10_001], [b"x" * 9_000, b"", b"x" * 2_000, b"y"]])
def test_what_is_too_big_is_refused_in_its_chunk(chunks: list[bytes]) -> None:
    """As soon as the sum is known, and at the end of the octets that came for it."""
    assert read(chunks) == TOO_BIG


async def begun(gateway: Gateway) -> Client:
    """Return a client in a transaction."""
    client = await gateway.greeted()
    assert "250-CHUNKING" in await client.say(b"EHLO client.example\r\n")
    await client.say(b"MAIL FROM:<alice@corp.example>\r\n")
    await client.say(b"RCPT TO:<bob@example.org>\r\n")
    return client


def bdat(octets: bytes, *, last: bool = False) -> bytes:
    """Return a chunk with its command."""
    return b"BDAT %d%s\r\n" % (len(octets), b" LAST" if last else b"") + octets


async def test_chunks_are_one_message(listen: Listen) -> None:
    """Each is answered, the last one by the handler; a chunk of nothing may be any of them."""
    gateway = await listen()
    client = await begun(gateway)
    for chunk in (CONTENT[:20], b"", CONTENT[20:]):
        assert await client.say(bdat(chunk)) == "250 2.0.0 Chunk taken"
    assert await client.say(b"bdat 0 last\r\n") == "250 2.0.0 taken"
    assert gateway.handler.taken[0][1] == CONTENT


async def test_everything_in_one_segment(listen: Listen) -> None:
    """BDAT may be pipelined with all that stands before and behind it (RFC 3030 4.2)."""
    gateway = await listen()
    client = await gateway.greeted()
    mail = b"MAIL FROM:<alice@corp.example>\r\nRCPT TO:<bob@example.org>\r\n"
    client.writer.write(
        b"EHLO c.example\r\n" + (mail + bdat(CONTENT[:9]) + bdat(CONTENT[9:], last=True)) * 2 + b"QUIT\r\n"
    )
    heard = [line[:3] for line in (await client.all()).splitlines() if line[3:4] == " "]
    assert heard == ["250", *["250"] * 8, "221"]
    assert [content for _, content in gateway.handler.taken] == [CONTENT] * 2


async def test_octet_by_octet_and_large(listen: Listen) -> None:
    """Cut however TCP likes; memory is not the limit."""
    gateway = await listen()
    client = await begun(gateway)
    for octet in bdat(CONTENT):
        client.writer.write(bytes([octet]))
        await client.writer.drain()
    assert (await client.hear())[:3] == "250"
    large = (b"y" * 76 + b"\r\n") * 130_000
    assert (await client.say(bdat(large))) == "250 2.0.0 Chunk taken"
    assert (await client.say(bdat(b"end\r\n", last=True)))[:3] == "250"
    assert gateway.handler.taken[0][1] == CONTENT + large + b"end\r\n"
    await until(lambda: gateway.door.room.taken > 0)
    client.close()
    await until(lambda: gateway.door.room.taken == 0)


HIDDEN = b"MAIL FROM:<evil@corp.example>\r\nRCPT TO:<v@example.org>\r\nDATA\r\nhidden\r\n.\r\n"


@pytest.mark.parametrize(
    ("before", "code"),
    [
        (b"", "503"),
        (b"EHLO c.example\r\n", "503"),
        (b"EHLO c.example\r\nMAIL FROM:<alice@corp.example>\r\n", "503"),
        (b"EHLO c.example\r\nMAIL FROM:<alice@corp.example>\r\nRCPT TO:<bob>\r\n", "554"),
        (b"HELO c.example\r\nMAIL FROM:<alice@corp.example>\r\nRCPT TO:<bob@example.org>\r\n", "502"),
    ],
)
async def test_octets_of_a_refused_chunk_are_no_commands(listen: Listen, before: bytes, code: str) -> None:
    """They pass by, and the dialogue goes on behind them."""
    gateway = await listen()
    client = await gateway.greeted()
    client.writer.write(before + bdat(HIDDEN, last=True) + b"NOOP\r\nQUIT\r\n")
    lines = [line for line in (await client.all()).splitlines() if line[3:4] == " "]
    if not before:
        code = "502"  # nobody said EHLO, so nothing is offered
    assert [line[:3] for line in lines[-3:]] == [code, "250", "221"]
    assert gateway.handler.taken == []


async def test_a_failed_chunk_ends_the_transaction(listen: Listen) -> None:
    """What follows of it is refused with its octets (RFC 3030 2), and the next transaction begins anew."""
    gateway = await listen(message_size=1_000)
    client = await begun(gateway)
    client.writer.write(bdat(b"x" * 1_500) + bdat(HIDDEN) + bdat(HIDDEN, last=True) + b"RSET\r\n")
    assert [(await client.hear())[:9] for _ in range(4)] == ["552 5.3.4", "503 5.5.1", "503 5.5.1", "250 2.0.0"]
    client = await begun(gateway)
    assert (await client.say(bdat(b"a\x00b\r\n", last=True)))[:9] == "554 5.6.0"
    assert (await client.say(b"MAIL FROM:<alice@corp.example>\r\n"))[:3] == "250"
    assert gateway.handler.taken == []


async def test_data_and_bdat_do_not_mix(listen: Listen) -> None:
    """503 for DATA, RCPT and MAIL between chunks (RFC 3030 2); RSET ends it."""
    gateway = await listen()
    client = await begun(gateway)
    await client.say(bdat(CONTENT))
    for command in (b"DATA\r\n", b"RCPT TO:<eve@example.org>\r\n", b"MAIL FROM:<alice@corp.example>\r\n"):
        assert (await client.say(command))[:3] == "503"
    assert (await client.say(b"NOOP\r\n"))[:3] == "250"
    assert (await client.say(b"RSET\r\n"))[:3] == "250"
    assert (await client.say(bdat(CONTENT, last=True)))[:3] == "503"
    client.writer.write(b"MAIL FROM:<alice@corp.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n")
    assert [(await client.hear())[:3] for _ in range(3)] == ["250", "250", "354"]
    assert (await client.say(CONTENT.replace(b"\r\n.", b"\r\n..") + b".\r\n"))[:3] == "250"
    assert [content for _, content in gateway.handler.taken] == [CONTENT]


@pytest.mark.parametrize("cut", range(1, 6))
async def test_smuggling_by_chunks_is_refused(listen: Listen, cut: int) -> None:
    """A bare newline cut in two by the border of chunks is a bare newline."""
    gateway = await listen()
    client = await begun(gateway)
    evil = b"x\n.\r\n\r"
    client.writer.write(bdat(evil[:cut]) + bdat(evil[cut:] + b"\n", last=True) + b"QUIT\r\n")
    assert "521 5.5.2" in (await client.all()).splitlines()[-1]
    assert gateway.handler.taken == []


@pytest.mark.parametrize(
    "argument", [b"", b" ", b" x", b" -1", b" 5 FIRST", b" 5 LAST LAST", b" 0x10", b" " + b"9" * 20]
)
async def test_chunk_of_nobody_knows_how_many_octets_ends_the_session(listen: Listen, argument: bytes) -> None:
    """Where its octets end cannot be known, or will never be reached."""
    gateway = await listen()
    client = await begun(gateway)
    client.writer.write(b"BDAT" + argument + b"\r\n" + HIDDEN)
    heard = await client.all()
    assert heard[:3] in {"501", "552"}
    assert len(heard.splitlines()) == 1
    assert gateway.handler.taken == []


@pytest.mark.parametrize(
    "line",
    [
        *(b"BDAT%b200 LAST" % sign for sign in (b"\t", b"\0", b"\x0b", b"\x7f", b"\xc2\xa0", b" \xff ")),
        *(b" BDAT 200 LAST", b"\tbdat 200 LAST", b"BDAT 5" + b" " * 3000 + b"LAST", b"BDAT " + b"0" * 3000 + b"5"),
        *(b"DATA\0", b" DATA", b"data\x01"),
    ],
)
async def test_a_line_that_announces_content_and_cannot_be_read_ends_the_session(listen: Listen, line: bytes) -> None:
    """What follows it is content, whatever it looks like: none of it is a command."""
    gateway = await listen()
    client = await begun(gateway)
    client.writer.write(line + b"\r\n" + HIDDEN)
    heard = await client.all()
    assert heard[:3] == "500"
    assert len(heard.splitlines()) == 1
    assert gateway.handler.taken == []


async def test_a_message_in_very_many_very_small_chunks_has_an_end(listen: Listen) -> None:
    """Each costs as much as a large one: a hundred are one command of junk, and empty ones are junk themselves."""
    for chunks in (bdat(b"x") * 1_000, bdat(b"") * 11):
        gateway = await listen(junk_commands=9)
        client = await begun(gateway)
        client.writer.write(chunks)
        assert (await client.all()).splitlines()[-1] == "421 4.7.0 Too many commands without mail"
        assert gateway.handler.taken == []


async def test_a_message_in_many_small_chunks_is_taken(listen: Listen) -> None:
    """RFC 3030 has no least size: a client may send what it has."""
    gateway = await listen()
    client = await begun(gateway)
    message = b"Subject: x\r\n\r\n" + b"words\r\n" * 300
    for octet in range(0, len(message), 7):
        client.writer.write(bdat(message[octet : octet + 7]))
    client.writer.write(bdat(b"", last=True) + b"QUIT\r\n")
    assert (await client.all()).splitlines()[-2][:3] == "250"
    assert len(gateway.handler.taken) == 1


async def test_disconnect_between_chunks_hands_nothing_over(listen: Listen) -> None:
    """And gives back what was taken."""
    gateway = await listen()
    client = await begun(gateway)
    await client.say(bdat(CONTENT * 10_000))
    client.close()
    await until(lambda: gateway.door.sessions == 0)
    assert (gateway.handler.taken, gateway.door.room.taken) == ([], 0)
