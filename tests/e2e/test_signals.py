"""The life of a gateway by signals, as systemd and administrators send them, and what systemd reads meanwhile."""

import asyncio
import ctypes
import errno
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from tests.e2e.client import Client, send
from tests.e2e.conftest import Launch
from tests.e2e.gateway import POLICY, Gateway
from tests.e2e.next_mta import NextMta

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CLEAN = (
    b"From: Ada <ada@corp.example>\r\nTo: Bob <bob@shop.example>\r\nSubject: Order\r\n"
    b"Message-ID: <signals@corp.example>\r\n\r\nHello Bob\r\n"
)
LICENCE = CLEAN.replace(b"Hello Bob", b"my driver's license number is I1234562 (California).")
BROKEN = {"version": 1, "inside": ["corp.example"], "packs": ["no-such-pack"]}
FORWARDED = 'dlp_messages_total{disposition="forward"}'
PIDFD_GETFD = 438  # pidfd_getfd(2), which Python does not have
LENIENT = {"version": 1, "inside": ["corp.example"], "packs": ["bulk-visible"]}


class ServiceManager:
    """The end of the socket at which systemd would listen; `states` has every line that was said, in order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.states: list[str] = []
        self._heard = asyncio.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def __enter__(self) -> Self:
        self._socket.bind(str(self.path))
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        with suppress(BlockingIOError):
            while True:
                self.states += self._socket.recv(4096).decode().split("\n")
                self._heard.set()

    async def until(self, state: str, count: int = 1, seconds: float = 60.0) -> list[str]:
        """Wait until `state` was said `count` times."""
        async with asyncio.timeout(seconds):
            while self.states.count(state) < count:
                self._heard.clear()
                await self._heard.wait()
        return self.states

    def kinds(self) -> list[str]:
        """Return the order of what concerns the life of the service, up to what was said last."""
        self._read()
        return [state for state in self.states if state in {"READY=1", "RELOADING=1", "STOPPING=1"}]


@pytest.fixture
async def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ServiceManager]:
    """Give what listens at the socket that gateways started in this test are told of, with a watchdog of 2 s."""
    with ServiceManager(tmp_path / "notify") as listening:
        monkeypatch.setenv("NOTIFY_SOCKET", str(listening.path))
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")
        yield listening


def statuses(said: list[str]) -> list[str]:
    """Return what `systemctl status` would have shown, in order."""
    return [state for state in said if state.startswith("STATUS=")]


def environment(process: int) -> set[str]:
    """Return the names of the variables that a process was started with."""
    pairs = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    return {pair.partition(b"=")[0].decode() for pair in pairs}


def open_files(process: int) -> list[str]:
    """Return the names of what a process has open."""
    found: list[str] = []
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            found.append(str(link.readlink()))
    return found


async def test_systemd_hears_of_the_whole_life(gateway: Launch, next_mta: NextMta, systemd: ServiceManager) -> None:
    """Ready once mail is taken, alive, each reload done or refused, stopping, and more time while it takes time."""
    running = await gateway(next_mta.port)
    said = await systemd.until("READY=1")
    assert said[0].startswith("EXTEND_TIMEOUT_USEC=") or said[0].startswith("STATUS=Preparing")
    assert f"STATUS=Accepting mail on 127.0.0.1:{running.port}; 1 receiver," in "\n".join(said)
    await systemd.until("WATCHDOG=1", said.count("WATCHDOG=1") + 2)

    running.write_policy(BROKEN)
    running.reload()
    said = await systemd.until("READY=1", 2)
    assert any(state.startswith("MONOTONIC_USEC=") for state in said)
    assert statuses(said)[-1].startswith("STATUS=The new configuration was refused")
    assert await running.metric("dlp_policy_current") == 0.0
    assert (await running.get("/readyz")).json()["configuration"] == "former"
    assert b"The last reload was refused" in (await running.run("healthcheck")).stdout
    assert await running.metric('dlp_reloads_total{result="refused"}') == 1.0
    running.write_policy(LENIENT)
    running.reload()
    said = await systemd.until("READY=1", 3)
    assert statuses(said)[-1].startswith("STATUS=Accepting mail under the new configuration")
    assert await running.metric("dlp_policy_current") == 1.0
    assert (await running.get("/readyz")).json()["configuration"] == "current"

    assert await running.stop() == 0
    assert systemd.kinds() == ["READY=1", *["RELOADING=1", "READY=1"] * 2, "STOPPING=1"]
    ending = systemd.states[systemd.states.index("STOPPING=1") :]
    assert any(state.startswith("EXTEND_TIMEOUT_USEC=") for state in ending)


async def test_no_process_of_ours_can_speak_for_the_gateway(
    gateway: Launch, next_mta: NextMta, systemd: ServiceManager
) -> None:
    """Receivers and workers, who read hostile content, inherit neither the socket's name nor the watchdog."""
    running = await gateway(next_mta.port)
    async with asyncio.timeout(60):
        while len(running.processes()) < 5:  # noqa: ASYNC110 - supervisor, two fork servers, receiver, worker: no events
            await asyncio.sleep(0.05)
    children = [process for process in running.processes() if process != running.leader]
    for process in children:
        assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} & environment(process)
        if "dlp-gateway: worker" in running.processes().get(process, ""):
            assert not [file for file in open_files(process) if str(running.folder) in file]


async def test_hangups_in_quick_succession(gateway: Launch, next_mta: NextMta, systemd: ServiceManager) -> None:
    """Reloads take turns, the last word of the file counts, and a mail that was under way is finished."""
    running = await gateway(next_mta.port)
    async with Client(running.port) as client:
        await client.command("EHLO client.example")
        await client.command("MAIL FROM:<ada@corp.example>")
        await client.command("RCPT TO:<bob@shop.example>")
        await client.command("DATA")
        running.write_policy(LENIENT)
        running.reload()
        await asyncio.sleep(0.1)
        running.write_policy(POLICY)
        running.reload()
        await running.event("reloaded", 2)
        assert (await client.content(CLEAN))[:3] == "250"
    assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), LICENCE))[:3] == "250"
    assert [event["disposition"] for event in running.events("decided")] == ["forward", "hold"]
    await systemd.until("READY=1", 3)
    assert await running.metric('dlp_reloads_total{result="done"}') == 3.0  # the start counts as the first
    assert await running.metric("dlp_receivers") == 1.0
    assert running.events("internal_error") == []
    large = CLEAN + b"words and words\r\n" * 20_000  # for a worker of the receiver that is there now
    assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), large))[:3] == "250"
    await asyncio.sleep(0.5)  # the old receiver and its server are gone
    assert [running.events(name) for name in ("fork_server_died", "receiver_died", "worker_died")] == [[], [], []]


async def test_what_is_in_force_is_told_where_it_is_not_what_stands_in_the_files(
    gateway: Launch, next_mta: NextMta
) -> None:
    """After a change without a reload check warns."""
    running = await gateway(next_mta.port)
    assert "The policy in force is not" not in await checked(running)
    running.write_policy(LENIENT)
    assert "warning: running gateway: The policy in force is not the one in policy.yaml; reload" in await checked(
        running
    )
    running.reload()
    await running.event("reloaded")
    assert "The policy in force is not" not in await checked(running)


async def test_what_needs_a_restart_is_told_at_its_line(gateway: Launch, next_mta: NextMta) -> None:
    """A reload cannot change it, and the log says where it stands."""
    running = await gateway(next_mta.port)
    text = running.config.read_text().replace("gateway.corp.example", "other.corp.example")
    running.config.write_text(f"# changed\n{text}")
    running.reload()
    (event,) = await running.event("reload_refused")
    line = running.config.read_text().splitlines().index("hostname: other.corp.example") + 1
    assert event["problems"] == [f"{running.config}:{line}:1: `hostname` changed; that needs a restart, not a reload."]


async def checked(running: Gateway) -> str:
    """Return what `check --live` prints."""
    return (await running.run("check", "--live")).stdout.decode()


@pytest.mark.parametrize("pause", [0.0, 0.3, 1.0])
async def test_the_end_during_a_reload(
    pause: float, gateway: Launch, next_mta: NextMta, systemd: ServiceManager
) -> None:
    """SIGTERM while new receivers are on their way: status 0, nobody is left, and nothing claims to be ready."""
    running = await gateway(next_mta.port)
    running.write_policy(LENIENT)
    running.reload()
    await asyncio.sleep(pause)
    running.reload()
    assert await running.stop() == 0
    assert systemd.kinds()[-1] == "STOPPING=1"
    assert running.events("internal_error") == []
    assert "Traceback" not in running.errors.read_text()


async def test_a_mail_in_flight_is_finished_or_kept_by_its_client(gateway: Launch, next_mta: NextMta) -> None:
    """SIGTERM: who sent the final dot reads 250, who did not reads 421 and keeps it; who comes now is not let in."""
    running = await gateway(next_mta.port)
    next_mta.script.pauses = {"dot": 3.0}
    async with Client(running.port) as halfway, Client(running.port) as sent:
        for client in (halfway, sent):
            await client.command("EHLO client.example")
            await client.command("MAIL FROM:<ada@corp.example>")
            await client.command("RCPT TO:<bob@shop.example>")
        sending = asyncio.create_task(_finish(sent))
        await next_mta.until(1)
        stopping = asyncio.create_task(running.stop())
        await running.event("stopping")
        async with asyncio.timeout(60):
            while await _welcomed(running.port):  # the receiver hears of it a moment later
                pass
        assert (await sending)[:3] == "250"
        assert (await halfway.reply())[:3] == "421"
        assert await stopping == 0
    assert len(next_mta.transactions) == 1


async def _finish(client: Client) -> str:
    assert (await client.command("DATA"))[:3] == "354"
    return await client.content(CLEAN)


async def _welcomed(port: int) -> bool:
    try:
        async with Client(port) as client:
            return client.greeting[:3] == "220"
    except ConnectionError:
        return False


async def test_a_receiver_that_hangs_is_replaced(gateway: Launch, next_mta: NextMta) -> None:
    """One that is stopped in its tracks is seen in /readyz, killed, and mail passes again."""
    running = await gateway(next_mta.port)
    (receiver,) = (pid for pid, command in running.processes().items() if "dlp-gateway: receiver" in command)
    os.kill(receiver, signal.SIGSTOP)
    await running.event("receiver_silent", seconds=120)
    await running.event("receiver_restarted", seconds=60)
    assert [event["status"] for event in running.events("receiver_died")] == [-signal.SIGKILL]
    assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), CLEAN))[:3] == "250"
    assert await running.metric("dlp_receiver_restarts_total") == 1.0


async def test_a_fork_server_that_dies_is_replaced(gateway: Launch, next_mta: NextMta) -> None:
    """Receivers of another take over, so that there are workers again; the old ones finish what they have begun."""
    running = await gateway(next_mta.port)

    def those_called(name: str) -> list[int]:
        return [pid for pid, command in running.processes().items() if name in command]

    async with asyncio.timeout(60):
        while not those_called("dlp-gateway: worker"):  # noqa: ASYNC110 - what is being forked has the name of its server
            await asyncio.sleep(0.05)
    (_first, server), (former,) = those_called("dlp-gateway: fork server"), those_called("dlp-gateway: receiver")
    async with Client(running.port) as client:
        for command in ("EHLO client.example", "MAIL FROM:<ada@corp.example>", "RCPT TO:<bob@shop.example>", "DATA"):
            await client.command(command)
        os.kill(server, signal.SIGKILL)
        await running.event("fork_server_died")
        async with asyncio.timeout(60):
            while len(those_called("dlp-gateway: receiver")) < 2 or not those_called("dlp-gateway: worker"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (await client.content(CLEAN))[:3] == "250"
    async with asyncio.timeout(60):
        while former in those_called("dlp-gateway: receiver"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    large = CLEAN + b"words and words\r\n" * 20_000  # for a worker
    assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), large))[:3] == "250"
    assert len(those_called("dlp-gateway: fork server")) == 2
    assert running.events("receiver_died") == []


def cut_off(pid: int) -> None:
    """Shut down a receiver's connection to the fork server, the only SOCK_SEQPACKET that it has."""
    process = os.pidfd_open(pid)
    for one in Path(f"/proc/{pid}/fd").iterdir():
        # Some are closed while we look: those of temporary files, and of a session.
        if os.path.realpath(one).rpartition("/")[2].startswith("socket:"):
            ours = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, process, int(one.name), 0)
            if ours < 0 and ctypes.get_errno() == errno.EBADF:
                continue
            assert ours >= 0, os.strerror(ctypes.get_errno())
            with socket.socket(fileno=ours) as channel:
                if channel.type == socket.SOCK_SEQPACKET:
                    channel.shutdown(socket.SHUT_RDWR)
    os.close(process)


async def test_a_receiver_that_loses_the_fork_server_is_replaced(gateway: Launch, next_mta: NextMta) -> None:
    """The server lives, and the supervisor has it still: another receiver has workers, and the old one goes."""
    running = await gateway(next_mta.port)
    large = CLEAN + b"words and words\r\n" * 20_000  # for a worker
    assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), large))[:3] == "250"
    (former,) = (pid for pid, command in running.processes().items() if "dlp-gateway: receiver" in command)
    cut_off(former)
    (told,) = await running.event("receiver_cut_off", seconds=10)
    assert told["pid"] == former
    await running.event("receiver_restarted")
    async with asyncio.timeout(60):
        while former in running.processes():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (await running.get("/readyz")).status_code == 200
    large = large.replace(b"<signals", b"<another")
    assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), large))[:3] == "250"
    assert [running.events(name) for name in ("receiver_died", "fork_server_died")] == [[], []]


async def test_nobody_outlives_a_supervisor_that_is_killed(gateway: Launch, next_mta: NextMta, tmp_path: Path) -> None:
    """With -9: receivers and workers are gone, the port is free, and the next start removes what was left in memory."""
    running = await gateway(next_mta.port, settings={"processes": {"receivers": 2}})
    async with asyncio.timeout(60):
        while len(running.processes()) < 7:  # noqa: ASYNC110 - supervisor, two fork servers, two receivers, their workers
            await asyncio.sleep(0.05)
    async with Client(running.port) as idle:
        await idle.command("EHLO client.example")
        await running.kill()  # and waits until every process of its session is gone
        assert (await idle.reply())[:3] in {"421", ""}
    with socket.create_server(("127.0.0.1", running.port)):
        pass
    (left,) = running.scratch.glob("dlp-gateway-metrics-*")
    await running.start()
    (fresh,) = running.scratch.glob("dlp-gateway-metrics-*")
    assert fresh != left
    assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), CLEAN))[:3] == "250"


async def test_stopped_processes_do_not_outlive_the_supervisor_either(gateway: Launch, next_mta: NextMta) -> None:
    """SIGSTOP, as by a debugger or a freezer: the kernel wakes receivers, and kills their workers."""
    running = await gateway(next_mta.port, settings={"processes": {"receivers": 2}})
    async with asyncio.timeout(60):
        while len(running.processes()) < 7:  # noqa: ASYNC110 - supervisor, two fork servers, two receivers, their workers
            await asyncio.sleep(0.05)
    for process in running.processes():
        if process != running.leader:
            os.kill(process, signal.SIGSTOP)
    await running.kill()  # and waits until every process of its session is gone


async def test_an_ordinary_end_tells_of_no_death(gateway: Launch, next_mta: NextMta) -> None:
    """SIGTERM to all processes at once, as a terminal or a container may send it, early and late in their lives."""
    running = await gateway(next_mta.port, settings={"processes": {"receivers": 2}})
    os.killpg(running.leader, signal.SIGTERM)
    assert await running.stop() == 0
    await running.start()
    async with asyncio.timeout(60):
        while len(running.processes()) < 7:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
    os.killpg(running.leader, signal.SIGTERM)
    assert await running.stop() == 0
    assert [running.events(name) for name in ("worker_died", "receiver_died", "internal_error")] == [[], [], []]


async def test_what_dead_receivers_counted_stays(gateway: Launch, next_mta: NextMta) -> None:
    """Killed again and again: sums go on, sessions of the dead do not count, and their files do not pile up."""
    running = await gateway(next_mta.port)
    for number in range(3):
        assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), CLEAN))[:3] == "250"
        async with asyncio.timeout(60):
            while await running.metric(FORWARDED) < number + 1:  # noqa: ASYNC110 - it is written once a second
                await asyncio.sleep(0.1)
        (receiver,) = (pid for pid, command in running.processes().items() if "dlp-gateway: receiver" in command)
        os.kill(receiver, signal.SIGKILL)
        await running.event("receiver_restarted", number + 1, seconds=60)
    assert await running.metric(FORWARDED) == 3.0
    assert await running.metric("dlp_sessions") == 0.0
    (folder,) = running.scratch.glob("dlp-gateway-metrics-*")
    owners = {path.stem.rpartition("_")[2] for path in folder.glob("*.db")}
    alive = {str(pid) for pid, command in running.processes().items() if "dlp-gateway: worker" not in command}
    assert owners <= alive | {"0"}


async def test_told_to_stop_while_it_starts(next_mta: NextMta, tmp_path: Path) -> None:
    """By a signal to all its processes, as systemd or Ctrl-C sends it: an ordinary end, and no complaint."""
    one = Gateway(tmp_path / "stopped", next_mta.port)
    starting = asyncio.create_task(one.start())
    async with asyncio.timeout(60):
        while not (one.started and any("dlp-gateway: receiver" in command for command in one.processes().values())):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    os.killpg(one.leader, signal.SIGTERM)
    with pytest.raises(RuntimeError, match="serve: status 0"):
        await starting
    assert await one.stop() == 0
    assert [event["event"] for event in one.events()][-1] == "stopped"
    assert "while it started" not in one.errors.read_text()


async def test_a_second_gateway_does_not_share_the_port(gateway: Launch, next_mta: NextMta, tmp_path: Path) -> None:
    """It does not start and says why, `check --live` says the same; ours is reloaded and started anew at the port."""
    running = await gateway(next_mta.port, settings={"processes": {"receivers": 2}})
    listeners = [{"address": f"127.0.0.1:{running.port}", "networks": ["127.0.0.0/8"]}]
    second = Gateway(tmp_path / "second", next_mta.port, settings={"listeners": listeners})
    ended, checked = await second.run("serve"), await second.run("check", "--live")
    assert ended.returncode == checked.returncode == 69
    assert b"Address already in use" in ended.stderr
    assert b"A gateway that calls itself gateway.corp.example, too, listens there" in checked.stdout

    running.reload()
    await running.event("reloaded")
    assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), CLEAN))[:3] == "250"
    await running.kill()
    await running.start()
    assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), CLEAN))[:3] == "250"
