"""What the admin application answers."""

import asyncio
import time

import httpx
import pytest

from dlp_gateway.console import app as console
from dlp_gateway.console.app import application

MARK = "/var/lib/dlp-gateway/custody.db is broken"


async def well() -> str:
    """A part that is well."""
    return ""


async def full() -> str:
    """A part that is not, and says why."""
    return "disk\r\nfull"


async def broken() -> str:
    """A check that fails itself."""
    raise OSError(MARK)


async def silent() -> str:
    """A check that never answers."""
    await asyncio.sleep(60)
    return ""


def counted() -> tuple[bytes, str]:
    """Metrics of one line."""
    return b"dlp_up 1\n", "text/plain; version=1.0.0; charset=utf-8"


async def ask(method: str, path: str, **checks: console.Check) -> httpx.Response:
    """Ask an application with these checks."""
    transport = httpx.ASGITransport(application(checks, counted), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://admin.example") as client:
        return await client.request(method, path)


async def test_all_parts_are_well() -> None:
    """/readyz answers 200 and names each part."""
    response = await ask("GET", "/readyz", custody=well, smarthost=well)
    assert response.status_code == 200
    assert response.json() == {"ready": True, "checks": {"custody": "ok", "smarthost": "ok"}}


async def test_facts_stand_beside_the_checks_and_decide_nothing() -> None:
    """A gateway that only watches is ready, and says that it only watches."""
    app = application({"custody": well}, counted, {"mode": lambda: "observe"})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://admin.example") as client:
        response = await client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"ready": True, "checks": {"custody": "ok"}, "mode": "observe"}


async def test_one_part_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """/readyz answers 503; a check that fails or never answers is a part that is not well; no error shows its text."""
    monkeypatch.setattr(console, "_PATIENCE", 0.05)
    response = await ask("GET", "/readyz", policy=well, custody=full, journal=broken, smarthost=silent)
    expected = {
        "policy": "ok",
        "custody": "disk??full",
        "journal": "failed: OSError",
        "smarthost": "no answer in time",
    }
    assert response.status_code == 503
    assert {"ready": False, "checks": expected} == response.json()
    assert MARK not in response.text


async def test_checks_are_asked_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several silent parts cost one time limit, not its sum."""
    monkeypatch.setattr(console, "_PATIENCE", 0.2)
    async with asyncio.timeout(3.0):
        response = await ask("GET", "/readyz", **{f"part-{number}": silent for number in range(20)})
    assert response.status_code == 503


async def test_alive_although_nothing_is_ready() -> None:
    """/livez does not ask the parts: a restart would not help the smarthost."""
    response = await ask("GET", "/livez", custody=broken)
    assert (response.status_code, response.text) == (200, "ok\n")


async def test_metrics_are_passed_on() -> None:
    """/metrics gives body and content type of the metrics."""
    response = await ask("GET", "/metrics")
    assert counted() == (response.content, response.headers["content-type"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/%2e%2e/etc/passwd", 404),
        ("POST", "/readyz", 405),
        ("DELETE", "/metrics", 405),
    ],
)
async def test_nothing_else_is_there(method: str, path: str, status: int) -> None:
    """Every other path is 404, every other method 405."""
    assert status == (await ask(method, path)).status_code


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/metrics"])
async def test_each_answer_has_the_security_headers(path: str) -> None:
    """Errors have them, too."""
    response = await ask("GET", path, custody=full)
    expected = {name.decode(): value.decode() for name, value in console._SECURITY}
    assert expected == {name: response.headers[name] for name in expected}


async def test_metrics_that_fail_show_no_text() -> None:
    """An error inside is a plain 500 with the security headers."""

    def failing() -> tuple[bytes, str]:
        raise RuntimeError(MARK)

    transport = httpx.ASGITransport(application({}, failing), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://admin.example") as client:
        response = await client.get("/metrics")
    assert (response.status_code, response.text) == (500, "Internal Server Error")
    assert response.headers["cache-control"] == "no-store"


async def test_a_crowd_shares_one_answer() -> None:
    """However many ask for readiness and metrics at a time, the smarthost is asked once, and metrics are made once."""
    made: list[str] = []

    async def check() -> str:
        made.append("check")
        await asyncio.sleep(0.8)
        return ""

    def measure() -> tuple[bytes, str]:
        made.append("metrics")
        time.sleep(0.8)
        return counted()

    transport = httpx.ASGITransport(application({"smarthost": check}, measure))
    async with httpx.AsyncClient(transport=transport, base_url="http://admin.example") as client:
        for turn in (1, 2):
            impatient = asyncio.create_task(client.get("/readyz"))
            await asyncio.sleep(0)
            asked = asyncio.gather(*(client.get(path) for path in ("/readyz", "/metrics") for _ in range(20)))
            await asyncio.sleep(0.02)
            impatient.cancel()
            assert {response.status_code for response in await asked} == {200}
            assert sorted(made) == ["check"] * turn + ["metrics"] * turn
