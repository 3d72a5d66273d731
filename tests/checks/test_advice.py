"""What may be meant otherwise: each warning when it is due, and silence when it is not."""

from pathlib import Path

import pytest

from dlp_gateway.checks.advice import advice
from dlp_gateway.processes import policies
from tests.checks.conftest import Configure, Issue


def told(found: tuple[object, ...]) -> list[tuple[str, str, str]]:
    """Return level, subject and sentence of each remark."""
    return [(one.level.value, one.about, one.says) for one in advice(*found)]  # type: ignore[arg-type, attr-defined]


def test_a_quiet_configuration_says_nothing(configure: Configure) -> None:
    """Warnings that always come are read by nobody."""
    assert told(configure()) == []


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        ("mode: observe\n", "It says `mode: observe`: nothing is held or changed."),
        ("packs: []\n", "There is no rule in it: all mail is forwarded."),
        ("packs: [bulk-visible]\nset: {bulk-visible.mode: observe}\n", "Every rule in it only observes"),
        ("partners: [gmail.com]\n", "gmail.com in `partners` is a free-mail provider, so strangers are never hidden"),
        ("partners: ['*.Gmail.com']\n", "*.Gmail.com in `partners` is a free-mail provider"),
        ("partners: [corp.example]\n", "corp.example is in `inside` and in `partners`"),
        (
            "rules: [{id: fair, when: {finding: 'identifier.*'}, then: review, until: 2026-01-31}]\n",
            "The rule fair is over since 2026-01-31.",
        ),
        (
            "scopes: [{only: {login: [x]}, set: {bulk-visible.outsiders: 20}, until: 2026-01-31}]\n",
            "A scope that changes bulk-visible is over since 2026-01-31.",
        ),
        ("teams: {sales: [corp.example]}\n", "No rule asks for the team sales."),
        (
            (
                "teams: {sales: [ann@far.example, ben@corp.example]}\n"
                "scopes: [{only: {team: sales}, set: {bulk-visible.outsiders: 20}}]\n"
            ),
            "1 addresses in the team sales are not inside.",
        ),
    ],
)
def test_a_policy_that_protects_less_than_it_seems(configure: Configure, policy: str, sentence: str) -> None:
    """It is read without a problem, and still may not be what was meant."""
    ((level, about, says),) = told(configure(policy))
    assert (level, about) == ("warning", "policy")
    assert sentence in says


def test_a_free_mail_provider_is_nobodys_own(configure: Configure, tmp_path: Path) -> None:
    """All its customers would count as our own people."""
    path, *_ = configure()
    (tmp_path / "policy.yaml").write_text("version: 1\ninside: [corp.example, gmx.de]\n")
    ((_, _, says),) = told((path, *policies.load(path)))
    assert says.startswith("gmx.de in `inside` is a free-mail provider, so strangers count as your own people.")


@pytest.mark.parametrize(
    ("smarthost", "sentence"),
    [
        ({"host": "mail.example.net", "tls": "none"}, "Mail goes to it without TLS"),
        ({"host": "mail.example.net"}, "TLS is used if it is offered, and nobody looks at the certificate"),
    ],
)
def test_a_smarthost_without_checked_tls(configure: Configure, smarthost: dict[str, object], sentence: str) -> None:
    """Mail that was guarded here is read on the way."""
    ((level, about, says),) = told(configure(smarthost=smarthost))
    assert (level, about) == ("warning", "smarthost mail.example.net")
    assert sentence in says


def test_a_smarthost_at_port_465(configure: Configure) -> None:
    """It would wait for TLS, and we for its greeting."""
    hop = {"host": "127.0.0.1", "port": 465}
    ((level, _, says),) = told(configure(smarthost=hop | {"tls": "opportunistic"}))
    assert (level, says.endswith("Write `tls: implicit`, or take port 587 or 25.")) == ("warning", True)
    assert told(configure(smarthost=hop | {"tls": "implicit"})) == []


def test_files_that_the_smarthost_needs(configure: Configure, tmp_path: Path) -> None:
    """A missing password is wrong, one that everybody reads is a warning."""
    hop = {"host": "mail.example.net", "tls": "required", "user": "gateway", "password_file": "secret"}
    ((level, _, says),) = told(configure(smarthost=hop))
    assert (level, says) == (
        "wrong",
        f"The password cannot be read from {tmp_path / 'secret'}: No such file or directory.",
    )
    (tmp_path / "secret").touch(mode=0o600)
    assert [(level, "is empty" in says) for level, _, says in told(configure(smarthost=hop))] == [("wrong", True)]
    (tmp_path / "secret").write_text("made up")
    (tmp_path / "secret").chmod(0o644)
    ((level, _, says),) = told(configure(smarthost=hop))
    assert (level, says) == (
        "warning",
        f"Everybody on this machine may read it; run: chmod o= {tmp_path / 'secret'}",
    )


def test_what_listeners_share_is_told_once(configure: Configure, issue: Issue) -> None:
    """Two ports with one certificate are the usual case."""
    pair = issue("gateway.corp.example", begins=-80, ends=5)
    shared = {"networks": ["192.0.2.0/28"], "certificate": str(pair.certificate), "key": str(pair.key)}
    ports = {"127.0.0.1:2587": "starttls", "127.0.0.1:2465": "implicit"}
    found = told(configure(listeners=[{"address": address, "tls": tls, **shared} for address, tls in ports.items()]))
    assert sum(says.startswith("This certificate expires on") for _, _, says in found) == 1
    assert len(found) == len(set(found))


def test_listeners_certificates_and_plain_text(configure: Configure, issue: Issue) -> None:
    """A certificate that ends soon, a key that everybody reads, and mail in the clear from public networks."""
    pair = issue("gateway.corp.example", begins=-80, ends=5)
    pair.key.chmod(0o644)
    listeners = [
        {
            "address": "127.0.0.1:2525",
            "networks": ["192.0.2.0/28"],
            "tls": "starttls",
            "certificate": str(pair.certificate),
            "key": str(pair.key),
        },
        {"address": "127.0.0.1:2527", "networks": ["198.18.0.0/15", "203.0.114.0/28"]},
    ]
    sentences = [says for _, _, says in told(configure(listeners=listeners))]
    assert any(says.startswith("This certificate expires on") for says in sentences)
    assert any(says.startswith("Everybody on this machine may read it") for says in sentences)
    assert any(says.startswith("Mail comes in without TLS, from public networks too") for says in sentences)


def test_wide_networks_are_told(configure: Configure) -> None:
    """The warnings about who is let in come through."""
    listeners = [{"address": "127.0.0.1:2525", "networks": ["10.0.0.0/8"]}]
    assert any("Every host in 10.0.0.0/8 may send" in says for _, _, says in told(configure(listeners=listeners)))


def test_an_admin_address_that_others_reach(configure: Configure) -> None:
    """It has no login."""
    ((level, about, _),) = told(configure(admin={"address": "192.0.2.1:8025"}))
    assert (level, about) == ("warning", "admin 192.0.2.1:8025")


def test_a_name_that_other_servers_do_not_expect(configure: Configure) -> None:
    """A bare name in EHLO is refused by many."""
    ((level, about, _),) = told(configure(hostname="gateway"))
    assert (level, about) == ("warning", "hostname")


def test_the_key_of_custody(configure: Configure, tmp_path: Path) -> None:
    """Beside the database: a warning; readable by others: wrong, as `serve` would say."""
    beside = {"url": "sqlite:///custody/custody.db", "key_file": "custody/custody.key"}
    found = configure(custody=beside)
    assert ["lie in one folder" in says for _, _, says in told(found)] == [True]
    (tmp_path / "custody" / "custody.key").touch(mode=0o640)
    assert (
        "wrong",
        "custody",
        f"Others may read the key; run: chmod 600 {tmp_path / 'custody' / 'custody.key'}",
    ) in told(found)


def test_what_others_may_write(configure: Configure, tmp_path: Path) -> None:
    """Whoever can write the policy decides what leaves."""
    found = configure()
    (tmp_path / "policy.yaml").chmod(0o664)
    (tmp_path / "custody").chmod(0o777)
    assert sorted(says for _, _, says in told(found)) == [
        f"Everybody may write in {tmp_path / 'custody'}; give the database a folder of its own, mode 700.",
        f"Others than its owner may change what is allowed; run: chmod go-w {tmp_path / 'policy.yaml'}",
    ]


def test_a_domain_without_a_dot(configure: Configure) -> None:
    """Accepted, since a site's own network may have such; more often the rest was forgotten."""
    found = configure(
        "partners: [corp]\nlists: [foo]\ngroups: {board: [law]}\n"
        "rules: [{id: x, when: {finding: parts.picture}, unless: {sender: [ann]}, then: hide}]\n"
    )
    assert [says.partition(" has no dot")[0] for _, _, says in told(found) if "has no dot" in says] == [
        "corp in `partners`",
        "foo in `lists`",
        "law in the group board",
        "ann in the rule x",
    ]


def test_logins_that_nobody_has(configure: Configure, issue: Issue, tmp_path: Path) -> None:
    """A file of users that is missing is wrong, an empty one a warning with the command that mends it."""
    pair = issue("gateway.corp.example")
    listener = {
        "address": "127.0.0.1:2525",
        "tls": "starttls-required",
        "auth": "required",
        "certificate": str(pair.certificate),
        "key": str(pair.key),
    }
    found = configure(listeners=[listener], login={"backend": "users"})
    ((level, _, says),) = told(found)
    missing = f"{tmp_path / 'users'}: There is no such file; `dlp-gateway users add NAME` makes it."
    assert (level, says) == ("wrong", missing)
    (tmp_path / "users").touch(mode=0o600)
    (tmp_path / "users").write_text("# nobody\nann\n")
    ((level, about, says),) = told(found)
    assert (level, about) == ("wrong", "login")
    assert says.startswith(f"{tmp_path / 'users'}:2:")
    (tmp_path / "users").write_text("# nobody\n")
    ((level, _, says),) = told(found)
    assert (level, says) == ("warning", "Nobody can log in yet; `dlp-gateway users add NAME` adds a user.")


def test_the_secret_of_a_tenant(configure: Configure, issue: Issue, tmp_path: Path) -> None:
    """Whoever reads it can send as one of ours."""
    pair = issue("gateway.corp.example")
    listener = {
        "address": "127.0.0.1:2525",
        "networks": ["127.0.0.0/8"],
        "tls": "starttls-required",
        "certificate": str(pair.certificate),
        "key": str(pair.key),
        "tenant_header": {"name": "X-Ours", "value_file": "tenant.secret"},
        "reverse_path": "inside",
    }
    (tmp_path / "tenant.secret").write_text("made-up-but-long-enough\n")
    (tmp_path / "tenant.secret").chmod(0o644)
    ((level, _, says),) = told(configure(listeners=[listener]))
    assert (level, says) == (
        "warning",
        f"Everybody on this machine may read it; run: chmod o= {tmp_path / 'tenant.secret'}",
    )
