"""What is said of a listener's certificate."""

from pathlib import Path

import pytest

from dlp_gateway.checks import certificates
from dlp_gateway.smtp.identity import Files
from tests.checks.conftest import NOW, Issue, Pair

HOST = "gateway.corp.example"


def said(pair: Pair, host: str = HOST) -> list[tuple[str, str]]:
    """Return level and sentence of each remark."""
    files = Files(certificate=pair.certificate, key=pair.key)
    return [(one.level.value, one.says) for one in certificates.remarks(files, host, NOW)]


def test_a_good_certificate_is_told_until_when(issue: Issue) -> None:
    """One remark, and no warning."""
    ((level, says),) = said(issue(HOST))
    assert level == "ok"
    assert says.startswith("It is valid until ")


@pytest.mark.parametrize(
    ("begins", "ends", "told"),
    [(-90, -1, "expired on"), (-70, 10, "expires on"), (3, 90, "is not valid before")],
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
    assert certificates.parsed(issue(*names).certificate.read_bytes()).covers(HOST) is covered


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


def test_what_cannot_be_used_is_wrong(issue: Issue) -> None:
    """The gateway would not start with it; the sentence is the one that it would say."""
    pair, other = issue(HOST), issue(HOST)
    ((level, says),) = said(Pair(certificate=pair.certificate, key=other.key))
    assert level == "wrong"
    assert "does not belong to this certificate" in says
    pair.certificate.write_bytes(b"no pem")
    assert [level for level, _ in said(pair)] == ["wrong"]
    pair.certificate.unlink()
    assert said(pair) == [("wrong", "There is no such file.")]
