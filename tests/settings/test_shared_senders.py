"""Listeners for shared senders: what must be asked where Microsoft 365 or Google Workspace may connect."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from dlp_gateway import document
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.processes import composition
from dlp_gateway.settings import Settings
from dlp_gateway.settings.shared_senders import shared_senders
from dlp_gateway.smtp.admission import Admission, Tenant

TLS = "tls: starttls-required, certificate: a, key: b"


def read(listener: str, folder: Path = Path("/etc/dlp-gateway")) -> document.Document[Settings]:
    """Return settings with one listener, or what is wrong with them."""
    text = (
        f'listeners: [{{address: "127.0.0.1:2525", {listener}}}]\n'
        "smarthost: {host: mx.example}\n"
        'custody: {url: "sqlite:///custody.db", key_file: custody.key}\n'
    )
    return document.parse_document(text, Settings, str(folder / "gateway.yaml"))


def messages(listener: str) -> list[str]:
    """Return the problems of a listener, without their places."""
    return [problem.message for problem in read(listener).problems]


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("40.92.0.0/15", ("Microsoft 365",)),
        ("40.107.1.2/32", ("Microsoft 365",)),
        ("104.47.0.0/17", ("Microsoft 365",)),
        ("104.47.128.0/17", ()),
        ("2a01:111:f403:8000::/51", ("Microsoft 365",)),
        ("::ffff:40.92.0.0/111", ("Microsoft 365",)),
        ("209.85.220.41/32", ("Google Workspace",)),
        ("2a00:1450:4864::/56", ("Google Workspace",)),
        ("32.0.0.0/3", ("Microsoft 365",)),
        ("64.0.0.0/2", ("Microsoft 365", "Google Workspace")),
        ("10.0.0.0/8", ()),
        ("192.0.2.0/24", ()),
        ("2001:db8::/32", ()),
    ],
)
def test_networks_of_mail_services_are_known(network: str, expected: tuple[str, ...]) -> None:
    """A part of them, or more than them, in IPv4 and IPv6."""
    assert shared_senders((ip_network(network),)) == expected


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ("", "add `tenant_header` (or `client_certificate`) and `reverse_path: inside` to this listener."),
        (", reverse_path: inside", "add `tenant_header` (or `client_certificate`) to this listener."),
        (", tenant_header: {name: X-A, values: [a]}", "add `reverse_path: inside` to this listener."),
        (f", {TLS}, client_certificate: {{names: [a.example]}}", "add `reverse_path: inside` to this listener."),
        (
            ", tenant_header: {name: X-A, values: [a]}, reverse_path: any",
            "add `reverse_path: inside` to this listener.",
        ),
    ],
)
def test_network_of_a_service_alone_is_a_problem(more: str, missing: str) -> None:
    """It says which service, why, and what to add."""
    (told,) = messages(f"networks: [10.0.0.0/16, 52.100.0.0/14]{more}")
    assert told == f"From here Microsoft 365 sends for all its customers, who could all send through you; {missing}"


@pytest.mark.parametrize(
    "condition", ["tenant_header: {name: X-A, values: [a]}", f"{TLS}, client_certificate: {{names: [a.example]}}"]
)
def test_network_of_a_service_with_conditions_is_accepted(condition: str) -> None:
    """A way to tell the tenant, and inside senders only."""
    assert messages(f"networks: [52.100.0.0/14], {condition}, reverse_path: inside") == []


@pytest.mark.parametrize(
    ("listener", "expected"),
    [
        (
            "client_certificate: {names: [a.example]}",
            "A client shows its certificate under TLS; write `tls: starttls-required`.",
        ),
        (
            "tenant_header: {name: From, values: [a]}",
            "This must be the name of a header field that begins with X-, such as X-OriginatorOrg.",
        ),
        (
            'tenant_header: {name: "X-A:", values: [a]}',
            "This must be the name of a header field that begins with X-, such as X-OriginatorOrg.",
        ),
        (
            "tenant_header: {name: X-A}",
            "Write either `values`, which all may know, or `value_file`, with secrets.",
        ),
        (
            "tenant_header: {name: X-A, values: [a], value_file: secret}",
            "Write either `values`, which all may know, or `value_file`, with secrets.",
        ),
        (
            "tenant_header: {name: X-A, value_file: secret, remove: false}",
            "A secret must not leave with the mail; leave `remove` out, or write true.",
        ),
        ('tenant_header: {name: X-A, values: [" "]}', "A value as it stands in the header field is needed here."),
        (f"{TLS}, client_certificate: {{names: ['*.example']}}", "This must be a host name, such as mail.example.com."),
    ],
)
def test_conditions_that_make_no_sense_are_problems(listener: str, expected: str) -> None:
    """Each is told in a sentence."""
    assert messages(f"networks: [10.0.0.0/16], {listener}") == [expected]


def admission(folder: Path, listener: str) -> Admission:
    """Return what a listener of these settings asks."""
    settings = read(f"networks: [10.0.0.0/16], {listener}", folder).finish()
    options = composition.listener_options(
        settings, settings.listeners[0], "gateway.example", None, DomainSet(("corp.example",))
    )
    return options.admission


def test_settings_become_conditions(tmp_path: Path) -> None:
    """Values may be seen and stay; secrets come from a file, one a line, and go."""
    assert admission(tmp_path, "reverse_path: any") == Admission()
    assert admission(tmp_path, "reverse_path: inside, tenant_header: {name: X-A, values: [b, C]}") == Admission(
        tenant=Tenant(name="X-A", values=(b"b", b"C"), exact=False, removed=False),
        inside=DomainSet(("corp.example",)),
    )
    first, second = "f" * 16, "s" * 40
    (tmp_path / "secret").write_text(f"{first}\n\n  {second}\r\n")
    assert admission(tmp_path, "tenant_header: {name: X-A, value_file: secret}") == Admission(
        tenant=Tenant(name="X-A", values=(first.encode(), second.encode()), exact=True, removed=True)
    )


@pytest.mark.parametrize("content", ["", "\n", "short\n", "s" * 20 + "\nshort\n", "ß" * 20 + "\n", None])
def test_secret_that_can_be_guessed_is_a_problem(tmp_path: Path, content: str | None) -> None:
    """Empty, short, or not ASCII as header fields are; it is never quoted."""
    if content is not None:
        (tmp_path / "secret").write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        admission(tmp_path, "tenant_header: {name: X-A, value_file: secret}")
    (told,) = caught.value.problems
    assert told.source == str(tmp_path / "secret")
    assert "short" not in told.message
    assert "ß" not in told.message
