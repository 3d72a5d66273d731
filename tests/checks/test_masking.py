"""What a report shows of a configuration: no address, login or secret, whatever it looks like."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.checks import masking
from dlp_gateway.policy.explain import explain
from tests.checks.conftest import Configure


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ask ann.berg@corp.example today", "ask ***@corp.example today"),
        ("<ann+tag@corp.example>", "<***@corp.example>"),
        ('"ann berg"@corp.example', "***@corp.example"),
        ("ann@[192.0.2.1]", "***@[192.0.2.1]"),
        ("jürgen@münchen.example", "***@münchen.example"),
        ("postgresql://dlp:word@db.example/x", "***@db.example/x"),
        ("mail.example.net and 10.0.0.0/8", "mail.example.net and 10.0.0.0/8"),
        ("\x1b ann@corp.example", "? ***@corp.example"),
    ],
)
def test_addresses_lose_who_and_keep_where(text: str, shown: str) -> None:
    """A support engineer needs domains, hosts and networks, and nobody's name."""
    assert masking.text(text) == shown


@given(
    local=st.text(
        alphabet="abcdefghijklmnopqrstuvwxyzäöü0123456789.!#$%&'*+/=?^_`{|}~-", min_size=3, max_size=30
    ).filter(lambda text: "*" not in text),
    before=st.sampled_from(["", " ", "<", '"', "to: ", "x=", "[", "mailto:"]),
)
def test_no_local_part_survives(local: str, before: str) -> None:
    """Whatever characters RFC 5321 4.1.2 lets it have, in whatever company."""
    shown = masking.text(f"{before}{local}@corp.example")
    assert f"{local}@" not in shown
    assert shown.endswith("@corp.example")


def test_private_keys_of_settings_are_hidden_at_any_depth() -> None:
    """By the name of the key, since a login looks like any word."""
    told = masking.values(
        {
            "smarthost": {"host": "mail.example.net", "user": "dlp-relay", "password_file": "/etc/secret"},
            "login": {"users_file": "/etc/users", "ldap": {"bind_dn": "cn=x", "url": "ldaps://h.example"}},
            "tenants": ["a-b-c"],
            "port": 25,
            "user": None,
        }
    )
    assert told == {
        "smarthost": {"host": "mail.example.net", "user": "***", "password_file": "/etc/secret"},
        "login": {"users_file": "/etc/users", "ldap": {"bind_dn": "***", "url": "ldaps://h.example"}},
        "tenants": ["***"],
        "port": 25,
        "user": None,
    }


def test_a_policy_names_no_person(configure: Configure, tmp_path: Path) -> None:
    """Domains, networks and rules stay, and what the rules do."""
    _, _, policy = configure(
        "rules:\n"
        "  - id: own\n"
        "    explanation: ask dora@corp.example\n"
        "    when: {finding: 'identifier.*'}\n"
        "    unless:\n"
        "      - {sender: [payroll@corp.example], login: [payroll-login]}\n"
        "      - {recipients: [ann@law.example, auditor.example], client: [192.0.2.0/28]}\n"
        "    then: review\n"
    )
    hidden = masking.policy(policy)
    told = " ".join(explain(hidden))
    for secret in ("payroll", "ann@", "dora"):
        assert secret not in told + repr(hidden)
    for kept in ("***@law.example", "auditor.example", "192.0.2.0/28", "hold it for review"):
        assert kept in told


def test_an_unknown_key_may_be_a_value_in_the_wrong_place() -> None:
    """So a problem is told without it; file, line and column stay."""
    told = masking.problem("/etc/gateway.yaml:3:5: Unknown key 'made-up-word'; did you mean 'port'?")
    assert told == "/etc/gateway.yaml:3:5: Unknown key '***'; did you mean 'port'?"
