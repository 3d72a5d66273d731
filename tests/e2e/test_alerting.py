"""From an outage to the one who is called: the gateway, Prometheus with our alerts, and Alertmanager, all real."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.client import send
from tests.e2e.conftest import Launch, require
from tests.e2e.next_mta import NextMta
from tests.e2e.postfix import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
CLEAN = (
    b"From: ada@corp.example\r\nTo: bob@shop.example\r\nSubject: Order\r\nMessage-ID: <a@corp.example>\r\n\r\nHello\r\n"
)


@asynccontextmanager
async def program(log: Path, *command: str | Path) -> AsyncIterator[None]:
    """Run a program under the block."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output, cwd=log.parent)
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 30)


async def until(url: str, found: Any, seconds: float = 60.0) -> Any:  # noqa: ANN401 - JSON of any form
    """Ask `url` until `found` returns something of its JSON, and return that."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client, asyncio.timeout(seconds):
        while True:
            try:
                if answer := found((await client.get(url)).json()):
                    return answer
            except (httpx.HTTPError, ValueError):  # not up yet
                pass
            await asyncio.sleep(0.2)


def hurried(folder: Path, gateway: int, alertmanager: int) -> Path:
    """Write our rules and our configuration with this test's addresses, and seconds instead of minutes."""
    rules = re.sub(r"(?m)^(\s+for: ).*$", r"\g<1>1s", (FOLDER / "alerts.yaml").read_text())
    (folder / "alerts.yaml").write_text(rules)
    written = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    written["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    written["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{gateway}"]
    written["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{alertmanager}"]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(written))
    (folder / "alertmanager.yaml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    return folder


async def test_who_stops_the_smarthost_is_heard_by_alertmanager(
    gateway: Launch, next_mta: NextMta, tmp_path: Path
) -> None:
    """Nothing fires while all is well; the outage does, says what to do, and is over when the smarthost is back."""
    prometheus, alertmanager = require("prometheus"), require("prometheus-alertmanager")
    running = await gateway(next_mta.port)
    port, alert_port = free_port(), free_port()
    folder = hurried(tmp_path, running.admin_port, alert_port)
    alerts = f"http://127.0.0.1:{alert_port}/api/v2/alerts"
    async with (
        program(
            folder / "alertmanager.log",
            alertmanager,
            f"--config.file={folder / 'alertmanager.yaml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{alert_port}",
            "--cluster.listen-address=",
        ),
        program(
            folder / "prometheus.log",
            prometheus,
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ),
    ):
        query = f"http://127.0.0.1:{port}/api/v1/query?query="
        await until(f"{query}dlp_smarthost_up", lambda answer: answer["data"]["result"])
        firing = f'{query}ALERTS{{alertstate="firing"}}'
        await until(f"{query}dlp_ready==1", lambda answer: len(answer["data"]["result"]) == 3)
        await until(f"{query}count_over_time(up[1m])>5", lambda answer: answer["data"]["result"])
        assert (await until(firing, lambda answer: [answer["data"]]))[0]["result"] == []

        await next_mta.stop()
        assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), CLEAN))[:9] == "451 4.4.1"
        (alert,) = await until(alerts, lambda found: _named(found, "SmarthostDown"))
        assert alert["labels"]["severity"] == "critical"
        assert alert["labels"]["instance"] == f"127.0.0.1:{running.admin_port}"
        assert f"127.0.0.1:{running.admin_port}" in alert["annotations"]["summary"]
        assert "Bring the smarthost back" in alert["annotations"]["description"]
        (unready,) = await until(alerts, lambda found: _named(found, "GatewayNotReady"))
        assert unready["labels"]["part"] == "smarthost"

        await next_mta.start()
        assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), CLEAN))[:3] == "250"
        await until(firing, lambda answer: not answer["data"]["result"])


def _named(alerts: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [alert for alert in alerts if alert["labels"]["alertname"] == name]
