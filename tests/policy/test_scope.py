"""Whose mail a rule is about, and when: scopes, teams, dates, stages; and that none of them can soften a verdict."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from dlp_gateway import packs
from dlp_gateway.detect.base import Finding, Inspection
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy import load
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.groups import group
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.scope import Team
from dlp_gateway.policy.verdict import Disposition, Stage, Verdict

HEAD: Final = "version: 1\ninside: [corp.example]\n"
TEAMS: Final = "teams: {sales: [ann@corp.example, sales.corp.example], hr: [hanna@corp.example]}\n"
NOON: Final = datetime(2026, 11, 2, 12, tzinfo=UTC)
KINDS: Final = ("a.b", "c.d", "e.f")


def policy(text: str, *, packs_used: str = "packs: []\n") -> Policy:
    """Return a policy; without packs unless told otherwise."""
    return load.parse(HEAD + packs_used + text, "policy.yaml", builtin=packs.builtin())


def rule(more: str, head: str = TEAMS) -> Policy:
    """Return a policy with one rule that holds what was found, and further keys of it."""
    return policy(f"{head}rules: [{{id: x, when: {{finding: a.b}}, then: review, {more}}}]\n")


def found(**counts: int) -> Inspection:
    """Return an inspection with these kinds, written with "__" for the dot."""
    findings = tuple(
        Finding(kind=kind.replace("__", "."), detector="test", rule="", count=count, score=1.0, where="envelope")
        for kind, count in counts.items()
    )
    return Inspection(findings=findings, failures=(), unreadable=())


def envelope(**changes: Any) -> Envelope:  # noqa: ANN401  whatever an envelope has
    """Return an envelope of Ann's."""
    made = Envelope(
        id="test",
        reverse_path="ann@corp.example",
        recipients=("bob@shop.example",),
        client="192.0.2.10",
        login="",
        body_8bit=True,
        smtputf8=True,
        received_at=NOON,
    )
    return replace(made, **changes)


def verdict(of: Policy, inspection: Inspection | None = None, author: str = "", **changes: Any) -> Verdict:  # noqa: ANN401
    """Decide about a mail with one finding, from `author` in From."""
    raw = f"From: {author}\r\nTo: bob@shop.example\r\n\r\nx\r\n".encode()
    return decide(of, envelope(**changes), parse(raw), inspection or found(a__b=1))


def is_held(of: Policy, author: str = "", **changes: Any) -> bool:  # noqa: ANN401
    """Tell whether the one rule applies."""
    return verdict(of, author=author, **changes).disposition is Disposition.HOLD


# --- whose mail -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only", "author", "changes", "applies"),
    [
        ("{sender: [ann@corp.example]}", "", {}, True),
        ("{sender: [ann@corp.example]}", "", {"reverse_path": "Ann+x@CORP.example"}, True),
        ("{sender: [ann@corp.example]}", "", {"reverse_path": "ben@corp.example"}, False),
        ("{sender: [corp.example]}", "", {"reverse_path": "ann@sub.corp.example"}, False),
        ("{sender: ['*.corp.example']}", "", {"reverse_path": "ann@sub.corp.example"}, True),
        ("{sender: [ann@corp.example]}", "Ann <ann@corp.example>", {"reverse_path": "bounce-1@news.example"}, True),
        ("{sender: [ann@corp.example]}", "Ann <ann@corp.example>", {"reverse_path": ""}, True),
        ("{sender: [ann@corp.example]}", "", {"reverse_path": ""}, False),
        ("{team: sales}", "", {}, True),
        ("{team: sales}", "", {"reverse_path": "x+y@sales.corp.example"}, True),
        ("{team: sales}", "", {"reverse_path": "hanna@corp.example"}, False),
        ("{team: [sales, hr]}", "", {"reverse_path": "hanna@corp.example"}, True),
        ("{team: hr}", "Hanna <hanna@corp.example>", {}, True),
        ("{team: hr}", "", {"reverse_path": ""}, False),
        ("{login: [scanner]}", "", {"login": "scanner"}, True),
        ("{login: [scanner]}", "", {"login": "Scanner"}, False),
        ("{login: [scanner]}", "", {"login": ""}, False),
        ("{client: [192.0.2.0/28]}", "", {}, True),
        ("{client: [192.0.2.0/28]}", "", {"client": "192.0.2.99"}, False),
        ("{client: [192.0.2.0/28]}", "", {"client": "a file"}, False),
        ("{recipients: [shop.example]}", "", {}, True),
        ("{recipients: [shop.example]}", "", {"recipients": ("eve@home.example", "bob@shop.example")}, True),
        ("{recipients: [shop.example]}", "", {"recipients": ("eve@home.example",)}, False),
        ("{team: sales, recipients: [home.example]}", "", {}, False),
        ("[{team: hr}, {recipients: [shop.example]}]", "", {}, True),
    ],
)
def test_a_rule_is_about_the_mail_of_its_scope(
    only: str, author: str, changes: dict[str, Any], *, applies: bool
) -> None:
    """All keys of a block must hold, of several blocks one; who writes is told by the reverse-path or the author."""
    assert is_held(rule(f"only: {only}"), author, **changes) is applies


@pytest.mark.parametrize(
    ("changes", "author", "excused"),
    [
        ({}, "", True),
        ({"reverse_path": "x@sales.corp.example"}, "", True),
        ({"reverse_path": "ben@corp.example"}, "Ann <ann@corp.example>", False),
        ({"reverse_path": ""}, "Ann <ann@corp.example>", False),
    ],
)
def test_a_team_is_excused_by_the_reverse_path_alone(changes: dict[str, Any], author: str, *, excused: bool) -> None:
    """What any author can write into From excuses nobody."""
    assert is_held(rule("unless: {team: sales}"), author, **changes) is not excused


def test_a_team_that_nobody_knows_is_in_every_scope_and_excuses_nobody() -> None:
    """Where the directory was never asked, a doubt holds."""
    head = "teams: {hr: {filter: '(cn=hr)', members: member}}\n"
    assert is_held(rule("only: {team: hr}", head))
    assert is_held(rule("unless: {team: hr}", head))
    scoped = policy(
        f"{head}scopes: [{{only: {{team: hr}}, set: {{payment.cards: 5}}}}]\n", packs_used="packs: [payment]\n"
    )
    shown = verdict(scoped, found(identifier__CREDIT_CARD=1))
    assert [reason.rule for reason in shown.reasons] == ["payment.card"]


# --- thresholds by scope ----------------------------------------------------------------------------------------------

SCOPED: Final = policy(
    TEAMS
    + "scopes:\n"
    + "  - {only: {team: sales}, set: {bulk-visible.outsiders: 20}}\n"
    + "  - only: {team: hr}\n"
    + "    set: {bulk-visible.outsiders: 2, bulk-visible.organisations: 2, bulk-visible.action: review}\n"
    + "  - {only: {recipients: [fair.example]}, set: {bulk-visible.outsiders: 30}, until: 2026-11-02}\n",
    packs_used="packs: [bulk-visible]\n",
)


@pytest.mark.parametrize(
    ("outsiders", "changes", "author", "disposition"),
    [
        (9, {"reverse_path": "ben@corp.example"}, "", "forward"),
        (10, {"reverse_path": "ben@corp.example"}, "", "rewrite"),
        (19, {}, "", "forward"),
        (20, {}, "", "rewrite"),
        (2, {"reverse_path": "hanna@corp.example"}, "", "hold"),
        (1, {"reverse_path": "hanna@corp.example"}, "", "forward"),
        # Sales sends what somebody of HR wrote, or the other way round: the stricter number.
        (2, {}, "hanna@corp.example", "hold"),
        (2, {"reverse_path": "hanna@corp.example"}, "ann@corp.example", "hold"),
        # Nobody gets a milder number by what stands in From.
        (10, {"reverse_path": "ben@corp.example"}, "ann@corp.example", "rewrite"),
        (29, {"reverse_path": "ben@corp.example", "recipients": ("x@fair.example",)}, "", "forward"),
        (29, {"reverse_path": "ben@corp.example", "recipients": ("x@fair.example", "y@shop.example")}, "", "rewrite"),
        (
            29,
            {
                "reverse_path": "ben@corp.example",
                "recipients": ("x@fair.example",),
                "received_at": NOON + timedelta(days=1),
            },
            "",
            "rewrite",
        ),
    ],
)
def test_teams_have_numbers_of_their_own(
    outsiders: int, changes: dict[str, Any], author: str, disposition: str
) -> None:
    """Sales may show 20, HR 2, everybody else 10; where several could be meant, the strictest counts."""
    measured = found(recipients__unfamiliar_outsiders=outsiders, recipients__organisations=outsiders)
    shown = verdict(SCOPED, measured, author, **changes)
    assert shown.disposition.label == disposition
    assert {reason.rule for reason in shown.reasons} <= {"bulk-visible"}


def test_a_scope_repeats_only_the_rules_that_it_changes() -> None:
    """A parameter of one rule leaves the others of the pack as they are; `mode` lets a pilot group begin."""
    of = policy(
        TEAMS + "set: {payment.mode: observe}\nscopes: [{only: {team: hr}, set: {payment.mode: enforce}}]\n",
        packs_used="packs: [payment]\n",
    )
    cards = found(identifier__CREDIT_CARD=1)
    assert verdict(of, cards, reverse_path="hanna@corp.example").disposition is Disposition.HOLD
    assert verdict(of, cards).disposition is Disposition.FORWARD
    ids = [one.rule.id for one in of.rules]
    assert sorted(set(ids)) == sorted(dict.fromkeys(ids))
    assert len([one for one in of.rules if one.within is not None]) < len(of.rules) / 2 + 1


def test_remembered_mass_sends_follow_the_least_number_of_any_scope() -> None:
    """What HR's replies are judged by must be remembered, though everybody else's is larger."""
    of = policy(
        TEAMS + "scopes: [{only: {team: hr}, set: {reply-all.audience: 3}}]\n", packs_used="packs: [reply-all]\n"
    )
    assert of.mass_send == 3


# --- dates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dates", "at", "applies"),
    [
        ("from: 2026-11-02", "2026-11-01T23:59:59", False),
        ("from: 2026-11-02", "2026-11-02T00:00:00", True),
        ("until: 2026-11-02", "2026-11-02T23:59:59", True),
        ("until: 2026-11-02", "2026-11-03T00:00:00", False),
        ("from: 2026-11-02, until: 2026-11-02", "2026-11-02T12:00:00", True),
        ("from: '2026-11-02T18:00:00+01:00'", "2026-11-02T16:59:59", False),
        ("from: '2026-11-02T18:00+01:00'", "2026-11-02T17:00:00", True),
        ("until: 2026-11-02T18:00:00Z", "2026-11-02T17:59:59", True),
        ("until: 2026-11-02T18:00:00Z", "2026-11-02T18:00:00", False),
    ],
)
def test_a_rule_acts_within_its_dates_only(dates: str, at: str, *, applies: bool) -> None:
    """Days are whole days in UTC; out of its dates a rule is not in force, and is no reason either."""
    shown = verdict(rule(dates), received_at=datetime.fromisoformat(at).replace(tzinfo=UTC))
    assert [reason.rule for reason in shown.reasons] == (["x"] if applies else [])


# --- what can be wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "rules: [{id: x, when: {finding: a.b}, then: review, only: {}}]",
            "4:59: A scope without effect: fill in `sender`, `team`, `client`, `login` or `recipients`.",
        ),
        (
            "rules: [{id: x, when: {finding: a.b}, then: review, only: {team: salse}}]",
            "4:66: There is no such team; did you mean 'sales'?",
        ),
        (
            "rules: [{id: x, when: {finding: a.b}, then: review, unless: {team: [nobody]}}]",
            "4:69: There is no such team; known are: hr, sales.",
        ),
        (
            "rules: [{id: x, when: {finding: a.b}, then: review, until: 2026-02-30}]",
            "4:60: A date is needed, such as 2026-12-24, or a time with its zone, as 2026-12-24T18:00:00+01:00.",
        ),
        (
            "rules: [{id: x, when: {finding: a.b}, then: review, from: '2026-12-24 18:00'}]",
            "4:59: A date is needed, such as 2026-12-24, or a time with its zone, as 2026-12-24T18:00:00+01:00.",
        ),
        (
            "rules: [{id: x, when: {finding: a.b}, then: review, from: 2026-12-24, until: 2026-12-23}]",
            "4:78: This is never in force: `until` comes before `from`.",
        ),
        (
            "scopes: [{only: {team: sales}, set: {bulk-visible.outsiders: 10}}]",
            "4:37: A scope without effect: these parameters are the same for everybody.",
        ),
        (
            "scopes: [{only: {team: sales}, set: {bulk-visible.outsider: 12}}]",
            "4:38: No pack in force has it; did you mean 'bulk-visible.outsiders'?",
        ),
        (
            "scopes: [{only: {team: sales}, set: {bulk-visible.outsiders: 0}}]",
            "4:62: This must be 2 or more.",
        ),
        ("scopes: [{set: {bulk-visible.outsiders: 12}}]", "4:10: The key 'only' is missing"),
    ],
)
def test_scopes_and_dates_without_sense_are_problems(text: str, problem: str) -> None:
    """Each with its place and what to do."""
    whole = HEAD + TEAMS + text + "\n"
    with pytest.raises(ConfigurationError) as refused:
        load.parse(whole, "policy.yaml", builtin=packs.builtin())
    assert any(str(one).startswith(f"policy.yaml:{problem}") for one in refused.value.problems), refused.value


@pytest.mark.parametrize("filter_", ["cn=hr", "(cn=hr", "(cn=hr))(", "(cn=hr\\n)", "()x"])
def test_filters_without_sense_are_problems(filter_: str) -> None:
    """As far as their form tells."""
    with pytest.raises(ConfigurationError, match="A filter is needed"):
        policy(f'teams: {{hr: {{filter: "{filter_}"}}}}\n')


def test_teams_come_from_files(tmp_path: Path) -> None:
    """One address or domain a line, "#" begins a comment; the file lies beside the policy."""
    (tmp_path / "sales.txt").write_text("# Sales\nAnn+x@Corp.example  # the head\n\n*.sales.corp.example\r\n")
    file = tmp_path / "policy.yaml"
    file.write_text(HEAD + "teams: {sales: sales.txt}\n")
    team = load.load(file, builtin=packs.builtin()).teams["sales"]
    assert team.surely_has("ann@corp.example")
    assert team.surely_has("x@a.sales.corp.example")
    assert not team.surely_has("ben@corp.example")


def test_every_problem_of_a_team_file_has_its_line(tmp_path: Path) -> None:
    """What is no address, and a file of nobody."""
    (tmp_path / "sales.txt").write_text("ann@corp.example\nann@\n@corp.example\nAnn <ann@corp.example>\n")
    (tmp_path / "hr.txt").write_text("# nobody yet\n")
    file = tmp_path / "policy.yaml"
    file.write_text(HEAD + "teams: {sales: sales.txt, hr: ./hr.txt, ops: missing.txt}\n")
    with pytest.raises(ConfigurationError) as refused:
        load.load(file, builtin=packs.builtin())
    told = [(Path(one.source).name, one.line) for one in refused.value.problems]
    assert told == [("policy.yaml", 3), ("policy.yaml", 3), ("sales.txt", 2), ("sales.txt", 3), ("sales.txt", 4)]
    assert "missing.txt: There is no such file." in str(refused.value)


# --- many people ------------------------------------------------------------------------------------------------------


def test_a_large_house_is_small_to_hand_on() -> None:
    """Three teams of 20,000 mailboxes each travel to a receiver in a few megabytes, and answer for all of them."""
    people = tuple(f"person{number}@corp.example" for number in range(20_000))
    of = replace(SCOPED, teams={name: Team(members=group(people)) for name in ("sales", "hr", "all")})
    handed = pickle.dumps(of)
    assert len(handed) < 3 * 20_000 * 40
    again = pickle.loads(handed)  # noqa: S301  our own bytes
    assert again == of
    assert all(again.teams["all"].surely_has(person) for person in people)
    assert not again.teams["all"].surely_has("person20000@corp.example")


def test_stages_follow_from_actions() -> None:
    """Undo first, then what keeps mail back, then what changes it."""
    actions = (("wait", Stage.DELAY), ("review", Stage.FILTER), ("refuse", Stage.FILTER), ("hide", Stage.TRANSFORM))
    of = policy(
        "rules:\n" + "".join(f"- {{id: {name}, when: {{finding: a.b}}, then: {name}}}\n" for name, _ in actions)
    )
    assert [(one.rule.id, one.stage) for one in of.rules] == list(actions)
