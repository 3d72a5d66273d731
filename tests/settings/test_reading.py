"""gateway.yaml is found and read: the contract's example, paths relative to their file, and every problem at once."""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from dlp_gateway import packs, settings
from dlp_gateway.document import Document
from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.notation import SocketAddress
from dlp_gateway.policy.file import PolicyFile
from dlp_gateway.policy.model import Policy
from dlp_gateway.settings import reading
from tests.settings.conftest import changed, problems


def test_example_of_the_contract_is_read(file: Path) -> None:
    """Every key of the documentation's example means what it says."""
    got = settings.load(file)
    listener = got.listeners[0]
    assert listener.address == SocketAddress(host="127.0.0.1", port=2525)
    assert (listener.tls, listener.auth, listener.networks) == ("none", "none", (ip_network("127.0.0.0/8"),))
    assert (got.smarthost.host, got.smarthost.port, got.smarthost.tls) == ("127.0.0.1", 2526, "none")
    assert (got.custody.keep, got.journal.keep) == (timedelta(days=30), timedelta(days=90))
    assert str(got.admin.address) == "127.0.0.1:8025"
    assert got.limits.message_size == 50_000_000


def test_relative_paths_are_relative_to_the_file(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the gateway is started, its files are where the administrator wrote them, the database too."""
    monkeypatch.chdir("/")
    got = settings.load(file)
    assert got.custody.url == f"sqlite:///{tmp_path}/custody.db"
    assert (got.custody.key_file, got.policy) == (tmp_path / "custody.key", tmp_path / "policy.yaml")


def test_file_named_relative_to_the_current_folder_gives_absolute_paths(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon may change its folder later."""
    monkeypatch.chdir(tmp_path)
    assert settings.load(Path("gateway.yaml")) == settings.load(file)


def test_absolute_paths_stay(file: Path) -> None:
    """Four slashes in the URL, one before a path."""
    changed(file, "sqlite:///custody.db", "sqlite:////var/lib/gateway/custody.db")
    changed(file, "custody.key", "/etc/gateway/custody.key")
    got = settings.load(file)
    assert got.custody.url == "sqlite:////var/lib/gateway/custody.db"
    assert got.custody.key_file == Path("/etc/gateway/custody.key")


def test_policy_lies_beside_the_file_if_it_is_not_named(file: Path, tmp_path: Path) -> None:
    """The default path is as relative as a written one."""
    changed(file, "policy: policy.yaml\n", "")
    assert settings.load(file).policy == tmp_path / "policy.yaml"


def test_every_problem_is_told_at_once(file: Path) -> None:
    """Forms, limits and things that belong together are all checked in one reading."""
    file.write_text(
        "listeners:\n"
        "  - {address: localhost, networks: [10.0.0.1/8], tls: starttls}\n"
        '  - {address: "[::]:465", networks: ["::1"], tls: implicit, certificate: cert.pem}\n'
        '  - {address: "0.0.0.0:70000", networks: []}\n'
        "smarthost: {host: mx.example, prot: 25, tls: optional}\n"
        'custody: {url: "postgresql://db/custody", keep: 30}\n'
        "journal: {keep: forever}\n"
        "limits: {message_size: 50 MB, recipients: 10, hops: true}\n"
        "hostname: -x-\n"
        "journel: {}\n"
    )
    assert problems(file) == [
        '2:15: An address is an IP address (or localhost) and a port, such as "127.0.0.1:2525" or "[::1]:2525".',
        "2:37: This is an address inside a network; write 10.0.0.0/8, or the address alone.",
        "2:55: TLS 'starttls' needs `certificate` and `key`, two PEM files.",
        "3:51: TLS 'implicit' needs `certificate` and `key`, two PEM files.",
        '4:15: An address is an IP address (or localhost) and a port, such as "127.0.0.1:2525" or "[::1]:2525".',
        "4:42: At least 1 must stand here.",
        "5:31: Unknown key 'prot'; did you mean 'port'?",
        "5:46: This must be one of: 'none', 'opportunistic', 'required' or 'implicit'.",
        "6:10: The key 'key_file' is missing: The key that opens kept mail, made at the first start; back it up.",
        "6:16: The custody needs an SQLite file, such as sqlite:///custody.db.",
        "6:49: A duration is a whole number with a unit, such as 30s, 5m, 1h, 14d or 2w.",
        "7:17: A duration is a whole number with a unit, such as 30s, 5m, 1h, 14d or 2w.",
        "8:24: A size is a whole number with a unit, such as 64KB, 50MB, 1GB or 16MiB.",
        "8:43: This must be 100 or more.",
        "8:53: A whole number is needed here.",
        "9:11: This must be a host name, such as mail.example.com.",
        "10:1: Unknown key 'journel'; did you mean 'journal'?",
    ]


def test_problems_of_both_files_are_told_together(file: Path, tmp_path: Path) -> None:
    """A broken gateway.yaml does not hide what is wrong in policy.yaml."""
    changed(file, "policy: policy.yaml", "policy: rules.yaml\nlog: {level: loud}")
    (tmp_path / "rules.yaml").write_text("version: 1\ninsid: [corp.example]\n")
    with pytest.raises(ConfigurationError) as caught:
        settings.load_all(file, kinds=frozenset(), builtin=packs.builtin())
    own = [str(p).removeprefix(f"{tmp_path}/") for p in caught.value.problems if "rules/" not in p.source]
    assert own == [
        "gateway.yaml:9:14: This must be one of: 'debug', 'info', 'warning' or 'error'.",
        "rules.yaml:1:1: The key 'inside' is missing: Our domains; corp.example does not mean *.corp.example.",
        "rules.yaml:2:1: Unknown key 'insid'; did you mean 'inside'?",
    ]


def test_missing_policy_is_a_problem_of_its_own(file: Path, tmp_path: Path) -> None:
    """The policy's path is named with what is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        settings.load_all(file, kinds=frozenset(), builtin=packs.builtin())
    assert str(caught.value) == f"{file}:8:9: {tmp_path}/policy.yaml: There is no such file."
    changed(file, "policy: policy.yaml\n", "")
    with pytest.raises(ConfigurationError) as caught:
        settings.load_all(file, kinds=frozenset(), builtin=packs.builtin())
    assert str(caught.value) == f"{tmp_path}/policy.yaml: There is no such file."


def test_one_problem_hides_no_other(file: Path, tmp_path: Path) -> None:
    """Whatever is looked at first: a missing section, a file of a group, a reviewer, a team, what the policy names."""
    changed(file, "tls: none, auth: none", "tls: starttls, auth: required, certificate: a, key: b")
    file.write_text(f"{file.read_text()}notices: {{reviewers: [rob@shop.example]}}\n")
    (tmp_path / "policy.yaml").write_text(
        "version: 1\ninside: [corp.example]\npacks: []\n"
        "groups: {board: ./board.txt}\nteams: {hr: {filter: (cn=hr)}, press: ./press.txt}\n"
    )

    def named(found: Document[PolicyFile], policy: Policy) -> Iterator[Problem]:
        del policy
        yield found.problem(("inside",), "and what the policy names")

    with pytest.raises(ConfigurationError) as caught:
        settings.load_all(file, kinds=frozenset(), builtin=packs.builtin(), named=named)
    told = [str(one).replace(f"{tmp_path}/", "") for one in caught.value.problems]
    assert [one.partition(": ")[0] for one in told] == [
        "gateway.yaml:2:3",
        "gateway.yaml:9:23",
        "policy.yaml:2:9",
        "policy.yaml:4:17",
        "policy.yaml:5:13",
        "policy.yaml:5:39",
    ]
    assert told[3].endswith("board.txt: There is no such file.")
    assert "The team hr has a filter" in told[4]


def test_configuration_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--config, then the environment, then here, then /etc; what is told explicitly is taken even if it is missing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reading, "_EVERYWHERE", (Path("gateway.yaml"), tmp_path / "etc.yaml"))
    with pytest.raises(ConfigurationError) as caught:
        settings.find(None, {})
    assert "$DLP_GATEWAY_CONFIG" in str(caught.value)
    assert str(tmp_path / "etc.yaml") in str(caught.value)
    (tmp_path / "etc.yaml").touch()
    assert settings.find(None, {}) == tmp_path / "etc.yaml"
    (tmp_path / "gateway.yaml").touch()
    assert settings.find(None, {}) == Path("gateway.yaml")
    assert settings.find(None, {"DLP_GATEWAY_CONFIG": "from-environment.yaml"}) == Path("from-environment.yaml")
    assert settings.find("told.yaml", {"DLP_GATEWAY_CONFIG": "from-environment.yaml"}) == Path("told.yaml")
