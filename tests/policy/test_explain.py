"""The rules in force, in sentences."""

from typing import Final

import pytest

from dlp_gateway import packs
from dlp_gateway.policy import load
from dlp_gateway.policy.explain import explain, fingerprint
from dlp_gateway.policy.verdict import Stage

HEAD: Final = """\
version: 1
inside: [corp.example, '*.corp.example']
partners: [partner.example]
packs: []
actions:
  later: {do: delay, for: 90s}
  blur: {do: rewrite, to: undisclosed, signed: hold}
  keep: {do: hold, expire_after: 36h, reply: refuse}
"""


def explained(rest: str) -> tuple[str, ...]:
    """Explain a policy without packs."""
    return explain(load.parse(HEAD + rest, "policy.yaml", builtin=packs.builtin()))


def test_who_is_inside_comes_first() -> None:
    """Whom a policy counts as its own decides about everything else."""
    inside = "Inside: corp.example, *.corp.example. Partners: partner.example."
    assert explained("") == (inside,)
    more = "groups: {board: [x.example], team: [y.example]}\nlists: [members@corp.example]\n"
    assert explained(more) == (f"{inside} Groups: board, team. Lists: members@corp.example.",)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            "when: {finding: a.b, count: 3, confidence: high}, unless: {recipients: inside}, then: keep",
            (
                "If 3 or more a.b of high confidence, unless all recipients are inside: "
                "hold it for review, 36h at most, and tell the client 550."
            ),
        ),
        (
            "when: {all: [{finding: a.b}, {any: [{finding: 'c.*'}, {none: [{finding: d.e}]}]}]}, then: refuse",
            "If a.b and (c.* or (none of d.e)): refuse it.",
        ),
        (
            "when: {finding: a.b}, unless: {recipients: partners}, then: blur",
            (
                "If a.b, unless all recipients are inside or with partners: hide outsiders from each other, put "
                "undisclosed-recipients into an emptied To, hold it if there are DKIM signatures over To or Cc, "
                "hold it if an invitation or a sealed part shows outsiders."
            ),
        ),
        (
            "when: {finding: a.b}, unless: {recipients: [x.example]}, then: later, mode: observe",
            (
                "If a.b, unless all recipients are inside or in x.example: "
                "only count, by its own mode, instead of: keep it for 90s, then forward it."
            ),
        ),
        (
            "when: {finding: a.b}, unless: [{sender: [x.example], login: [a, b]}, {client: [10.0.0.0/8]}], then: hide",
            (
                "If a.b, unless the sender is in x.example and the login is a or b, or the client is in 10.0.0.0/8: "
                "hide outsiders from each other, put the author into an emptied To, "
                "take out DKIM signatures over To or Cc, hold it if an invitation or a sealed part shows outsiders."
            ),
        ),
        (
            (
                "when: {finding: a.b}, only: [{team: [ops, sales], login: [x]}, {sender: [d.example], "
                "client: [10.0.0.0/8], recipients: [e.example]}], unless: {team: ops}, from: 2026-12-01, "
                "until: '2026-12-24T18:00:00+01:00', then: refuse"
            ),
            (
                "If a.b, only where the sender is of team ops or sales and the login is x, or the sender is in "
                "d.example and the client is in 10.0.0.0/8 and a recipient is in e.example, unless the sender is of "
                "team ops, from 2026-12-01 until 2026-12-24T17:00:00+00:00: refuse it."
            ),
        ),
    ],
)
def test_every_part_of_a_rule_is_told(rule: str, sentence: str) -> None:
    """Conditions, scopes, exceptions, dates, actions and modes read as one sentence."""
    teams = "teams: {sales: [ann@corp.example], ops: [ops.corp.example]}\n"
    assert explained(f"{teams}rules: [{{id: x, {rule}}}]\n")[1] == f"x: {sentence}"


def test_teams_and_scopes_are_told() -> None:
    """How many people a team has, and which rules have other numbers for whom, and until when."""
    text = (
        "version: 1\ninside: [corp.example]\npacks: [bulk-visible]\n"
        "teams: {sales: [ann@corp.example, ben@corp.example, s.corp.example], hr: {filter: '(cn=hr)'}}\n"
        "scopes: [{only: {team: sales}, set: {bulk-visible.outsiders: 20}, until: 2026-12-24}]\n"
    )
    first, _memory, general, sales = explain(load.parse(text, "policy.yaml", builtin=packs.builtin()))
    assert first == (
        "Inside: corp.example. Team sales: 2 addresses and s.corp.example. "
        "Team hr: whom the directory names, not known here."
    )
    assert "10 or more recipients.unfamiliar_outsiders" in general
    assert ", with other numbers where the sender is of team sales, until 2026-12-24" in general
    assert "20 or more recipients.unfamiliar_outsiders" in sales
    assert ", only where the sender is of team sales" in sales
    assert ", until 2026-12-24: hide" in sales


def test_two_policies_are_told_apart_by_all_that_stands_in_them() -> None:
    """A number, a member of a group: so it is seen whether the policy in force is the one in the file."""

    def of(rest: str) -> str:
        return fingerprint(load.parse(HEAD + rest, "policy.yaml", builtin=packs.builtin()))

    rule = "rules: [{id: x, when: {finding: a.b, count: %d}, then: hide}]\n"
    worded = (rule % 1).replace("then", "explanation: Ask first., then")
    texts = (
        "",
        "mode: observe\n",
        rule % 1,
        rule % 2,
        worded,
        "groups: {g: [a@b.example]}\n",
        "groups: {g: [a@c.example]}\n",
    )
    assert len({of(text) for text in texts}) == len(texts)
    assert of(texts[-1]) == of(texts[-1])


def test_default_policy_has_a_sentence_for_each_rule() -> None:
    """`check` shows every rule of every pack."""
    policy = load.default(("corp.example",), builtin=packs.builtin())
    sentences = explain(policy)
    stages = [rule.rule.id for stage in Stage for rule in policy.rules if rule.stage is stage]
    assert [sentence.partition(":")[0] for sentence in sentences] == ["Inside", "Memory", *stages]


def test_what_is_remembered_is_told_as_far_as_a_rule_asks_for_it() -> None:
    """An administrator reads for how long one mail can make another suspect."""
    rule = "rules: [{{id: x, when: {{finding: {}}}, then: hide}}]\n"
    section = "memory: {window: 2d, strike: 90m, learning: 5, groups: {exempt: false}}\n"
    told = {
        kind: explained(section + rule.format(kind))[1]
        for kind in (
            "sent.IBAN",
            "thread.struck",
            "thread.closed",
            "recipients.unfamiliar_outsiders",
            "recipients.twin",
        )
    }
    assert told == {
        "sent.IBAN": "Memory: what a sender showed and sent is added up over 2d.",
        "thread.struck": "Memory: a mass mail that was stopped or rewritten makes the next suspect for 90m.",
        "thread.closed": ("Memory: a thread is closed for 6h once 5 people answered to 5 or more outsiders within 1h."),
        "recipients.unfamiliar_outsiders": "Memory: no outsiders become a working group.",
        "recipients.twin": "Memory: recipients are judged once their sender has written on 5 days.",
    }
    (_, whole, _) = explained(rule.format("'exposure.*'"))
    assert whole == (
        "Memory: what a sender showed and sent is added up over 1d; up to 40 outsiders whom mails showed to each "
        "other on three days within 60d are a working group."
    )


def test_a_severity_other_than_the_usual_is_told() -> None:
    """An administrator sees which rules wake a reviewer, and which never will."""
    sentences = explained(
        "rules:\n"
        "  - {id: loud, when: {finding: a.b}, then: refuse, severity: high}\n"
        "  - {id: quiet, when: {finding: c.d}, then: refuse, severity: low}\n"
        "  - {id: usual, when: {finding: e.f}, then: refuse, severity: medium}\n"
    )
    assert [sentence.partition(": refuse it.")[2] for sentence in sentences[1:]] == [
        " Of high severity.",
        " Of low severity.",
        "",
    ]


def test_observe_mode_comes_first_and_makes_every_rule_count_only() -> None:
    """Whoever reads the rules must not believe that they act."""
    text = f"{HEAD}mode: observe\nrules: [{{id: own, when: {{finding: a.b}}, then: keep, mode: enforce}}]\n"
    told = explain(load.parse(text, "policy.yaml", builtin=packs.builtin()))
    assert told[0].startswith("Observe mode: nothing is held, changed or refused")
    assert told[-1].startswith("own: If a.b: only count, instead of: hold it")
