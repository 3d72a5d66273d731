"""The `listeners` section: no open relay, and addresses that do not collide."""

from pathlib import Path

import pytest

from dlp_gateway import settings
from tests.settings.conftest import changed, problems


@pytest.mark.parametrize(
    "networks",
    [
        "0.0.0.0/0",
        '"::/0"',
        "10.0.0.0/8, 0.0.0.0/0",
        "0.0.0.0/1, 128.0.0.0/1",
        "0.0.0.0/2, 64.0.0.0/2, 128.0.0.0/1",
        '"::/1", "8000::/1"',
        '"::ffff:0.0.0.0/96"',
        '"::/64"',
        '"::ffff:0.0.0.0/97", 128.0.0.0/1',
        "0.0.0.0/1, 128.0.0.0/2",
        '"2000::/3"',
    ],
)
def test_listener_open_to_everybody_is_refused(file: Path, networks: str) -> None:
    """However most of the internet is written, a listener without login never serves it."""
    changed(file, "[127.0.0.0/8]", f"[{networks}]")
    assert problems(file) == [
        "2:66: This is a large part of the internet: never an open relay. Name your own networks."
    ]


@pytest.mark.parametrize(
    "networks", ["10.0.0.0/8, 192.168.0.0/16", '"2001:db8::/32", "::1"', "10.0.0.0/8, 192.0.0.0/8", "192.0.2.1"]
)
def test_listener_for_some_networks_is_accepted(file: Path, networks: str) -> None:
    """Networks that leave somebody out are the administrator's choice."""
    assert settings.load(changed(file, "[127.0.0.0/8]", f"[{networks}]")).listeners[0].networks


def test_two_listeners_cannot_share_an_address(file: Path) -> None:
    """The second could never listen; port 0 is another port each time."""
    line = '  - {address: "127.0.0.1:2525", networks: [127.0.0.0/8]}\n'
    changed(file, "smarthost:", f"{line}smarthost:")
    assert problems(file) == ["2:3: Two listeners have the same address; give each its own."]
    changed(file, ":2525", ":0")
    assert len(settings.load(file).listeners) == 2


@pytest.mark.parametrize(
    ("listener", "host", "refused"),
    [
        ("127.0.0.1:2526", "127.0.0.1", True),
        ("0.0.0.0:2526", "localhost", True),
        ("[::]:2526", "127.0.0.1", True),
        ("192.0.2.1:2526", "192.0.2.1", True),
        ("192.0.2.1:2526", "127.0.0.1", False),
        ("0.0.0.0:2526", "192.0.2.9", False),
        ("127.0.0.1:2525", "127.0.0.1", False),
    ],
)
def test_smarthost_is_not_the_gateway_itself(file: Path, listener: str, host: str, refused: bool) -> None:  # noqa: FBT001
    """Mail that is handed to oneself goes round until it has too many hops."""
    changed(file, "127.0.0.1:2525", listener)
    changed(file, "{host: 127.0.0.1,", f"{{host: {host},")
    if refused:
        assert problems(file) == ["3:19: The smarthost is a listener of this gateway, so mail would go in circles."]
    else:
        assert settings.load(file).smarthost.host == host


@pytest.mark.parametrize("admin", ["127.0.0.1:2525", "0.0.0.0:2525", "[::]:2525"])
def test_the_admin_address_is_not_a_listeners(file: Path, admin: str) -> None:
    """Our own listener would be the program that has the port; the sentence stands at the address, and names it."""
    changed(file, 'admin: {address: "127.0.0.1:8025"}', f'admin: {{address: "{admin}"}}')
    assert problems(file) == ["6:18: The listener 127.0.0.1:2525 has this port; give `admin` another."]


def test_a_listener_at_the_default_admin_address(file: Path) -> None:
    """Also where nothing is written about it."""
    changed(file, "127.0.0.1:2525", "0.0.0.0:8025")
    changed(file, 'admin: {address: "127.0.0.1:8025"}\n', "")
    (problem,) = problems(file)
    assert "The listener 0.0.0.0:8025 has this port" in problem


@pytest.mark.parametrize("admin", ["127.0.0.2:2525", "127.0.0.1:2526"])
def test_the_admin_address_may_be_beside_a_listeners(file: Path, admin: str) -> None:
    """Another address or another port of this machine."""
    changed(file, 'admin: {address: "127.0.0.1:8025"}', f'admin: {{address: "{admin}"}}')
    assert str(settings.load(file).admin.address) == admin
