"""Whose word about a server counts."""

import ssl
from pathlib import Path

import pytest

from dlp_gateway.authorities import trusting
from tests.certificates import Authority, Pair


def shown(client: ssl.SSLContext, folder: Path, pair: Pair, name: str) -> str:
    """Return the serial number of the server's certificate, as the client sees it after the handshake."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*pair.write(folder))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (ours, theirs):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    certificate = ours.getpeercert()
    assert certificate is not None
    return f"{int(str(certificate['serialNumber']), 16):040X}"


def test_authority_that_says_little_of_itself_is_believed(tmp_path: Path) -> None:
    """Certificates without key identifiers and key usage (RFC 5280 4.2.1) do on every Python, as with mail servers."""
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    pair = authority.issue("mail.corp.example")
    assert shown(trusting(tmp_path / "ca.pem"), tmp_path, pair, "mail.corp.example") == pair.serial


@pytest.mark.parametrize("fault", ["name", "authority", "system's"])
def test_nobody_else_is_believed(tmp_path: Path, fault: str) -> None:
    """Not another name, not another authority of the same name, and of the system's none has signed it."""
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes((Authority() if fault == "authority" else authority).pem)
    client = trusting() if fault == "system's" else trusting(tmp_path / "ca.pem")
    name = "other.corp.example" if fault == "name" else "mail.corp.example"
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(client, tmp_path, authority.issue("mail.corp.example"), name)


def test_system_authorities_are_those_of_the_library() -> None:
    """Without a file the context trusts whom the standard library's would."""
    assert trusting().get_ca_certs() == ssl.create_default_context().get_ca_certs()
    assert (trusting().verify_mode, trusting().check_hostname) == (ssl.CERT_REQUIRED, True)


def test_session_keys_are_written_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSLKEYLOGFILE in the environment makes no copy of what lets others read mail."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    shown(trusting(tmp_path / "ca.pem"), tmp_path, authority.issue("mail.corp.example"), "mail.corp.example")
    assert not (tmp_path / "keys").exists()
