"""The policy in force: who is outside, and what makes a mass send."""

import pytest

from dlp_gateway import packs
from dlp_gateway.policy import load
from dlp_gateway.policy.model import Policy


def policy(rest: str) -> Policy:
    """Return a policy for corp.example with partners."""
    text = f"version: 1\ninside: [corp.example]\npartners: [partner.example, '*.partner.example']\n{rest}\n"
    return load.parse(text, "policy.yaml", builtin=packs.builtin())


def test_outsiders_are_canonical_distinct_and_in_order() -> None:
    """Spelling, case and plus-tags make no further person; own people and partners are none."""
    addresses = [
        "Zoe@One.example",
        "ann@corp.example",
        "zoe+news@one.example",
        "pat@sub.partner.example",
        "adam@two.example",
        "pat@partner.example",
        "eve@sub.corp.example",
    ]
    assert policy("packs: []").outsiders(addresses) == ("zoe@one.example", "adam@two.example", "eve@sub.corp.example")


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("packs: []", 10),
        ("packs: [reply-all]", 10),
        ("packs: [reply-all]\nset: {reply-all.audience: 4}", 4),
        (
            "packs: []\nrules: [{id: x, when: {any: [{finding: 'reply_all.*', count: 6}]}, then: review}]",
            6,
        ),
        ("packs: []\nrules: [{id: x, when: {finding: '*.*'}, then: review}]", 10),
    ],
)
def test_mass_send_is_what_the_least_rule_asks_for(rest: str, expected: int) -> None:
    """What no rule can ask for need not be remembered."""
    assert policy(rest).mass_send == expected


@pytest.mark.parametrize(
    ("asked", "kind", "expected"),
    [
        ("recipients.twin", "recipients.twin", True),
        ("recipients.*", "recipients.twin", True),
        ("recipients.outsiders", "recipients.twin", False),
        ("sent.IBAN", "sent.*", True),
        ("sent.*", "sent.*", True),
        ("identifier.IBAN", "sent.*", False),
    ],
)
def test_what_rules_ask_for(asked: str, kind: str, *, expected: bool) -> None:
    """What no rule asks for is not looked up."""
    rule = f"rules: [{{id: x, when: {{none: [{{finding: '{asked}'}}]}}, then: review}}]"
    assert policy(f"packs: []\n{rule}").asks(kind) == expected
