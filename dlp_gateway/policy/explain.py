"""The rules in force, in sentences that an administrator can check."""

from collections.abc import Iterator
from typing import Final

from dlp_gateway.detect.acquaintance import FIRST_TIME, LOOK_ALIKE, TWIN
from dlp_gateway.detect.recipients import UNFAMILIAR
from dlp_gateway.detect.reply_all import CLOSED, STRUCK
from dlp_gateway.notation import written
from dlp_gateway.policy.model import Condition, Delay, Hold, Policy, Reject, Rewrite, RuleInForce, Unless

#: What is in force where policy.yaml says `mode: observe`.
OBSERVING: Final = (
    "Observe mode: nothing is held, changed or refused, whatever a rule says; matches are counted and written down. "
    "To act on them, write `mode: enforce` in policy.yaml."
)


def explain(policy: Policy) -> tuple[str, ...]:
    """Return whether anything is acted on, who is inside or may see each other, what is remembered, and each rule."""
    observing = (OBSERVING,) if policy.mode == "observe" else ()
    inside = f"Inside: {', '.join(policy.inside.patterns)}."
    partners = f" Partners: {', '.join(policy.partners.patterns)}." if policy.partners.patterns else ""
    groups = f" Groups: {', '.join(policy.groups)}." if policy.groups else ""
    lists = f" Lists: {', '.join(policy.lists)}." if policy.lists else ""
    people = inside + partners + groups + lists
    remembered = "; ".join(_remembered(policy))
    memory = (f"Memory: {remembered}.",) if remembered else ()
    return (*observing, people, *memory, *(_sentence(rule, acts=policy.enforces(rule)) for rule in policy.rules))


def _remembered(policy: Policy) -> Iterator[str]:
    """Say for how long counts what rules ask for, and nothing of what none asks for."""
    memory, storm, groups = policy.memory, policy.memory.storm, policy.memory.groups
    exposure = policy.asks("exposure.*")
    if exposure or policy.asks("sent.*"):
        yield f"what a sender showed and sent is added up over {written(memory.window)}"
    if policy.asks(STRUCK):
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
    exceptions = ", or ".join(_exception(exception) for exception in rule.rule.unless)
    unless = f", unless {exceptions}" if exceptions else ""
    observed = "" if acts else "only count, instead of: "
    severity = "" if rule.rule.severity == "medium" else f" Of {rule.rule.severity} severity."
    return f"{rule.rule.id}: If {_condition(rule.rule.when)}{unless}: {observed}{_action(rule)}.{severity}"


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
