"""`dlp-gateway init`: two files that can be used as they are, in observe mode, and never over others."""

import os
import re
import stat
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway import document, packs
from dlp_gateway.cli import surroundings
from dlp_gateway.cli.first_files import SERVICES, Answers, NextHop, Sender, gateway_yaml, policy_yaml
from dlp_gateway.policy import load
from dlp_gateway.policy.file import PolicyFile
from dlp_gateway.processes import policies
from dlp_gateway.settings import Settings
from dlp_gateway.settings.shared_senders import shared_senders
from tests.cli.conftest import Run, lines

SHORTEST: Final = ("init", "--folder", "new", "--inside", "corp.example", "--smarthost", "mail.example.net:25")
ANSWERS: Final = Answers(
    inside=("corp.example",),
    next_hop=NextHop(host="mail.example.net"),
    database="sqlite:///custody/custody.db",
    key_file="keys/custody.key",
    hostname="gateway.corp.example",
)


def _answers(certificate: str, **others: Any) -> Answers:  # noqa: ANN401  the fields of `Answers`
    fixed = {"key": certificate, "local_networks": ("198.51.100.0/24",), "tenant": "0-0-0"}
    return replace(ANSWERS, certificate=certificate, **fixed, **others)


def settings_of(text: str) -> Settings:
    """Read gateway.yaml as the gateway does."""
    return document.parse(text, Settings, "/somewhere/gateway.yaml")


def with_defaults(text: str) -> str:
    """Take the # away from each line that shows a default."""
    return re.sub(r"^( *)#(?=[a-z])", r"\1", text, flags=re.MULTILINE)


def test_the_files_pass_check_and_begin_by_watching(run: Run) -> None:
    """`check` has nothing to mend; the terminal says that nothing is held, and how to begin."""
    result = run(*SHORTEST)
    assert result.exit_code == 0, result.output
    assert "mode: observe" in result.stdout
    assert "NOTHING is held or changed" in result.stdout
    assert "write `mode: enforce` in policy.yaml" in result.stdout
    positions = [result.stdout.index(f"dlp-gateway {word}") for word in ("check --live", "serve", "send-test")]
    assert positions == sorted(positions)
    checked = run("check", "--config", "new/gateway.yaml", "--json")
    assert checked.exit_code == 0
    (told,) = lines(checked)
    assert (told["problems"], told["mode"]) == ([], "observe")


def test_options_reach_the_files(run: Run, config: Path) -> None:
    """Each answer stands where it belongs."""
    result = run(
        *SHORTEST,
        *("--inside", "*.corp.example", "--listen", "10.0.0.25:25", "--network", "10.0.0.0/24"),
        *("--network", "192.0.2.9", "--hostname", "gw.corp.example", "--reviewer", "rita@corp.example"),
    )
    assert result.exit_code == 0, result.output
    settings, policy = policies.load(config.parent / "new" / "gateway.yaml")
    assert str(settings.listeners[0].address) == "10.0.0.25:25"
    assert [str(network) for network in settings.listeners[0].networks] == ["10.0.0.0/24", "192.0.2.9/32"]
    assert (settings.hostname, settings.smarthost.host, settings.smarthost.port) == (
        "gw.corp.example",
        "mail.example.net",
        25,
    )
    assert policy.inside.patterns == ("corp.example", "*.corp.example")
    assert settings.notices.reviewers == ("rita@corp.example",)


def test_nothing_is_ever_overwritten(run: Run, config: Path) -> None:
    """Neither of the two files, nor half of the pair written."""
    (config.parent / "new").mkdir()
    (config.parent / "new" / "policy.yaml").write_text("precious")
    result = run(*SHORTEST)
    assert result.exit_code == 2
    assert "policy.yaml: it exists, and init overwrites nothing" in result.stderr
    assert [path.name for path in (config.parent / "new").iterdir()] == ["policy.yaml"]
    assert (config.parent / "new" / "policy.yaml").read_text() == "precious"


def test_files_and_folders_are_for_few(run: Run, config: Path) -> None:
    """Custody and its key get folders that only their owner enters; nobody else may write either file."""
    old = os.umask(0o022)
    try:
        assert run(*SHORTEST).exit_code == 0
    finally:
        os.umask(old)
    place = config.parent / "new"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()}
    assert (modes["custody"], modes["keys"]) == (0o700, 0o700)
    assert not (modes["gateway.yaml"] | modes["policy.yaml"]) & 0o022


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--inside", "com", "--smarthost", "m.example"), "This is a public suffix"),
        (("--inside", "not a domain", "--smarthost", "m.example"), "A domain is needed here"),
        (("--inside", "corp.example", "--smarthost", "m.example:99999"), "A port is a number from 1 to 65535."),
        (("--inside", "corp.example", "--smarthost", "two words"), "This must be a host name"),
        (("--inside", "corp.example", "--smarthost", "m.example", "--listen", "25"), "An address is an IP address"),
        (("--inside", "corp.example", "--smarthost", "m.example", "--network", "10.0.0.1/8"), "inside a network"),
        (("--inside", "corp.example", "--smarthost", "m.example", "--reviewer", "rita"), "This is no mail address"),
        (("--inside", "corp.example"), "Name the next mail server with --smarthost"),
        (("--inside", "corp"), "Invalid value for '--inside': This has no dot; a full name is needed"),
        (
            ("--inside", "corp.example", "--smarthost", "m.example", "--hostname", "nope"),
            "such as gateway.corp.example",
        ),
        (
            ("--inside", "corp.example", "--smarthost", "m.example", "--reviewer", "q@b.example"),
            "must have an address in one of your own domains; q@b.example has none.",
        ),
        (
            ("--inside", "corp.example", "--smarthost", "m.example", "--network", "0.0.0.0/0"),
            "Invalid value for '--network': This is a large part of the internet",
        ),
    ],
)
def test_a_wrong_answer_is_told_at_once(run: Run, config: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """Exit 2, with the sentence that `check` would have, and nothing is written."""
    result = run("init", "--folder", "new", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not (config.parent / "new").exists()


def test_what_only_shows_in_the_whole_file_is_a_problem(run: Run, config: Path) -> None:
    """A smarthost that is ourselves: exit 78, and nothing is written."""
    whole = ("--listen", "127.0.0.1:2525", "--smarthost", "127.0.0.1:2525")
    result = run("init", "--folder", "new", "--inside", "corp.example", *whole)
    assert result.exit_code == 78
    assert "mail would go in circles" in result.stderr
    assert not (config.parent / "new" / "gateway.yaml").exists()


def test_a_guided_answer_that_is_none_is_asked_again_and_a_file_may_come_later(run: Run, config: Path) -> None:
    """A name without a dot is a slip; a certificate that is not there yet ends the question all the same."""
    (config.parent / "key.pem").write_text("a key")
    answers = (
        *("a", "corp.example", "n", "9", "", "4", "127.0.0.1:5870", "nope", "gateway.corp.example"),
        *("later.pem", "n", "", "later.pem", "y", "key.pem", "", "mail.example.net", "n", "n", "", ""),
    )
    result = run("init", "--guided", "--folder", "new", stdin="".join(f"{one}\n" for one in answers).encode())
    assert result.exit_code == 0, result.output
    assert result.output.count("This has no dot; a full name is needed") == 3
    assert result.output.count(f"There is no file {config.parent / 'later.pem'}, or you may not read it.") == 2
    settings, _ = policies.load(config.parent / "new" / "gateway.yaml")
    assert settings.listeners[0].certificate == config.parent / "later.pem"


def test_in_etc_custody_goes_where_the_unit_makes_folders() -> None:
    """As deploy/systemd has it."""
    unit = (Path(__file__).parents[2] / "deploy" / "systemd" / "gateway.yaml").read_text()
    from dlp_gateway.cli.init import _places  # noqa: PLC0415  a test may look inside

    for place in _places(Path("/etc/dlp-gateway")):
        assert place in unit


def test_schemas_lie_beside_and_are_named_in_the_first_line(run: Run, config: Path) -> None:
    """An editor finds them without any setting."""
    assert run(*SHORTEST, "--schema").exit_code == 0
    for name in ("gateway", "policy"):
        first = (config.parent / "new" / f"{name}.yaml").read_text().splitlines()[0]
        assert first == f"# yaml-language-server: $schema=./{name}.schema.json"
        assert (config.parent / "new" / f"{name}.schema.json").is_file()


# --- the text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", list(Sender))
def test_the_defaults_that_are_shown_are_the_defaults(sender: Sender) -> None:
    """Without the # before each of them, both files mean the same; and there are many."""
    gateway, policy = gateway_yaml(_answers("/etc/ssl/a.pem", sender=sender)), policy_yaml(ANSWERS)
    assert settings_of(with_defaults(gateway)) == settings_of(gateway)
    assert with_defaults(gateway).count("\n") == gateway.count("\n")
    assert len(re.findall(r"^ *#(?=[a-z])", gateway, re.MULTILINE)) >= 12
    read = [
        load.parse(text, "policy.yaml", builtin=packs.builtin(), kinds=policies.known_kinds())
        for text in (policy, with_defaults(policy))
    ]
    assert read[0] == read[1]


@pytest.mark.parametrize(("text", "model"), [(gateway_yaml(ANSWERS), Settings), (policy_yaml(ANSWERS), PolicyFile)])
def test_every_section_is_shown(text: str, model: type[document.Model]) -> None:
    """Whoever reads the file sees what there is to set; the rest stands in the documentation that it names."""
    missing = [name for name in model.model_fields if not re.search(rf"^ *#? ?{name}:", text, re.MULTILINE)]
    assert missing in ([], ["actions", "presidio"])
    assert "docs/" in text


def test_examples_in_comments_can_be_used() -> None:
    """A rule whose # is taken away works."""
    text = policy_yaml(ANSWERS)
    example = re.sub(r"^# ", "", text[text.index("# rules:") :], flags=re.MULTILINE)
    read = load.parse(text + example, "policy.yaml", builtin=packs.builtin(), kinds=policies.known_kinds())
    assert read.rules[-1].rule.id == "cards-for-the-auditor-only"


domains = st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]\.example", fullmatch=True)
hosts = st.one_of(domains, st.just("192.0.2.7"), st.just("2001:db8::7"))


def _next_hop(host: str, port: int, tls: Literal["none", "opportunistic", "required"], user: str) -> NextHop:
    return NextHop(host=host, port=port, tls="required" if user else tls, user=user, password_file="pw" if user else "")


ANY_ANSWERS: Final = st.builds(
    _answers,
    certificate=st.sampled_from(["/etc/ssl/a b: #.pem", "/etc/no.pem"]),
    inside=st.lists(domains, min_size=1, max_size=4, unique=True).map(tuple),
    partners=st.lists(domains, max_size=3, unique=True).map(tuple),
    sender=st.sampled_from(Sender),
    next_hop=st.builds(
        _next_hop,
        host=hosts,
        port=st.integers(1, 65_535),
        tls=st.sampled_from(["none", "opportunistic", "required"]),
        user=st.sampled_from(["", "dlp-relay", "no", "a: b", "123", "\"quoted' \\", "ü@corp.example"]),
    ),
    address=st.sampled_from(["127.0.0.1:2525", "[::]:25", "0.0.0.0:587"]),
    networks=st.lists(st.sampled_from(["10.0.0.0/24", "2001:db8::/48", "192.0.2.9"]), min_size=1, unique=True).map(
        tuple
    ),
    schemas=st.booleans(),
)


@given(answers=ANY_ANSWERS)
def test_whatever_is_answered_can_be_read(answers: Answers) -> None:
    """Each answer comes back from the file as it was given."""
    hop = answers.next_hop
    settings = settings_of(gateway_yaml(answers))
    policy = load.parse(policy_yaml(answers), "policy.yaml", builtin=packs.builtin())
    assert policy.inside.patterns == answers.inside
    assert policy.partners.patterns == answers.partners
    assert policy.mode == "observe"
    assert (settings.smarthost.host, settings.smarthost.port, settings.smarthost.tls) == (hop.host, hop.port, hop.tls)
    assert settings.smarthost.user == (hop.user or None)
    assert str(settings.listeners[0].address) == answers.address
    assert str(settings.listeners[0].certificate or "") == answers.certificate


@pytest.mark.parametrize(
    ("sender", "service"), [(Sender.MICROSOFT, "Microsoft 365"), (Sender.GOOGLE, "Google Workspace")]
)
def test_a_services_networks_are_its_own(sender: Sender, service: str) -> None:
    """Each network that is written is one of those from which the service sends, and only its own."""
    for network in SERVICES[sender]:
        assert shared_senders((ip_network(network),)) == (service,)


def test_port_465_gets_tls_from_the_first_byte(run: Run, config: Path) -> None:
    """Servers speak nothing else there."""
    whole = ("--inside", "corp.example", "--smarthost", "mail.example.net:465", "--hostname", "gateway.corp.example")
    assert run("init", "--folder", "new", *whole).exit_code == 0
    settings, _ = policies.load(config.parent / "new" / "gateway.yaml")
    assert settings.smarthost.tls == "implicit"


# --- the machine ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("gw1.dc.corp.example", "corp.example"),
        ("corp.example", "corp.example"),
        ("mail.corp.co.uk", "corp.co.uk"),
        ("co.uk", ""),
        ("host", ""),
        ("host.localdomain", ""),
        ("a1b2.internal", ""),
        ("", ""),
    ],
)
def test_the_own_domain_is_guessed_from_the_name(name: str, domain: str) -> None:
    """A guess that is wrong is worse than none: names of containers and suffixes give none."""
    assert surroundings.own_domain(name) == domain


def test_networks_are_read_from_the_routes(tmp_path: Path) -> None:
    """Those without a gateway; default routes, single hosts and what is no line are passed over."""
    routes = tmp_path / "route"
    routes.write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "eth0\t0000FEA9\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
        "eth1\tnonsense\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
        "short\n"
    )
    assert surroundings.networks(routes) == ("192.0.2.0/24",)
    assert surroundings.networks(tmp_path / "missing") == ()
