"""What is said of a listener's certificate."""

from pathlib import Path

import pytest

from dlp_gateway.checks import certificates
from tests.checks.conftest import NOW, Issue, Pair

HOST = "gateway.corp.example"


def said(pair: Pair, host: str = HOST) -> list[tuple[str, str]]:
    """Return level and sentence of each remark."""
    return [(one.level.value, one.says) for one in certificates.remarks(pair.certificate, pair.key, host, NOW)]


def test_a_good_certificate_is_told_until_when(issue: Issue) -> None:
    """One remark, and no warning."""
    ((level, says),) = said(issue(HOST))
    assert level == "ok"
    assert says.startswith("It is valid until ")


@pytest.mark.parametrize(
    ("begins", "ends", "told"),
    [
        (-90, -1, "It expired on"),
        (-70, 20, "in 20 days. Renew it."),
        (-70, 0, "in 1 days"),
        (3, 90, "It is valid from"),
    ],
)
def test_time_is_told_before_clients_tell_it(issue: Issue, begins: int, ends: int, told: str) -> None:
    """Expired, about to expire, and not valid yet are warnings, for the gateway starts all the same."""
    ((level, says),) = said(issue(HOST, begins=begins, ends=ends))
    assert level == "warning"
    assert told in says


@pytest.mark.parametrize(
    ("names", "covered"),
    [
        (("*.corp.example",), True),
        (("corp.example",), False),
        (("*.example",), False),
        (("GATEWAY.corp.example",), True),
        (("192.0.2.1", HOST), True),
    ],
)
def test_names_count_as_for_clients(issue: Issue, names: tuple[str, ...], *, covered: bool) -> None:
    """A wildcard stands for one label, letters have no case."""
    assert certificates.read(issue(*names).certificate).covers(HOST) is covered


def test_another_name_is_a_warning_with_both(issue: Issue) -> None:
    """The administrator sees which name clients would have to use."""
    _, (level, says) = said(issue("mail.corp.example"))
    assert level == "warning"
    assert "It is for mail.corp.example, and the gateway is called gateway.corp.example" in says


def test_a_chain_in_the_wrong_order_is_told(issue: Issue, tmp_path: Path) -> None:
    """What follows must have signed what stands before it; the authority behind it may follow."""
    stranger = issue("other.example", self_signed=True)
    assert any("Certificate 2 in the file did not sign" in says for _, says in said(issue(HOST, behind=(stranger,))))
    authority = Pair(certificate=tmp_path / "ca.pem", key=tmp_path / "ca.pem")
    assert [level for level, _ in said(issue(HOST, behind=(authority,)))] == ["ok"]


def test_signed_by_itself_is_told(issue: Issue) -> None:
    """Clients would refuse it."""
    assert ("warning", "It is signed by itself: clients refuse it unless each is told to trust it.") in said(
        issue(HOST, self_signed=True)
    )


def test_the_wrong_key_names_both_files(issue: Issue) -> None:
    """It is wrong, not a warning: the gateway would not start."""
    pair, other = issue(HOST), issue(HOST)
    ((level, says),) = said(Pair(certificate=pair.certificate, key=other.key))
    assert level == "wrong"
    assert str(other.key) in says


@pytest.mark.parametrize("content", [b"", b"no pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_a_sentence(issue: Issue, content: bytes) -> None:
    """No traceback, whatever lies there."""
    pair = issue(HOST)
    pair.certificate.write_bytes(content)
    assert said(pair) == [("wrong", "This is no PEM file of certificates.")]


def test_a_missing_file_is_a_sentence(issue: Issue) -> None:
    """It names the file."""
    pair = issue(HOST)
    pair.certificate.unlink()
    ((level, says),) = said(pair)
    assert level == "wrong"
    assert says == f"{pair.certificate} cannot be read: No such file or directory."


def test_a_key_with_a_password_does_not_ask_for_it(issue: Issue) -> None:
    """OpenSSL would ask on the terminal, and a service would wait for ever."""
    pair = issue(HOST)
    pair.key.write_bytes(
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + b"MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg=\n"
        b"-----END ENCRYPTED PRIVATE KEY-----\n"
    )
    ((level, _),) = said(pair)
    assert level == "wrong"
