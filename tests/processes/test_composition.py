"""Settings → parts: who is asked for passwords, and what is told before anything starts."""

import sys
from pathlib import Path

import pytest

from dlp_gateway import settings
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.login import Dovecot, UsersFile
from dlp_gateway.login.ldap import Ldap
from dlp_gateway.processes import composition
from dlp_gateway.settings import Settings

DIRECTORY = '{backend: ldap, ldap: {url: "ldaps://dc.corp.example", user: "uid={name},dc=corp"}}'


def loaded(folder: Path, login: str) -> Settings:
    """Return settings with a `login` section."""
    path = folder / "gateway.yaml"
    path.write_text(
        "listeners:\n"
        '  - {address: "127.0.0.1:2587", tls: starttls, certificate: c.pem, key: c.key, auth: required}\n'
        "smarthost: {host: 127.0.0.1, port: 2526, tls: none}\n"
        'custody: {url: "sqlite:///custody.db", key_file: custody.key}\n'
        f"login: {login}\n"
    )
    return settings.load(path)


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("{backend: users}", UsersFile),
        ("{backend: dovecot, dovecot: {socket: /run/dovecot/auth-client}}", Dovecot),
        ('{backend: dovecot, dovecot: {address: "127.0.0.1:12345"}}', Dovecot),
        (DIRECTORY, Ldap),
    ],
)
def test_each_backend_is_asked(tmp_path: Path, login: str, expected: type[object]) -> None:
    """One authenticator for each; nobody is connected to yet."""
    section = loaded(tmp_path, login).login
    assert section is not None
    assert isinstance(composition.authenticator(section), expected)


def test_a_directory_without_its_extra_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install."""
    section = loaded(tmp_path, DIRECTORY).login
    assert section is not None
    monkeypatch.delitem(sys.modules, "dlp_gateway.login.ldap")
    monkeypatch.setitem(sys.modules, "ldap3", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'dlp-gateway\[ldap\]'"):
        composition.authenticator(section)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('ca_file: no-ca.pem, user: "uid={name}"', "no-ca.pem: The authorities cannot be read"),
        ("base: x, bind_dn: cn=x, bind_password_file: no-secret", "no-secret: The password cannot be read"),
    ],
)
def test_files_of_a_directory_are_looked_at_first(tmp_path: Path, more: str, told: str) -> None:
    """Authorities and the searcher's password: told at the start, not at the first login."""
    section = loaded(tmp_path, f'{{backend: ldap, ldap: {{url: "ldaps://dc.corp.example", {more}}}}}').login
    assert section is not None
    with pytest.raises(ConfigurationError, match=told):
        composition.authenticator(section)
