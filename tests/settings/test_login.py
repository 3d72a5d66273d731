"""The `login` section: one back-end, what it needs, and listeners that ask for it."""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from dlp_gateway import settings
from tests.settings.conftest import changed, problems

GATEWAY = """\
listeners:
  - {address: "127.0.0.1:2587", tls: starttls, certificate: c.pem, key: c.key, auth: required}
smarthost: {host: 127.0.0.1, port: 2526, tls: none}
custody: {url: "sqlite:///custody.db", key_file: custody.key}
login: {backend: users}
"""
LDAP = 'login: {backend: ldap, ldap: {url: "ldaps://dc.corp.example", %s}}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """gateway.yaml with a file of users."""
    path = tmp_path / "gateway.yaml"
    path.write_text(GATEWAY)
    return path


def test_the_shortest_section(file: Path, tmp_path: Path) -> None:
    """A file of users beside gateway.yaml, everybody may knock, and the limits are those of the documentation."""
    got = settings.load(file)
    assert got.login is not None
    assert got.login.users_file == tmp_path / "users"
    assert got.listeners[0].networks == (ip_network("0.0.0.0/0"), ip_network("::/0"))
    limits = got.login.limits
    assert (limits.failures, limits.cut_off, limits.memory) == (20, timedelta(minutes=15), timedelta(hours=1))


def test_networks_still_bound_who_may_knock(file: Path) -> None:
    """Where they are written they count, and they may be wide."""
    file.write_text(GATEWAY.replace("auth: required", 'auth: required, networks: [10.0.0.0/8, "2000::/3"]'))
    assert settings.load(file).listeners[0].networks == (ip_network("10.0.0.0/8"), ip_network("2000::/3"))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "tls: starttls, certificate: c.pem, key: c.key, ",
            "",
            "2:39: Passwords are only taken under TLS: write `tls: starttls` or `implicit`.",
        ),
        ("login: {backend: users}\n", "", "2:3: A listener has `auth: required`; the section `login:` is missing."),
        (
            "auth: required",
            "auth: none, networks: [10.0.0.0/8]",
            "5:8: No listener asks for a login; write `auth: required` there, or remove this.",
        ),
        (
            "auth: required",
            "auth: none",
            "2:5: The key 'networks' is missing: which hosts may send, unless they log in (`auth`).",
        ),
        ("backend: users", "backend: dovecot", "5:18: `backend: dovecot` needs the section `dovecot:` below `login:`."),
        (
            "backend: users",
            "backend: users, dovecot: {socket: /run/auth}",
            "5:34: Nobody asks here: write `backend: dovecot`, or take this section out.",
        ),
        (
            "backend: users",
            "backend: dovecot, dovecot: {}",
            "5:36: Write `socket` or `address`: where Dovecot's clients log in.",
        ),
        (
            "backend: users",
            'backend: dovecot, dovecot: {address: "192.0.2.1:12345"}'.replace("192.0.2.1", "8.8.8.8"),
            "5:46: Passwords go there in the clear: only to this machine or to a private network.",
        ),
        (
            "backend: users",
            "backend: users, limits: {cut_off: 2h}",
            "5:43: Nobody is cut off for longer than his failures are remembered (`memory`).",
        ),
    ],
)
def test_what_cannot_be(file: Path, old: str, new: str, expected: str) -> None:
    """Each with its place and what to write."""
    assert problems(changed(file, old, new)) == [expected]


@pytest.mark.parametrize(
    ("directory", "told"),
    [
        ("timeout: 10s", "Write `user` (bind as it) or `base`"),
        ('user: "uid={name}", base: "dc=x"', "Write `user` (bind as it) or `base`"),
        ('user: "uid=ann"', "Write {name} once"),
        ('user: "uid={name},{ou}"', "Write {name} once"),
        ('user: "uid={name}", filter: "(uid={name})"', "With `user` nothing is searched"),
        ('base: "dc=x", bind_dn: "cn=x"', "belong together"),
        ('user: "{name}@corp.example", addresses: [mail]', "Addresses are read from an entry"),
        ('base: "dc=x", addresses: ["ma il"]', "name of an attribute"),
        ('base: "dc=x", timeout: 2m', "1m or less"),
    ],
)
def test_what_a_directory_needs(file: Path, directory: str, told: str) -> None:
    """Who binds or how he is found, not both; and nothing that has no effect."""
    (problem,) = problems(changed(file, "login: {backend: users}", LDAP % directory))
    assert told in problem


@pytest.mark.parametrize(
    "url", ["dc.corp.example", "http://x", "ldap://", "ldap://u:p@host", "ldap://h/dc=x", "ldap://h:x"]
)
def test_urls_that_are_none(file: Path, url: str) -> None:
    """A scheme, a host and perhaps a port, nothing else."""
    (problem,) = problems(
        changed(file, "login: {backend: users}", f'login: {{backend: ldap, ldap: {{url: "{url}", base: x}}}}')
    )
    assert "This must be ldaps://host or ldap://host" in problem
