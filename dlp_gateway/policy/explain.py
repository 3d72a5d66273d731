"""The rules in force, in sentences that an administrator can check."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter
from typing import Final

from dlp_gateway.detect.acquaintance import FIRST_TIME, LOOK_ALIKE, TWIN
from dlp_gateway.detect.recipients import UNFAMILIAR
from dlp_gateway.detect.reply_all import CLOSED, STOPPED, STRUCK
from dlp_gateway.notation import written
from dlp_gateway.policy.model import Condition, Delay, Hold, Policy, Reject, Rewrite, RuleInForce, Unless
from dlp_gateway.policy.scope import Only, Team, Timed, moment_written

#: What is in force where policy.yaml says `mode: observe`.
OBSERVING: Final = (
    "Observe mode: nothing is held, changed or refused, whatever a rule says; matches are counted and written down. "
    "To act on them, write `mode: enforce` in policy.yaml."
)


def explain(policy: Policy) -> tuple[str, ...]:
    """Return whether anything is acted on, who may see whom, what is remembered, and each rule, by stage."""
    observing = (OBSERVING,) if policy.mode == "observe" else ()
    inside = f"Inside: {', '.join(policy.inside.patterns)}."
    partners = f" Partners: {', '.join(policy.partners.patterns)}." if policy.partners.patterns else ""
    groups = f" Groups: {', '.join(policy.groups)}." if policy.groups else ""
    lists = f" Lists: {', '.join(policy.lists)}." if policy.lists else ""
    teams = " ".join(f"Team {name}: {_people(team)}." for name, team in policy.teams.items())
    tables = f" Tables of own records: {', '.join(name for name, _, _ in policy.tables)}." if policy.tables else ""
    remembered = "; ".join(_remembered(policy))
    memory = (f"Memory: {remembered}.",) if remembered else ()
    rules = sorted(policy.rules, key=attrgetter("stage"))
    return (
        *observing,
        " ".join(filter(None, (inside + partners + groups + lists + tables, teams))),
        *memory,
        *(_sentence(rule, acts=policy.enforces(rule)) for rule in rules),
    )


def explanations(policy: Policy) -> dict[str, str]:
    """Return what each rule in force tells the author of a mail, "" where it tells nothing of its own."""
    return {
        one.rule.id: one.rule.explanation or (one.action.explanation if isinstance(one.action, Reject) else "")
        for one in policy.rules
    }


def _people(team: Team) -> str:
    if team.members is None:
        return "whom the directory names, not known here"
    addresses, domains = len(team.members.addresses), team.members.domains.patterns
    people = f"{addresses} address{'' if addresses == 1 else 'es'}" if addresses or not domains else ""
    return " and ".join(filter(None, (people, ", ".join(domains)))) + (" of the directory" if team.query else "")


def _remembered(policy: Policy) -> Iterator[str]:
    """Say for how long counts what rules ask for, and nothing of what none asks for."""
    memory, storm, groups = policy.memory, policy.memory.storm, policy.memory.groups
    exposure = policy.asks("exposure.*")
    if exposure or policy.asks("sent.*"):
        yield f"what a sender showed and sent is added up over {written(memory.window)}"
    if policy.asks(STRUCK) or policy.asks(STOPPED):
        yield f"a mass mail that was stopped or rewritten makes the next suspect for {written(memory.strike)}"
    if policy.asks(CLOSED):
        yield (
            f"a thread is closed for {written(storm.closed)} once {storm.senders} people answered to "
            f"{storm.recipients} or more outsiders within {written(storm.within)}"
        )
    if exposure or policy.asks(UNFAMILIAR):
        yield (
            f"up to {groups.largest} outsiders whom mails showed to each other on three days within "
            f"{written(groups.within)} are a working group"
            if groups.exempt
            else "no outsiders become a working group"
        )
    if any(map(policy.asks, (FIRST_TIME, LOOK_ALIKE, TWIN))):
        yield f"recipients are judged once their sender has written on {memory.learning} days"


def _sentence(rule: RuleInForce, *, acts: bool) -> str:
    scopes = (rule.rule.only, rule.within.only if rule.within is not None else ())
    only = "".join(f", only where {', or '.join(map(_scope, blocks))}" for blocks in scopes if blocks)
    others = ", or ".join(_scope(block) + _when(scope) for scope in rule.outside for block in scope.only)
    outside = f", with other numbers where {others}" if others else ""
    exceptions = ", or ".join(_exception(exception) for exception in rule.rule.unless)
    unless = f", unless {exceptions}" if exceptions else ""
    observed = "" if acts else "only count, instead of: "
    if rule.rule.mode == "observe":  # so `mode: enforce` of the policy changes nothing
        observed = "only count, by its own mode, instead of: "
    times = "".join(_when(timed) for timed in (rule.rule, rule.within) if timed is not None)
    found = _condition(rule.rule.when)
    severity = "" if rule.rule.severity == "medium" else f" Of {rule.rule.severity} severity."
    return f"{rule.rule.id}: If {found}{only}{outside}{unless}{times}: {observed}{_action(rule)}.{severity}"


def _when(timed: Timed) -> str:
    since = f" from {moment_written(timed.from_)}" if timed.from_ is not None else ""
    until = f" until {moment_written(timed.until, end=True)}" if timed.until is not None else ""
    return f",{since}{until}" if since or until else ""


def _scope(only: Only) -> str:
    parts = []
    if only.sender is not None:
        parts.append(f"the sender is in {', '.join(only.sender)}")
    if only.team is not None:
        parts.append(f"the sender is of team {' or '.join(only.team)}")
    if only.client is not None:
        parts.append(f"the client is in {', '.join(map(str, only.client))}")
    if only.login is not None:
        parts.append(f"the login is {' or '.join(only.login)}")
    if only.recipients is not None:
        parts.append(f"a recipient is in {', '.join(only.recipients)}")
    return " and ".join(parts)


def _condition(condition: Condition) -> str:
    if condition.finding is not None:
        many = f"{condition.count} or more " if condition.count > 1 else ""
        sure = "" if condition.confidence == "medium" else f" of {condition.confidence} confidence"
        return f"{many}{condition.finding}{sure}"
    if condition.all is not None:
        return _joined(condition.all, " and ")
    if condition.any is not None:
        return _joined(condition.any, " or ")
    return f"none of {_joined(condition.none or (), ', ')}"


def _joined(conditions: tuple[Condition, ...], word: str) -> str:
    return word.join(_condition(one) if one.finding is not None else f"({_condition(one)})" for one in conditions)


def _exception(unless: Unless) -> str:
    parts = []
    if unless.recipients == "inside":
        parts.append("all recipients are inside")
    elif unless.recipients == "partners":
        parts.append("all recipients are inside or with partners")
    elif unless.recipients is not None:
        parts.append(f"all recipients are inside or in {', '.join(unless.recipients)}")
    if unless.group is not None:
        which = "any one group" if "any" in unless.group else f"the group {' or '.join(unless.group)}"
        parts.append(f"all outsiders are of {which}")
    if unless.sender is not None:
        parts.append(f"the sender is in {', '.join(unless.sender)}")
    if unless.team is not None:
        parts.append(f"the sender is of team {' or '.join(unless.team)}")
    if unless.client is not None:
        parts.append(f"the client is in {', '.join(map(str, unless.client))}")
    if unless.login is not None:
        parts.append(f"the login is {' or '.join(unless.login)}")
    return " and ".join(parts)


def _action(rule: RuleInForce) -> str:
    match rule.action:
        case Rewrite():
            return _rewrite(rule.action)
        case Delay(for_=duration):
            return f"keep it for {written(duration)}, then forward it"
        case Hold(expire_after=duration, reply=reply):
            answer = "" if reply == "accept" else ", and tell the client 550"
            return f"hold it for review, {written(duration)} at most{answer}"
        case Reject():
            return "refuse it"


_HOW: Final = {
    "prune": "hide outsiders from each other",
    "split": "send each outsider a copy of his own in which no other stands",
    "bcc": "hide all recipients from each other",
}


def _rewrite(action: Rewrite) -> str:
    if action.how == "blind":
        return "take blind recipients out of the fields that software added, hold it if another names them"
    shown = "the author" if action.to == "author" else "undisclosed-recipients"
    dkim = "take out" if action.signed == "strip" else "hold it if there are"
    ways = {"an invitation": action.calendar, "a sealed part": action.protected}
    holding = " or ".join(what for what, answer in ways.items() if answer == "hold")
    further = f", hold it if {holding} shows outsiders" if holding else ""
    return f"{_HOW[action.how]}, put {shown} into an emptied To, {dkim} DKIM signatures over To or Cc{further}"


def fingerprint(policy: Policy) -> str:
    """Return what tells two policies apart, but for people whom a directory puts into teams: they come and go."""
    teams = {name: Team(members=None, query=team.query) if team.query else team for name, team in policy.teams.items()}
    groups = (
        f"{name}: {', '.join((*sorted(one.addresses), *one.domains.patterns))}" for name, one in policy.groups.items()
    )
    told = (f"{one.rule.id}: {one.rule.explanation}" for one in policy.rules)
    readers = (*map(repr, policy.tables), *policy.recognizers, policy.model)
    parts = (*explain(replace(policy, teams=teams)), *groups, *told, *readers)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
