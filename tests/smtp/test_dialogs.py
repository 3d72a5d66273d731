"""SMTP dialogues as data: tests/dialogs/*.txt, spoken line by line to a listener."""

import asyncio
from pathlib import Path

import pytest

from tests.smtp.peers import Client, Listen

DIALOGS = sorted((Path(__file__).parent.parent / "dialogs").glob("*.txt"))


def steps(text: str) -> list[tuple[str, bytes]]:
    """Return the steps of a dialogue as its README describes them."""
    found: list[tuple[str, bytes]] = []
    for line in text.splitlines():
        if line.startswith(("C:", "S:", "R:")):
            value = (
                line[3:].encode().decode("unicode_escape").encode("latin-1") if line[0] == "R" else line[3:].encode()
            )
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
    assert len(DIALOGS) > 10
