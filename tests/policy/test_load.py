"""policy.yaml and packs: the contract's example, and every problem of every file at its line and column."""

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from dlp_gateway import packs
from dlp_gateway.content.text import UnreadableReason
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.policy import load
from dlp_gateway.policy.model import Hold, Policy, Reject, Rewrite

KINDS: Final = frozenset(
    {
        "recipients.outsiders",
        "recipients.organisations",
        *(f"recipients.{name}" for name in ("blind_named", "blind_quoted", "lookalike_inside", "own_freemail")),
        *("recipients.addressed", "redistribution.outsiders", "audience.sensitive"),
        *("solicitation.identity_document", "reply_to.several", "reply_to.group"),
        "reply_all.audience",
        *(f"recipients.{name}" for name in ("unfamiliar_outsiders", "first_time", "look_alike", "twin")),
        *(f"thread.{name}" for name in ("again", "foreign", "closed", "struck", "stopped")),
        *(f"sent.{name}" for name in ("DRIVER_LICENSE", "CREDIT_CARD", "IBAN", "US_SSN", "UK_NINO", "PASSPORT")),
        *(f"sent.{name}" for name in ("BANK_ACCOUNT", "TAX_ID", "NATIONAL_ID", "HEALTH_ID")),
        *("exposure.window", "exposure.written", "parts.attachment", "parts.picture"),
        *(f"identifier.{name}" for name in ("DRIVER_LICENSE", "CREDIT_CARD", "IBAN", "US_SSN", "UK_NINO", "PASSPORT")),
        *(f"identifier.{name}" for name in ("BANK_ACCOUNT", "TAX_ID", "NATIONAL_ID")),
        *(f"unreadable.{reason}" for reason in UnreadableReason),
    }
)

CONTRACT: Final = """\
version: 1
inside: [corp.example, "*.corp.example"]      # required; a bare domain does not mean its subdomains
partners: [partner.example]                   # not outsiders for exposure
packs: [bulk-visible, reply-all]              # left out: all built-in packs apply, with their defaults
set: {bulk-visible.outsiders: 10, bulk-visible.organisations: 3}
actions:
  hide: {do: rewrite, how: prune, to: author}
  review: {do: hold, expire_after: 14d}
rules:
  - id: licence-out
    when: {finding: identifier.DRIVER_LICENSE, confidence: medium, count: 1}
    unless: {recipients: inside}
    then: review
    mode: enforce                             # or observe
"""


def parse(text: str, source: str = "policy.yaml") -> Policy:
    """Read a policy with the built-in packs."""
    return load.parse(text, source, builtin=packs.builtin(), kinds=KINDS)


def problems(text: str, source: str = "policy.yaml") -> list[str]:
    """Return the problems of a policy as file:line:column: message."""
    with pytest.raises(ConfigurationError) as caught:
        parse(text, source)
    return [str(problem) for problem in caught.value.problems]


def test_example_of_the_contract_is_read() -> None:
    """The policy that the documentation shows means what its comments say."""
    policy = parse(CONTRACT)
    assert [policy.inside.contains(a) for a in ("a@corp.example", "a@x.corp.example", "a@notcorp.example")] == [
        True,
        True,
        False,
    ]
    assert [(rule.pack, rule.rule.id) for rule in policy.rules] == [
        ("bulk-visible", "bulk-visible"),
        ("reply-all", "reply-all"),
        ("", "licence-out"),
    ]
    assert [type(rule.action) for rule in policy.rules] == [Rewrite, Hold, Hold]


def test_bare_domain_does_not_mean_its_subdomains() -> None:
    """Only "*.corp.example" names what is below corp.example."""
    policy = parse("{version: 1, inside: [corp.example]}")
    assert policy.outsiders(["a@corp.example", "b@sub.corp.example"]) == ("b@sub.corp.example",)


def test_without_packs_all_built_in_ones_apply() -> None:
    """The shortest policy is the whole default policy."""
    policy = parse("{version: 1, inside: [corp.example]}")
    assert {rule.pack for rule in policy.rules} == {
        "answers",
        "blind-recipients",
        "bulk-visible",
        "exposure",
        "identity-documents",
        "own-records",
        "payment",
        "redistribution",
        "reply-all",
        "second-strike",
        "sensitive-audience",
        "solicitation",
        "unfamiliar-recipient",
        "unreadable",
        "wrong-recipient",
    }
    assert policy == load.default(("corp.example",), builtin=packs.builtin(), kinds=KINDS)


def test_empty_list_of_packs_means_none() -> None:
    """Who writes `packs: []` wants only rules of his own."""
    assert parse("{version: 1, inside: [corp.example], packs: []}").rules == ()


def test_parameters_reach_the_rules() -> None:
    """`set` changes counts, actions and modes of packs; what is not set keeps its default."""
    policy = parse(
        "version: 1\ninside: [corp.example]\npacks: [bulk-visible, reply-all]\n"
        "set: {bulk-visible.outsiders: 25, bulk-visible.action: mine, reply-all.mode: observe, reply-all.audience: 4}\n"
        "actions: {mine: {do: reject, explanation: No.}}\n"
    )
    bulk, reply = policy.rules
    assert [condition.count for condition in bulk.rule.when.all or ()] == [25, 3]
    assert bulk.action == Reject(do="reject", explanation="No.")
    assert (reply.rule.mode, reply.rule.when.count, policy.mass_send) == ("observe", 4, 4)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1000001", "This must be 1000000 or less."), ("99999999999999999999", "This must be 1000000 or less.")],
)
def test_number_that_no_count_can_be_is_told_where_it_is_set(value: str, expected: str) -> None:
    """The operator is shown his own line, not the pack's."""
    text = f"version: 1\ninside: [corp.example]\nset:\n  bulk-visible.outsiders: {value}\n"
    assert problems(text) == [f"policy.yaml:4:27: {expected}"]


def test_own_action_replaces_a_built_in_one_of_the_same_name() -> None:
    """A policy may say what `review` means, for packs too."""
    policy = parse(
        "{version: 1, inside: [corp.example], packs: [reply-all], actions: {review: {do: hold, expire_after: 2d}}}"
    )
    assert [rule.action for rule in policy.rules] == [Hold.model_validate({"do": "hold", "expire_after": "2d"})]
    assert policy.rules[0].action.expire_after == timedelta(days=2)  # type: ignore[union-attr]


def test_every_problem_of_the_policy_is_told_at_once() -> None:
    """What is wrong in form and what is wrong in meaning stand in one list, each at its place."""
    text = (
        "version: 2\n"
        "inside: [corp.example, '@corp.example', '*']\n"
        "packs: [bulk-visibel, reply-all, reply-all, ./nowhere]\n"
        "set: {bulk-visible.outsiders: 3, reply-all.audence: 3, reply-all.mode: maybe, reply-all.audience: 1}\n"
        "actions: {Mine: {do: rewrite, how: prune, expire_after: 3d}, b: {do: drop}}\n"
        "rules:\n"
        "  - {id: one, when: {finding: identifier.DRIVERS_LICENSE}, then: reveiw}\n"
        "  - {id: one, when: {}, then: review, mood: observe}\n"
        "  - {id: two, when: {finding: 'identifer.*'}, unless: {}, then: review}\n"
        "  - {id: inspection-failed, when: {any: [], count: 2}, unless: {content: x}, then: review}\n"
        "  - {when: {finding: reply_all.audience, all: [{finding: reply_all.audience}]}}\n"
    )
    assert problems(text) == [
        "policy.yaml:1:10: This gateway knows version 1 of the format and no other; write `version: 1`.",
        "policy.yaml:2:24: A domain is needed here, such as corp.example, or *.corp.example for its subdomains.",
        "policy.yaml:2:41: A domain is needed here, such as corp.example, or *.corp.example for its subdomains.",
        "policy.yaml:3:9: There is no such pack; did you mean 'bulk-visible'?",
        "policy.yaml:3:34: This pack is named twice, or another has the same name.",
        "policy.yaml:3:45: There is no such pack; that folder does not exist.",
        (
            "policy.yaml:4:7: No pack in force has it; known are: reply-all.action, reply-all.audience, "
            "reply-all.mode, reply-all.severity."
        ),
        "policy.yaml:4:34: No pack in force has it; did you mean 'reply-all.audience'?",
        "policy.yaml:4:72: This is not possible here; known are: enforce, observe.",
        "policy.yaml:4:99: This must be 2 or more.",
        "policy.yaml:5:11: A name consists of a-z, 0-9 and '-', 40 at most, such as bulk-visible.",
        "policy.yaml:5:43: Unknown key 'expire_after'; known are: calendar, do, how, protected, signed, to.",
        "policy.yaml:5:70: 'do' must be one of: 'rewrite', 'delay', 'hold', 'reject'.",
        "policy.yaml:7:31: No detector reports this kind; did you mean 'identifier.DRIVER_LICENSE'?",
        "policy.yaml:7:66: There is no such action; did you mean 'review'?",
        "policy.yaml:8:10: This id is used twice; it is also in line 7.",
        "policy.yaml:8:21: A condition without effect: it has exactly one of `finding`, `all`, `any` and `none`.",
        "policy.yaml:8:39: Unknown key 'mood'; did you mean 'mode'?",
        "policy.yaml:9:31: No detector reports this kind; did you mean 'identifier.*'?",
        (
            "policy.yaml:9:55: An exception without effect: fill in `recipients`, `group`, `sender`, `team`, `client` "
            "or `login`."
        ),
        "policy.yaml:10:10: The gateway uses this id itself; choose another.",
        "policy.yaml:10:41: At least 1 must stand here.",
        "policy.yaml:10:65: Unknown key 'content'; did you mean 'client'?",
        "policy.yaml:11:5: The key 'id' is missing: The name in reasons, logs and metrics.",
        "policy.yaml:11:5: The key 'then' is missing: The action, by name.",
        "policy.yaml:11:47: A condition without effect: it has exactly one of `finding`, `all`, `any` and `none`.",
    ]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("true", "This must be 1."),
        ("1.0", "This must be 1."),
        ("'1'", "This must be 1."),
        ("01", "Write a number in decimals and without leading zeros; put a text in quotes."),
        ("0", "This gateway knows version 1 of the format and no other; write `version: 1`."),
    ],
)
def test_version_is_exactly_one(version: str, expected: str) -> None:
    """What merely equals 1 is a slip in the file."""
    assert problems(f"inside: [corp.example]\nversion: {version}\n") == [f"policy.yaml:2:10: {expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "set: {reply-all: {audience: 5}}",
            "3:7: The pack stands before each parameter, with a dot: write `reply-all.audience:`.",
        ),
        ("set: {reply-all.action: hold}", "3:25: There is no such action; did you mean 'review'?"),
        (
            "rules: [{id: x, when: {finding: identifier.IBAN}, then: hold}]",
            "3:57: There is no such action; did you mean 'review'?",
        ),
        (
            "rules: [{id: x, when: {finding: identifier.IBAN}, then: reject}]",
            "3:57: There is no such action; did you mean 'refuse'?",
        ),
    ],
)
def test_what_is_easily_written_instead_is_told(text: str, expected: str) -> None:
    """What an action does for its name, and parameters below their pack."""
    assert problems(f"version: 1\ninside: [corp.example]\n{text}\n") == [f"policy.yaml:{expected}"]


def test_exception_that_looks_at_content_is_unknown() -> None:
    """Exceptions look at who writes to whom only; the message says what there is."""
    text = (
        "version: 1\ninside: [corp.example]\nrules:\n"
        "  - {id: a, when: {finding: reply_all.audience}, unless: {finding: identifier.IBAN}, then: review}\n"
        "  - {id: b, when: {finding: identifier.IBAN}, unless: [{sender: [x@y@]}, {recipients: x}, {}], then: wait}\n"
    )
    assert problems(text) == [
        "policy.yaml:4:59: Unknown key 'finding'; known are: client, group, login, recipients, sender, team.",
        "policy.yaml:5:66: An address or a domain is needed, such as ann@corp.example, corp.example or *.corp.example.",
        "policy.yaml:5:87: This must be one of: 'inside' or 'partners'.",
        (
            "policy.yaml:5:91: An exception without effect: fill in `recipients`, `group`, `sender`, `team`, `client` "
            "or `login`."
        ),
    ]


def test_rule_that_says_what_another_says_is_a_problem() -> None:
    """A rule without effect of its own is a mistake in one of the two."""
    rule = "when: {finding: reply_all.audience}, then: review"
    text = f"version: 1\ninside: [corp.example]\nrules:\n  - {{id: a, {rule}}}\n  - {{id: b, {rule}}}\n"
    assert problems(text) == ["policy.yaml:5:5: A rule without effect: the one in line 4 says the same."]


@pytest.mark.parametrize(
    "networks", ["0.0.0.0/0", "'::/0'", "0.0.0.0/1, 128.0.0.0/1", "'::/1', '8000::/1'", "'::ffff:0:0/97', 128.0.0.0/1"]
)
def test_exception_that_excuses_everybody_is_a_problem(networks: str) -> None:
    """A rule that can never act is not what its author meant, however he writes the whole internet."""
    rule = f"{{id: a, when: {{finding: reply_all.audience}}, unless: {{client: [{networks}]}}, then: review}}"
    assert problems(f"version: 1\ninside: [corp.example]\nrules:\n  - {rule}\n") == [
        "policy.yaml:4:67: A rule without effect: a large part of the internet is excused. Name your own networks."
    ]


@pytest.mark.parametrize(
    "unless", ["{sender: }", "{recipients: ~, login: [ann]}", "{}", "[{client: }]", "{recipients: []}"]
)
def test_exception_that_was_left_blank_excuses_nobody(unless: str) -> None:
    """A value that was forgotten never switches a rule off."""
    rule = f"{{id: a, when: {{finding: reply_all.audience}}, unless: {unless}, then: review}}"
    (found,) = problems(f"version: 1\ninside: [corp.example]\nrules:\n  - {rule}\n")
    assert "An exception without effect" in found or "At least 1 must stand here" in found


@pytest.mark.parametrize(
    "text", ['"two\\r\\nlines"', "|\n   two\n   lines\n", '"\\e[31mred"', '"\\u202eright to left"']
)
def test_explanation_is_one_line(text: str) -> None:
    """What is told to authors ends up in SMTP replies, mails and terminals."""
    found = problems(f"version: 1\ninside: [corp.example]\nactions:\n no:\n  do: reject\n  explanation: {text}\n")
    assert found == ["policy.yaml:6:16: One line of text is needed here, without control characters."]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("{do: hold, expire_after: 0d}", "31: This must be 1h or more."),
        ("{do: hold, expire_after: 59m}", "31: This must be 1h or more."),
        ("{do: delay, for: 0s}", "23: This must be 1s or more."),
        ("{do: delay, for: 999ms}", "23: This must be 1s or more."),
    ],
)
def test_mail_that_is_kept_is_kept_for_a_while(action: str, expected: str) -> None:
    """What expires or leaves at once would be neither held nor delayed."""
    text = "version: 1\ninside: [corp.example]\nactions:\n  a: {}\n"
    assert problems(text.format(action)) == [f"policy.yaml:4:{expected}"]


@pytest.mark.parametrize("action", ["{do: hold, expire_after: 1h}", "{do: delay, for: 1s}"])
def test_shortest_times_are_accepted(action: str) -> None:
    """The bounds themselves can be written."""
    assert parse(f"version: 1\ninside: [corp.example]\npacks: []\nactions:\n  a: {action}\n").rules == ()


def test_id_of_a_pack_cannot_be_used_again() -> None:
    """Reasons must name one rule."""
    text = (
        "version: 1\ninside: [a.example]\nrules: [{id: reply-all, when: {finding: reply_all.audience}, then: hide}]\n"
    )
    assert problems(text) == ["policy.yaml:3:14: This id is used twice; it is also in a pack."]


def test_missing_policy_is_told(tmp_path: Path) -> None:
    """A path that leads nowhere is a problem of that file."""
    with pytest.raises(ConfigurationError, match="There is no such file"):
        load.load(tmp_path / "policy.yaml", builtin=packs.builtin())


@pytest.mark.parametrize(
    "inside",
    [
        "corp.example",
        "*.corp.example",
        "bücher.example",
        "xn--bcher-kva.example",
        "a-b.example",
        "localhost",
        "corp",
        "*.corp",
        "github.io",
    ],
)
def test_domains_of_all_sorts_are_accepted(inside: str) -> None:
    """International names, A-labels and names without a dot can be inside."""
    assert parse(f"{{version: 1, inside: ['{inside}'], packs: []}}").inside.patterns == (inside,)


@pytest.mark.parametrize(
    "inside", ["com", "*.com", "COM", "co.uk", "*.co.uk", "ｃｏｍ", "рф", "xn--p1ai", "*.xn--p1ai"]
)
def test_public_suffix_is_not_ours(inside: str) -> None:
    """With everybody at .com inside, nobody would be outside."""
    expected = "This is a public suffix, such as com or co.uk: strangers would be inside. Name your own domains."
    assert problems(f"version: 1\ninside: [corp.example, '{inside}']\n") == [f"policy.yaml:2:24: {expected}"]


def test_severity_of_several_rules_is_the_highest() -> None:
    """One urgent reason makes a mail urgent; what no file defines counts as usual."""
    policy = load.parse(
        "version: 1\ninside: [corp.example]\npacks: [reply-all, unreadable]\nset: {unreadable.severity: low}\n",
        "policy.yaml",
        builtin=packs.builtin(),
    )
    asked = (("unreadable.too-large",), ("unreadable.too-large", "gone"), ("gone", "reply-all"), ())
    assert [policy.severity(rules) for rules in asked] == ["low", "medium", "high", "medium"]


def test_what_does_not_say_observe_acts() -> None:
    """A forgotten line must not leave a gateway that protects nobody."""
    head = "version: 1\ninside: [corp.example]\n"
    assert load.parse(head, "policy.yaml", builtin=packs.builtin()).mode == "enforce"
    assert load.parse(f"{head}mode: observe\n", "policy.yaml", builtin=packs.builtin()).mode == "observe"
    with pytest.raises(ConfigurationError, match=r"policy\.yaml:3:7: This must be one of: 'enforce' or 'observe'"):
        load.parse(f"{head}mode: watch\n", "policy.yaml", builtin=packs.builtin())
