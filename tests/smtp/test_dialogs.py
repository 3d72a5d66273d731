"""SMTP dialogues as data: tests/dialogs/*.txt, spoken line by line to a listener."""

import asyncio
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.smtp.peers import Client, Listen

FOLDER = Path(__file__).parent.parent / "dialogs"
PATHS = [line.split("\t") for line in (FOLDER / "paths.tsv").read_text(encoding="utf-8").splitlines()]
ENDINGS = [line.split("\t") for line in (FOLDER / "endings.tsv").read_text(encoding="utf-8").splitlines()]
COMMANDS = [line.split("\t") for line in (FOLDER / "commands.tsv").read_text(encoding="utf-8").splitlines()]
BEFORE = {"greeting": 0, "ehlo": 1, "mail": 2}
DIALOGS = sorted(FOLDER.glob("*.txt"))


def steps(text: str) -> list[tuple[str, bytes]]:
    """Return the steps of a dialogue as its README describes them."""
    found: list[tuple[str, bytes]] = []
    for line in text.splitlines():
        if line.startswith(("C:", "S:", "R:")):
            value = octets(line[3:]) if line[0] == "R" else line[3:].encode()
            found.append((line[0], value))
    return found


async def speak(client: Client, dialog: list[tuple[str, bytes]]) -> list[tuple[str, str]]:
    """Speak a dialogue; return the expectations that were not met, with what was heard."""
    wrong: list[tuple[str, str]] = []
    for who, value in dialog:
        if who == "S":
            expected, heard = value.decode(), await client.hear()
            last = heard.splitlines()[-1] if heard else "end"
            if not last.startswith(expected):
                wrong.append((expected, heard))
        else:
            client.writer.write(value + b"\r\n" if who == "C" else value)
            await client.writer.drain()
    return wrong


@pytest.mark.parametrize("dialog", DIALOGS, ids=lambda path: path.stem)
async def test_dialogue_goes_as_written(listen: Listen, dialog: Path) -> None:
    """Each line that the server should say is what it says; a message is taken where the file name says so."""
    gateway = await listen(message_size=10_000)
    told = steps(dialog.read_text(encoding="utf-8"))  # noqa: ASYNC240  a few lines
    async with asyncio.timeout(8):
        assert await speak(await gateway.client(), told) == []
    assert len(gateway.handler.taken) == int(dialog.stem.rpartition("-")[2])


def test_there_are_dialogues() -> None:
    """The folder was found."""
    assert len([path for path in DIALOGS if path.stem.startswith("smuggling")]) >= 20
    assert len(PATHS) >= 48


def octets(text: str) -> bytes:
    """Return what an escaped text stands for."""
    return text.encode().decode("unicode_escape").encode("latin-1")


@pytest.mark.parametrize(("path", "code"), PATHS)
async def test_path_that_is_no_recipient_is_refused(listen: Listen, path: str, code: str) -> None:
    """Also by a client who may send: a next hop could read another recipient in it than the one that was judged."""
    gateway = await listen()
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    await client.say(b"MAIL FROM:<alice@corp.example>\r\n")
    assert (await client.say(b"RCPT TO:" + octets(path) + b"\r\n"))[:3] == code
    if code != "521":
        assert (await client.say(b"DATA\r\n"))[:3] in {"503", "554"}
    assert gateway.handler.taken == []


@pytest.mark.parametrize(
    "path", [path for path, code in PATHS if code != "521"] + ["<bob@example.org>", "<postmaster>"]
)
async def test_nobody_from_outside_may_name_a_recipient(listen: Listen, path: str) -> None:
    """Whatever the form: a client outside of the networks may only QUIT."""
    gateway = await listen(networks=(ip_network("192.0.2.0/24"),))
    client = await gateway.client()
    assert (await client.hear())[:9] == "554 5.7.1"
    for line in (b"EHLO evil.example", b"MAIL FROM:<alice@corp.example>", b"RCPT TO:" + octets(path), b"DATA"):
        assert (await client.say(line + b"\r\n"))[:9] == "503 5.5.1"
    assert gateway.handler.taken == []


BEGUN = b"Subject: hello\r\n\r\ntext"
SMUGGLED = b"MAIL FROM:<eve@corp.example>\r\nRCPT TO:<eve@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\ntext"


def data(body: bytes) -> list[bytes]:
    """Return a message behind DATA in one piece."""
    return [b"DATA\r\n", body + b"\r\n.\r\n"]


def octet_by_octet(body: bytes) -> list[bytes]:
    """Return it in pieces of one octet."""
    return [b"DATA\r\n", *(bytes([octet]) for octet in body + b"\r\n.\r\n")]


def chunk(body: bytes) -> list[bytes]:
    """Return it in one chunk."""
    return [b"BDAT %d LAST\r\n%b\r\n" % (len(body) + 2, body)]


def small_chunks(body: bytes) -> list[bytes]:
    """Return it in chunks of one octet around what pretends to be its end, so that each border is met."""
    first, last = len(BEGUN), len(body) - len(SMUGGLED)
    pieces = [body[:first], *(body[index : index + 1] for index in range(first, last)), body[last:] + b"\r\n"]
    return [b"BDAT %d%b\r\n%b" % (len(piece), b" LAST" * (piece is pieces[-1]), piece) for piece in pieces]


@pytest.mark.parametrize("way", [data, octet_by_octet, chunk, small_chunks])
@pytest.mark.parametrize(("ending", "code"), ENDINGS)
async def test_what_only_looks_like_the_end_of_a_message_ends_none(
    listen: Listen, ending: str, code: str, way: Callable[[bytes], list[bytes]]
) -> None:
    """Behind DATA and in chunks: either nothing is taken, or one message with all of it (CVE-2023-51764)."""
    gateway = await listen(message_size=10_000)
    client = await gateway.greeted()
    client.writer.write(b"EHLO c.example\r\nMAIL FROM:<alice@corp.example>\r\nRCPT TO:<bob@example.org>\r\n")
    for piece in way(BEGUN + octets(ending) + SMUGGLED):
        client.writer.write(piece)
        await asyncio.sleep(0)
    client.writer.write(b"QUIT\r\n")
    heard = await client.all()
    taken = [content for _, content in gateway.handler.taken]
    if code == "250":
        # RFC 5321 4.5.2: behind DATA the first dot of a line is not the author's.
        unstuffed = octets(ending).replace(b"\r\n.", b"\r\n") if way in {data, octet_by_octet} else octets(ending)
        assert taken == [BEGUN + unstuffed + SMUGGLED + b"\r\n"]
    else:
        assert f"\n{code} " in f"\n{heard}"
        assert taken == []


@pytest.mark.parametrize(("state", "line", "code"), COMMANDS)
async def test_command_is_answered_as_it_deserves(listen: Listen, state: str, line: str, code: str) -> None:
    """After the greeting, after EHLO, or after MAIL; nothing of it becomes a message."""
    gateway = await listen(message_size=10_000)
    client = await gateway.greeted()
    for before in (b"EHLO client.example\r\n", b"MAIL FROM:<alice@corp.example>\r\n")[: BEFORE[state]]:
        assert (await client.say(before))[:3] == "250"
    heard = await client.say(octets(line) + b"\r\n")
    assert heard.splitlines()[-1][:3] == code
    assert gateway.handler.taken == []
