"""A running gateway with a table of customers: to himself, to another, a list of them, and a new table on SIGHUP."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from tests.detect.edm.tables import COLUMNS, PEOPLE
from tests.e2e.client import send
from tests.e2e.conftest import Launch
from tests.e2e.gateway import COMMAND, Gateway
from tests.e2e.next_mta import NextMta

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ANN = "Your licence D1234567 is registered."
LIST = "D1234567; D7654321; D5550001"


async def build(folder: Path, people: str = PEOPLE) -> Path:
    """Build the table with the command line, as an administrator does; return it."""
    source = folder / "people.csv"
    source.write_text(people, encoding="utf-8")
    source.with_suffix(".yaml").write_text(COLUMNS)
    command = [*COMMAND, "edm", "build", str(source)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "D1234567" not in done.stdout + done.stderr
    return source.with_suffix(".edm")


def policy(table: Path) -> dict[str, object]:
    """Return the policy of one table."""
    return {"version": 1, "inside": ["corp.example"], "packs": ["own-records"], "edm": {"people": str(table)}}


async def reply(gateway: Gateway, text: str, *recipients: str) -> str:
    """Send a mail with a text and return the last reply."""
    content = f"From: a@corp.example\r\nTo: x@x.example\r\nSubject: news\r\n\r\n{text}\r\n".encode()
    return await send(gateway.port, "a@corp.example", recipients, content)


def rules(gateway: Gateway) -> list[str]:
    """Return the rules that acted on the last mail."""
    return sorted(gateway.events("decided")[-1]["rules"])


async def test_whose_data_and_to_whom(gateway: Launch, next_mta: NextMta, tmp_path: Path) -> None:
    """A's data to A leave, to B they are held, to both as well, and a list of three goes to nobody outside."""
    running = await gateway(next_mta.port, policy=policy(await build(tmp_path)))
    assert (await reply(running, ANN, "ann@home.example")).startswith("250")
    assert len(next_mta.transactions) == 1
    assert (await reply(running, ANN, "ann@home.example", "boss@corp.example")).startswith("250")
    assert len(next_mta.transactions) == 2
    for text, recipients in (
        (ANN, ("ben@home.example",)),
        (ANN, ("ann@home.example", "ben@home.example")),
        (LIST, ("stranger@away.example",)),
    ):
        assert "held" in await reply(running, text, *recipients)
    assert len(next_mta.transactions) == 2
    listed = (await running.run("quarantine", "list", "--json")).stdout.decode()
    assert listed.count("own-records.list") == 1
    assert "1234567" not in listed + running.errors.read_text()


async def test_a_costly_mail_is_measured_by_a_worker(gateway: Launch, next_mta: NextMta, tmp_path: Path) -> None:
    """A large mail with somebody's data is held as a small one is."""
    running = await gateway(next_mta.port, policy=policy(await build(tmp_path)))
    text = ("Nothing of note here, and more of it.\r\n" * 4_000) + ANN
    assert "held" in await reply(running, text, "ben@home.example")
    assert (await reply(running, text, "ann@home.example")).startswith("250")
    assert len(next_mta.transactions) == 1


async def test_a_new_table_on_hangup(gateway: Launch, next_mta: NextMta, tmp_path: Path) -> None:
    """The old one is in force until then; a broken one is refused and the old one stays."""
    table = await build(tmp_path)
    running = await gateway(next_mta.port, policy=policy(table))
    newcomer = "Your licence D9998887 is registered."
    assert (await reply(running, newcomer, "ben@home.example")).startswith("250")
    await build(tmp_path, PEOPLE + "K-100999,D9998887,,Newman,9.9.1999,30159,eve@home.example\n")
    running.reload()
    await running.event("reloaded")
    assert "held" in await reply(running, newcomer, "ben@home.example")
    whole = table.read_bytes()
    beside = table.with_suffix(".new")
    beside.write_bytes(whole[:-10])
    beside.replace(table)
    running.reload()
    refused = await running.event("reload_refused")
    assert "This table is not" in str(refused)  # long sentences are cut there
    assert "held" in await reply(running, newcomer, "ben@home.example")
    assert (await reply(running, newcomer, "eve@home.example")).startswith("250")


async def test_a_table_that_is_written_over_holds_all_mail(gateway: Launch, next_mta: NextMta, tmp_path: Path) -> None:
    """Nobody can tell what is in a mail then, so none leaves until there is a table again."""
    table = await build(tmp_path)
    running = await gateway(next_mta.port, policy=policy(table))
    whole = table.read_bytes()
    with table.open("r+b") as file:
        file.truncate(64)
    assert "held" in await reply(running, "Nothing.", "ben@home.example")
    assert next_mta.transactions == []
    table.write_bytes(whole)
    running.reload()
    await running.event("reloaded")
    assert (await reply(running, "Nothing.", "ben@home.example")).startswith("250")
    assert len(next_mta.transactions) == 1
