"""The `smarthost` section: hosts that make sense, and a password that never leaves in clear."""

from pathlib import Path

import pytest

from dlp_gateway import settings
from tests.settings.conftest import changed, problems


@pytest.mark.parametrize(
    ("smarthost", "expected"),
    [
        (
            "{host: mx.example, user: ann, tls: required}",
            "3:37: `user` and `password_file` belong together; write both or neither.",
        ),
        (
            "{host: mx.example, password_file: x, tls: required}",
            "3:46: `user` and `password_file` belong together; write both or neither.",
        ),
        (
            "{host: mx.example, user: ann, password_file: x}",
            "3:37: A password is only sent under TLS; write `tls: required`, or `implicit`.",
        ),
    ],
)
def test_login_at_the_smarthost_is_whole_and_under_tls(file: Path, smarthost: str, expected: str) -> None:
    """Half a login is a mistake, and a password never leaves in clear."""
    changed(file, "{host: 127.0.0.1, port: 2526, tls: none}", smarthost)
    assert problems(file) == [expected]


def test_several_hosts_stand_in_for_each_other(file: Path) -> None:
    """In the order of their priorities; one alone is one of them."""
    assert [(hop.host, hop.port) for hop in settings.load(file).smarthost.hops] == [("127.0.0.1", 2526)]
    hosts = "{hosts: [{host: b.example, priority: 20}, {host: a.example, port: 587}, {host: c.example}]}"
    changed(file, "{host: 127.0.0.1, port: 2526, tls: none}", hosts)
    found = settings.load(file).smarthost
    assert [(hop.host, hop.port, hop.priority) for hop in found.hops] == [
        ("a.example", 587, 10),
        ("c.example", 25, 10),
        ("b.example", 25, 20),
    ]
    (alone,) = found.alone(found.hops[0]).hops
    assert (alone.host, alone.port) == ("a.example", 587)


@pytest.mark.parametrize(
    ("smarthost", "expected"),
    [
        ("{tls: none}", "3:12: Name the next mail server: `host`, or several in `hosts`."),
        ("{host: a.example, hosts: [{host: b.example}]}", "3:19: Write `host` or `hosts`, not both."),
        ("{hosts: [{host: a.example}, {host: a.example}]}", "3:20: A host stands here twice with the same port."),
        (
            "{hosts: [{host: a.example}, {host: 127.0.0.1, port: 2525}]}",
            "3:20: The smarthost is a listener of this gateway, so mail would go in circles.",
        ),
        ("{hosts: [{host: a.example, prio: 5}]}", "3:39: Unknown key 'prio'; did you mean 'priority'?"),
        ("{host: a.example, unreachable: maybe}", "3:43: This must be one of: 'defer' or 'accept'."),
        ("{host: a.example, circuit: {failures: 0}}", "3:50: This must be 1 or more."),
    ],
)
def test_hosts_that_make_no_sense(file: Path, smarthost: str, expected: str) -> None:
    """Nobody, one and several, the same twice, the gateway itself."""
    changed(file, "{host: 127.0.0.1, port: 2526, tls: none}", smarthost)
    assert problems(file) == [expected]


@pytest.mark.parametrize("host", ["mx example", "-mx.example", "'mx\u0130.example'"])
def test_smarthost_is_a_name_or_an_address(file: Path, host: str) -> None:
    """The port has a key of its own."""
    changed(file, "{host: 127.0.0.1,", f"{{host: {host},")
    assert problems(file) == ["3:19: This must be a host name, such as mail.example.com."]


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ('"[192.0.2.1]"', "Write the host without brackets; MX records are never looked up."),
        ("mail.example.net:25", "Write the host alone here, and its port in `port:`."),
        ('"[192.0.2.1]:25"', "Write the host alone here, and its port in `port:`."),
    ],
)
def test_habits_of_other_mail_servers_are_answered(file: Path, host: str, told: str) -> None:
    """A relayhost of Postfix's has brackets and a port."""
    changed(file, "host: 127.0.0.1", f"host: {host}")
    assert problems(file) == [f"3:19: {told}"]
