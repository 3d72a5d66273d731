"""SMTP dialogues as data: tests/dialogs/*.txt, spoken line by line to a listener."""

import asyncio
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.smtp.peers import Client, Listen

FOLDER = Path(__file__).parent.parent / "dialogs"
PATHS = [line.split("\t") for line in (FOLDER / "paths.tsv").read_text(encoding="utf-8").splitlines()]
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
