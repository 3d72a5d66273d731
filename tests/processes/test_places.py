"""The listening sockets: ours share a port among each other, and with nobody else."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from dlp_gateway.processes import places
from dlp_gateway.processes.receivers import StartError
from dlp_gateway.settings import Settings, load
from tests.e2e.postfix import free_port


@pytest.fixture(params=["127.0.0.1", "[::1]"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Return settings with a listener at a free port and three receivers."""
    file = tmp_path / "gateway.yaml"
    file.write_text(
        f'listeners: [{{address: "{request.param}:{free_port()}", networks: [127.0.0.0/8]}}]\n'
        "smarthost: {host: mail.example.net}\n"
        'custody: {url: "sqlite:///custody.db", key_file: custody.key}\n'
        "processes: {receivers: 3}\n"
    )
    return load(file)


async def test_every_receiver_has_a_socket_of_its_own_at_the_port(settings: Settings) -> None:
    """One for each, all at the address that was written."""
    async with AsyncExitStack() as stack:
        bound = places.bind(settings, stack)
        ports = {one.getsockname()[1] for place in bound for one in place}
    assert (len(bound), ports) == (3, {settings.listeners[0].address.port})


async def test_a_second_gateway_finds_the_port_taken(settings: Settings) -> None:
    """And not a share of it, which would send mail through two policies by chance; afterwards it is free again."""
    async with AsyncExitStack() as stack:
        places.bind(settings, stack)
        async with AsyncExitStack() as another:
            with pytest.raises(StartError, match="Address already in use"):
                places.bind(settings, another)
    async with AsyncExitStack() as stack:
        places.bind(settings, stack)


async def test_two_listeners_of_ours_may_share_a_port(tmp_path: Path) -> None:
    """One at all addresses, one with other rules at the host's own."""
    port = free_port()
    file = tmp_path / "gateway.yaml"
    file.write_text(
        f'listeners: [{{address: "0.0.0.0:{port}", networks: [10.0.0.0/8]}}, '
        f'{{address: "127.0.0.1:{port}", networks: [127.0.0.0/8]}}]\n'
        "smarthost: {host: mail.example.net}\n"
        'custody: {url: "sqlite:///custody.db", key_file: custody.key}\n'
        "processes: {receivers: 2}\n"
    )
    async with AsyncExitStack() as stack:
        bound = places.bind(load(file), stack)
        assert [[one.getsockname() for one in place] for place in bound] == [
            [("0.0.0.0", port), ("127.0.0.1", port)]
        ] * 2
