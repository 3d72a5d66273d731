"""gateway.yaml: the contract's example, paths relative to their file, no open relay, and every problem at once."""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import pytest

from dlp_gateway import packs, settings
from dlp_gateway.document import Document, Model
from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.notation import SocketAddress
from dlp_gateway.policy.file import PolicyFile
from dlp_gateway.policy.model import Policy
from dlp_gateway.settings import Settings, reading

CONTRACT: Final = """\
listeners:
  - {address: "127.0.0.1:2525", tls: none, auth: none, networks: [127.0.0.0/8]}
smarthost: {host: 127.0.0.1, port: 2526, tls: none}
custody: {url: "sqlite:///custody.db", key_file: custody.key, keep: 30d}
journal: {keep: 90d}
admin: {address: "127.0.0.1:8025"}
limits: {message_size: 50MB}
policy: policy.yaml
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return gateway.yaml with the contract's example."""
    path = tmp_path / "gateway.yaml"
    path.write_text(CONTRACT)
    return path


def problems(path: Path) -> list[str]:
    """Return the problems of a file as line:column: message."""
    with pytest.raises(ConfigurationError) as caught:
        settings.load(path)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def changed(path: Path, old: str, new: str) -> Path:
    """Change the example."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


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


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("smarthost: {host: mx.example, timeouts: {final_dot: 601s}}", "9:53: This must be 10m or less."),
        ("smarthost: {host: mx.example, timeouts: {final_dot: 0s}}", "9:53: This must be 1ms or more."),
        ("smarthost: {host: mx.example, timeouts: {connect: 0s}}", "9:51: This must be 1ms or more."),
        ("inspection: {deadline: 0ms}", "9:24: This must be 1ms or more."),
        ("limits: {idle: 0m}", "9:16: This must be 1ms or more."),
    ],
)
def test_waiting_has_bounds(file: Path, written: str, expected: str) -> None:
    """Nobody can wait no time; what waits for the final reply counts on ten minutes (RFC 5321 4.5.3.2.6)."""
    key = written.partition(":")[0]
    kept = [line for line in CONTRACT.splitlines() if not line.startswith(f"{key}:")]
    blank = [""] * (8 - len(kept))
    file.write_text("\n".join([*kept, *blank, written, ""]))
    assert problems(file) == [expected]


def test_longest_wait_for_the_final_reply_is_accepted(file: Path) -> None:
    """The bound itself can be written."""
    changed(file, "port: 2526,", "port: 2526, timeouts: {final_dot: 10m},")
    assert settings.load(file).smarthost.timeouts.final_dot == timedelta(minutes=10)


@pytest.mark.parametrize("name", ["a..b", "a.-b", "a-.b", ".a", "a.", f"{'a' * 64}.example", ".".join("a" * 128)])
def test_our_name_is_a_host_name(file: Path, name: str) -> None:
    """Labels of 1 to 63 letters, digits and hyphens, 253 characters together (RFC 1123 2.1)."""
    changed(file, "journal:", f"hostname: {name}\njournal:")
    assert problems(file) == ["5:11: This must be a host name, such as mail.example.com."]


@pytest.mark.parametrize("name", ["a", "mail", "3com.example", "a--b.example", f"{'a' * 63}.example", "A.Example"])
def test_host_names_of_all_sorts_are_accepted(file: Path, name: str) -> None:
    """A machine without a domain has a name too."""
    changed(file, "journal:", f"hostname: {name}\njournal:")
    assert settings.load(file).host_name() == name


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


def test_our_name_is_the_machines_unless_it_is_set(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver is asked when the name is needed, not when the file is read."""
    monkeypatch.setattr("socket.getfqdn", lambda: "machine.example")
    assert settings.load(file).host_name() == "machine.example"
    changed(file, "journal:", "hostname: gateway.corp.example\njournal:")
    assert settings.load(file).host_name() == "gateway.corp.example"


def test_settings_are_shown_as_they_are_written(file: Path) -> None:
    """`check --show` prints durations, addresses and networks in the file's own notation."""
    shown = settings.load(file).model_dump(mode="json")
    assert shown["custody"]["keep"] == "30d"
    assert shown["listeners"][0]["address"] == "127.0.0.1:2525"
    assert shown["listeners"][0]["networks"] == ["127.0.0.0/8"]


def fields(model: type[Model], place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every field of a model and of the models in it, by dotted name."""
    for name, field in model.model_fields.items():
        yield f"{place}{name}", field
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, Model):
                yield from fields(inner, f"{place}{name}.")


def test_every_setting_has_a_description() -> None:
    """The description is the documentation: `check`, the guides and editors show it."""
    assert [name for name, field in fields(Settings) if not (field.description or "").endswith(".")] == []


def test_editors_get_a_schema() -> None:
    """The model can be written as a JSON schema."""
    assert Settings.model_json_schema()["properties"].keys() == Settings.model_fields.keys()


def test_the_schema_of_settings_can_be_made() -> None:
    """Editors ask for it, whatever types a setting has."""
    assert "notices" in Settings.model_json_schema()["properties"]
