"""Warnings about listeners that let in more senders than was meant, and how a container is known."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from dlp_gateway import document
from dlp_gateway.settings import Settings, admission_warnings
from dlp_gateway.settings.container import in_container


def settings(networks: str, more: str = "") -> Settings:
    """Return settings with one listener for these networks."""
    text = (
        f'listeners: [{{address: "127.0.0.1:2525", networks: [{networks}]{more}}}]\n'
        "smarthost: {host: mx.example}\n"
        'custody: {url: "sqlite:///custody.db", key_file: custody.key}\n'
    )
    return document.parse(text, Settings, "gateway.yaml")


def test_narrow_networks_earn_no_warning() -> None:
    """Loopback and one network of mail servers, in a container or not."""
    for container in (False, True):
        assert admission_warnings(settings("127.0.0.0/8, 10.1.2.0/24"), container=container) == ()


def test_wide_network_is_named_with_its_listener() -> None:
    """The sentence says which network, and what to do."""
    (warning,) = admission_warnings(settings("10.0.0.0/8, 10.1.2.0/24"), container=False)
    assert str(warning).startswith("listener 127.0.0.1:2525: Every host in 10.0.0.0/8 may send mail")


def test_bridge_of_a_container_is_a_hole_in_a_container_only() -> None:
    """172.17.0.0/16 is everybody under Docker's address translation, and an ordinary network elsewhere."""
    assert admission_warnings(settings("172.17.0.0/16"), container=False) == ()
    (warning,) = admission_warnings(settings("172.17.0.0/16"), container=True)
    assert "an address of 172.17.0.0/16, hosts of the internet too" in str(warning)


CERTIFICATE = "tls: implicit, certificate: a, key: b, client_certificate: {names: [mail.protection.outlook.com]}"
STAMPED = "tenant_header: {name: x-originatororg, values: [corp.example]}"
OPEN = "tenant_header: {name: X-Corp, values: [corp]}"
SECRET = "tenant_header: {name: X-Corp, value_file: secret}"


@pytest.mark.parametrize(
    ("network", "conditions", "expected"),
    [
        ("40.107.1.0/24", CERTIFICATE, "A client certificate of Microsoft 365 is the same for all its customers"),
        ("40.107.1.0/24", f"{CERTIFICATE}, {STAMPED}", ""),
        ("40.107.1.0/24", STAMPED, ""),
        ("40.107.1.0/24", SECRET, ""),
        ("40.107.1.0/24", OPEN, "Any customer of Microsoft 365 can write the header field X-Corp."),
        ("74.125.1.0/24", STAMPED, "Any customer of Google Workspace can write the header field x-originatororg."),
        ("74.125.1.0/24", SECRET, ""),
        ("10.1.0.0/16", OPEN, ""),
        ("40.92.0.0/15", STAMPED, ""),  # wide, but not without conditions
    ],
)
def test_conditions_that_every_customer_of_a_service_meets(network: str, conditions: str, expected: str) -> None:
    """The certificate of Microsoft 365 is everybody's there, and so is a field that its customers can write."""
    found = admission_warnings(settings(network, f", {conditions}, reverse_path: inside"), container=False)
    assert [str(warning).partition(": ")[2].startswith(expected) for warning in found] == [True] * bool(expected)


@pytest.mark.parametrize(
    ("file", "text", "environ", "expected"),
    [
        ("nothing", "", {}, False),
        (".dockerenv", "", {}, True),
        ("run/.containerenv", "", {}, True),
        ("proc/1/cgroup", "12:pids:/kubepods/besteffort/pod1\n", {}, True),
        ("proc/1/cgroup", "0::/init.scope\n", {}, False),
        ("nothing", "", {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}, True),
        ("nothing", "", {"container": "podman"}, True),
    ],
)
def test_container_is_known_by_its_marks(
    tmp_path: Path, file: str, text: str, environ: Mapping[str, str], *, expected: bool
) -> None:
    """Files of Docker and Podman, control groups of version 1, the environment of Kubernetes and systemd."""
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    assert in_container(tmp_path, environ) is expected
