"""Teams that a real directory knows: who is in them is asked at the start, on reload and from time to time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import send
from tests.e2e.conftest import Launch, require
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta
from tests.e2e.slapd import BASE, SEARCHER, Slapd
from tests.e2e.submission import SECRET

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

OUTSIDERS = tuple(f"c{number}@shop{number}.example" for number in range(12))
POLICY = {
    "version": 1,
    "inside": ["corp.example"],
    "packs": ["bulk-visible"],
    "teams": {"sales": {"filter": "(&(objectClass=groupOfNames)(cn=sales))", "members": "member"}},
    "scopes": [{"only": {"team": "sales"}, "set": {"bulk-visible.outsiders": 20}}],
}


@pytest.fixture
def slapd() -> Iterator[Slapd]:
    """Give a directory in which Ann is of sales, by way of a group in the group, and Ben is not."""
    require("slapd")
    people = {"": SECRET[::-1], "ann": SECRET, "ben": SECRET}
    one = Slapd(people, {"north": ("uid=ann",), "sales": ("cn=north", "cn=sales", "uid=gone")})
    try:
        one.start()
        yield one
    finally:
        one.stop()


@pytest.fixture
def settings(slapd: Slapd, tmp_path: Path) -> dict[str, Any]:
    """Give the section that names the directory."""
    secret = tmp_path / "searcher"
    secret.write_text(SECRET[::-1])
    directory = {
        "url": slapd.url,
        "ca_file": str(slapd.tls.authority),
        "base": BASE,
        "bind_dn": SEARCHER,
        "bind_password_file": str(secret),
        "timeout": "5s",
        "refresh": "10s",
    }
    return {"directory": directory}


async def is_hidden(gateway: Gateway, mta: NextMta, sender: str) -> bool:
    """Send a mail to twelve visible outsiders, and tell whether they left without each other."""
    before = len(mta.transactions)
    mail = f"From: {sender}\r\nTo: {', '.join(OUTSIDERS)}\r\nSubject: Offer\r\n\r\nDear all\r\n".encode()
    assert (await send(gateway.port, sender, OUTSIDERS, mail))[:3] == "250"
    transaction = (await mta.until(before + 1))[-1]
    return OUTSIDERS[0].encode() not in transaction.content


async def test_a_team_of_the_directory_has_numbers_of_its_own(
    gateway: Launch, next_mta: NextMta, slapd: Slapd, settings: dict[str, Any]
) -> None:
    """Sales may show more; who leaves the group loses that; a directory that is away changes nothing."""
    running = await gateway(next_mta.port, policy=POLICY, settings=settings)
    assert [await is_hidden(running, next_mta, f"{who}@corp.example") for who in ("ann", "ben")] == [False, True]
    assert running.events("teams_read")[0] | {"timestamp": ""} == {
        "timestamp": "",
        "level": "info",
        "event": "teams_read",
        "teams": 1,
        "members": 1,
    }
    assert await running.metric('dlp_team_members{team="sales"}') == 1
    assert await running.metric("dlp_teams_current") == 1
    kept = running.folder / "teams.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert list(json.loads(kept.read_text()).values()) == [["ann@corp.example"]]

    slapd.regroup("north", "uid=ben")  # taken up on schedule, without a reload
    await running.event("reloaded")
    assert json.loads(kept.read_text()).popitem()[1] == ["ben@corp.example"]
    assert [await is_hidden(running, next_mta, f"{who}@corp.example") for who in ("ann", "ben")] == [True, False]

    slapd.halt()
    running.reload()
    (event, *_) = await running.event("team_unavailable")
    assert (event["team"], event["why"], event["kept"]) == ("sales", "connect", True)
    await running.event("reloaded", 2)
    assert await running.metric("dlp_teams_current") == 0
    assert [await is_hidden(running, next_mta, f"{who}@corp.example") for who in ("ann", "ben")] == [True, False]

    assert await running.stop() == 0
    await running.start()
    assert [await is_hidden(running, next_mta, f"{who}@corp.example") for who in ("ann", "ben")] == [True, False]
    text = running.errors.read_text()
    assert "ann@" not in text
    assert "ben@" not in text


async def test_a_first_start_needs_the_directory(
    gateway: Launch, next_mta: NextMta, slapd: Slapd, settings: dict[str, Any]
) -> None:
    """Exit 69 with the team and what to do: rules about people whom nobody knows would be about everybody."""
    slapd.halt()
    with pytest.raises(RuntimeError, match=r"(?s)status 69: .*who is in the team sales \(connect\), and never did"):
        await gateway(next_mta.port, policy=POLICY, settings=settings)


async def test_a_reload_with_a_team_of_nobody_is_refused(
    gateway: Launch, next_mta: NextMta, settings: dict[str, Any]
) -> None:
    """A filter that finds nobody is a mistake; what was in force stays, and the other team's rule still counts."""
    running = await gateway(next_mta.port, policy=POLICY, settings=settings)
    wrong = {"sales": POLICY["teams"]["sales"], "hr": {"filter": "(cn=hr)"}}  # type: ignore[index]
    running.write_policy(POLICY | {"teams": wrong})
    running.reload()
    (event,) = await running.event("reload_refused")
    assert "who is in the team hr (empty)" in event["problems"][0]
    assert await running.metric("dlp_policy_current") == 0
    assert not await is_hidden(running, next_mta, "ann@corp.example")


async def test_check_asks_the_directory(
    gateway: Launch, next_mta: NextMta, slapd: Slapd, settings: dict[str, Any]
) -> None:
    """How many it knows of each team, and what to do where it tells of nobody."""
    teams = {
        "sales": POLICY["teams"]["sales"],  # type: ignore[index]
        "all": {"filter": "(mail=*)"},
    }
    running = await gateway(next_mta.port, policy=POLICY | {"teams": teams}, settings=settings)
    ran = await running.run("check", "--live")
    told = ran.stdout.decode()
    assert "team sales: The directory knows 1 address in it." in told
    assert "team all: The directory knows 2 addresses in it." in told
    assert "Team all: 2 addresses of the directory." in told
    slapd.halt()
    ran = await running.run("check", "--live")
    assert ran.returncode == 69
    assert "problem: team sales: It cannot be reached." in ran.stdout.decode()
