"""Whatever scopes, dates and teams there are, nothing that is added softens a verdict."""

import json
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.errors import ConfigurationError
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.groups import group
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.scope import Team
from dlp_gateway.policy.verdict import Disposition
from tests.policy.test_scope import KINDS, NOON, envelope, found, policy

_senders = st.sampled_from(("ann@corp.example", "hanna@corp.example", "ben@corp.example", "x@sales.corp.example", ""))
_blocks = st.fixed_dictionaries(
    {},
    optional={
        "sender": st.lists(_senders.filter(bool), min_size=1, max_size=2),
        "team": st.lists(st.sampled_from(("sales", "hr", "unknown")), min_size=1, max_size=2),
        "login": st.lists(st.sampled_from(("ann", "ben")), min_size=1, max_size=2),
        "client": st.lists(st.sampled_from(("192.0.2.0/28", "198.51.100.0/24")), min_size=1, max_size=2),
        "recipients": st.lists(st.sampled_from(("shop.example", "home.example")), min_size=1, max_size=2),
    },
).filter(bool)
_dates = st.sampled_from(
    (
        {},
        {"from": "2026-11-02"},
        {"until": "2026-11-02"},
        {"from": "2026-10-01", "until": "2026-11-01"},
        {"until": "2026-11-02T12:00:00Z"},
    )
)
_actions = st.sampled_from(("hide", "wait", "review", "refuse"))


@st.composite
def _rules(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "when": {"finding": draw(st.sampled_from(KINDS)), "count": draw(st.integers(1, 3))},
        "then": draw(_actions),
        "mode": draw(st.sampled_from(("enforce", "observe"))),
        **draw(_dates),
        **draw(st.fixed_dictionaries({}, optional={"only": _blocks, "unless": st.lists(_blocks, max_size=2)})),
    }


_envelopes = st.builds(
    envelope,
    reverse_path=_senders,
    login=st.sampled_from(("", "ann", "ben")),
    client=st.sampled_from(("192.0.2.1", "198.51.100.7", "unknown")),
    recipients=st.lists(
        st.sampled_from(("bob@shop.example", "eve@home.example")), min_size=1, max_size=2, unique=True
    ).map(tuple),
    received_at=st.sampled_from((NOON, NOON - timedelta(days=3), NOON + timedelta(days=3), NOON - timedelta(hours=1))),
)
_findings = st.dictionaries(st.sampled_from([kind.replace(".", "__") for kind in KINDS]), st.integers(1, 3))
_RANDOM_TEAMS: Final = (
    "teams: {sales: [ann@corp.example, sales.corp.example], hr: [hanna@corp.example], unknown: {filter: '(cn=x)'}}\n"
)


def _written(rules: list[dict[str, Any]]) -> str:
    return _RANDOM_TEAMS + "rules: " + json.dumps([{"id": f"r{n}", **one} for n, one in enumerate(rules)]) + "\n"


def _tried(rules: list[dict[str, Any]]) -> Policy | None:
    try:
        return policy(_written(rules))
    except ConfigurationError:  # two rules that say the same
        return None


@given(st.lists(_rules(), max_size=5), _envelopes, _senders, _findings, _findings)
def test_d_more_findings_never_soften_a_verdict(
    rules: list[dict[str, Any]], sent: Envelope, author: str, some: dict[str, int], more: dict[str, int]
) -> None:
    """(d) Whatever the scopes, dates and exceptions: with more found, no verdict is milder and no reason is missing."""
    of = _tried(rules)
    if of is None:
        return
    message = parse(f"From: {author}\r\nTo: bob@shop.example\r\n\r\nx\r\n".encode())
    less = decide(of, sent, message, found(**some))
    all_ = decide(of, sent, message, found(**{key: some.get(key, 0) + more.get(key, 0) for key in {**some, **more}}))
    assert all_.disposition >= less.disposition
    assert {reason.rule for reason in less.reasons} <= {reason.rule for reason in all_.reasons}


@given(st.lists(_rules(), max_size=5), st.randoms(use_true_random=False), _envelopes, _findings)
def test_d_stages_order_what_is_told_and_nothing_else(
    rules: list[dict[str, Any]],
    chance: Random,
    sent: Envelope,
    some: dict[str, int],
) -> None:
    """(d) Reasons come stage by stage; in whatever order rules are written, the strictest wins."""
    of = _tried(rules)
    if of is None:
        return
    message = parse(b"To: bob@shop.example\r\n\r\nx\r\n")
    shuffled = list(of.rules)
    chance.shuffle(shuffled)
    one, other = (decide(which, sent, message, found(**some)) for which in (of, replace(of, rules=tuple(shuffled))))
    assert [reason.stage for reason in one.reasons] == sorted(reason.stage for reason in one.reasons)
    assert one.disposition is other.disposition
    assert (one.edits, one.delay, one.expire_after, one.hidden) == (
        other.edits,
        other.delay,
        other.expire_after,
        other.hidden,
    )
    acting = [reason.disposition for reason in one.reasons if reason.enforced]
    assert one.disposition == max(acting, default=Disposition.FORWARD)


@given(st.lists(_rules(), max_size=4), _rules(), _envelopes, _senders, _findings)
def test_d_another_rule_never_softens_a_verdict(
    rules: list[dict[str, Any]], another: dict[str, Any], sent: Envelope, author: str, some: dict[str, int]
) -> None:
    """(d) Not in any stage, not at any date, not for anybody."""
    fewer, more = _tried(rules), _tried([*rules, another])
    if fewer is None or more is None:
        return
    message = parse(f"From: {author}\r\nTo: bob@shop.example\r\n\r\nx\r\n".encode())
    assert (
        decide(more, sent, message, found(**some)).disposition
        >= decide(fewer, sent, message, found(**some)).disposition
    )


@given(st.lists(_rules(), max_size=4), _envelopes, _senders, _findings)
def test_d_what_nobody_knows_of_a_team_never_softens_a_verdict(
    rules: list[dict[str, Any]], sent: Envelope, author: str, some: dict[str, int]
) -> None:
    """(d) Once the directory has told who is in a team, rules step back for them, and none comes up that did not."""
    unknown = _tried(rules)
    if unknown is None:
        return
    known = replace(unknown, teams={**unknown.teams, "unknown": Team(members=group(["ann@corp.example"]))})
    message = parse(f"From: {author}\r\nTo: bob@shop.example\r\n\r\nx\r\n".encode())
    before, after = (decide(of, sent, message, found(**some)) for of in (unknown, known))
    assert before.disposition >= after.disposition
    assert {reason.rule for reason in after.reasons} <= {reason.rule for reason in before.reasons}
