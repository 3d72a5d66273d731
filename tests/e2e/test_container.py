"""The gateway and the Postfix of deploy/container with their own files, without an engine; only addresses differ."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import yaml

from tests.e2e.conftest import Launch, Ran
from tests.e2e.guides import adapted
from tests.e2e.postfix import Postfix

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FOLDER = Path(__file__).parents[2] / "deploy" / "container"


async def test_mail_passes_both(
    gateway: Launch,
    running_postfix: Callable[[Postfix], Awaitable[Postfix]],
    swaks: Callable[..., Awaitable[Ran]],
) -> None:
    """The gateway's settings and policy, and Postfix' main.cf and master.cf, run as they stand in the folder."""
    postfix = Postfix.next_mta(main=(FOLDER / "postfix" / "main.cf").read_text())
    master = (FOLDER / "postfix" / "master.cf").read_text()
    postfix.use_master(adapted(master, {"smtp      inet": f"127.0.0.1:{postfix.port} inet"}))
    await running_postfix(postfix)
    settings = yaml.safe_load((FOLDER / "gateway.yaml").read_text())
    policy = yaml.safe_load((FOLDER / "policy.yaml").read_text())
    settings["smarthost"] |= {"host": "127.0.0.1", "port": postfix.port}
    kept = {name: settings[name] for name in ("smarthost", "journal", "limits")}
    running = await gateway(postfix.port, policy=policy, settings=kept)
    sent = await swaks(running.port, "--from", "ada@corp.example", "--to", "bob@shop.example", "--body", "Hello")
    assert sent.returncode == 0, sent.stdout
    (arrival,) = await postfix.until(1)
    header = arrival.content.partition(b"\r\n\r\n")[0]
    assert header.index(b"by mail.corp.example (Postfix)") < header.index(b"by gateway.corp.example")
