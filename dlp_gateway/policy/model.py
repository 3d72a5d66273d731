"""What a policy is made of: conditions, exceptions, actions and rules as strict models, and the policy in force."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

import pydantic
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, ValidationInfo

from dlp_gateway import document
from dlp_gateway.detect.edm.naming import FAMILIES
from dlp_gateway.document import Model
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.networks import large_part_of_internet
from dlp_gateway.notation import Duration, Network, lasting
from dlp_gateway.policy.groups import Group
from dlp_gateway.policy.memory import Memory
from dlp_gateway.policy.patterns import Line, MailboxPattern, parameter
from dlp_gateway.policy.scope import Only, Scope, Team, TeamName, Timed
from dlp_gateway.policy.verdict import Stage

#: Rules of the gateway's own, which no file may define: see `policy.decide` and `pipeline`.
RESERVED: Final = frozenset({"inspection-failed", "inspection-incomplete", "rewrite-incomplete"})

#: The largest number that a rule can ask for.
MOST: Final = 1_000_000

#: Combinations of kinds for which it is known which rules come into question.
_KEPT: Final = 500

_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")


def _rule_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError("An id consists of a-z, 0-9, '.' and '-', 64 at most, such as licence-out.")
    if value in RESERVED:
        raise ValueError("The gateway uses this id itself; choose another.")
    return value


def _known_kind(value: str, info: ValidationInfo) -> str:
    kinds: frozenset[str] | None = (info.context or {}).get("kinds")
    if value.removesuffix(".*") in FAMILIES and value.endswith(".*"):
        return value  # of whatever tables there are, and there may be none
    if value.startswith("presidio.") and (info.context or {}).get("presidio"):
        return value  # which entities they report is known when they are loaded
    if kinds is None or value in kinds or (value.endswith(".*") and any(kind.startswith(value[:-1]) for kind in kinds)):
        return value
    families = {f"{kind.rpartition('.')[0]}.*" for kind in kinds}
    raise ValueError(f"No detector reports this kind{document.suggestion(value, kinds | families)}")


def _known_action(value: str, info: ValidationInfo) -> str:
    actions: frozenset[str] | None = (info.context or {}).get("actions")
    if actions is None or value in actions:
        return value
    raise ValueError(f"There is no such action{action_meant(value, actions)}")


def action_meant(value: str, actions: Collection[str]) -> str:
    """Return how a sentence about an unknown action ends: what an action does is often written for its name."""
    meant = {"hold": "review", "rewrite": "hide", "delay": "wait", "reject": "refuse"}.get(value, "")
    return f"; did you mean '{meant}'?" if meant in actions else document.suggestion(value, actions)


def _known_group(value: str, info: ValidationInfo) -> str:
    groups: frozenset[str] | None = (info.context or {}).get("groups")
    if groups is None or value in groups:
        return value
    raise ValueError(f"There is no such group{document.suggestion(value, groups)}")


Count = Annotated[int, BeforeValidator(parameter), Field(ge=1, le=MOST)]
Confidence = Annotated[Literal["low", "medium", "high"], BeforeValidator(parameter)]
#: Whether what matches is acted on, or only counted and written down.
PolicyMode = Literal["enforce", "observe"]
Mode = Annotated[PolicyMode, BeforeValidator(parameter)]
Severity = Literal["low", "medium", "high"]
Kind = Annotated[str, AfterValidator(_known_kind)]
GroupName = Annotated[str, BeforeValidator(parameter), AfterValidator(_known_group)]
ActionName = Annotated[str, BeforeValidator(parameter), AfterValidator(_known_action)]
#: Who the recipients of an envelope are: one of two words, or a list.
RecipientScope = Annotated[
    Annotated[Literal["inside", "partners"], Tag("word")]
    | Annotated[tuple[MailboxPattern, ...], Field(min_length=1), Tag("list")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "list"),
]


class Condition(Model):
    """One finding, or `all`, `any` or `none` of several conditions."""

    finding: Kind | None = Field(default=None, description="A kind of finding; may end in `.*`.")
    confidence: Confidence = Field(default="medium", description="How sure the detector must be.")
    count: Count = Field(default=1, description="How many distinct values there must be, all such findings together.")
    all: tuple["Condition", ...] | None = Field(default=None, min_length=1, description="Each of these must hold.")
    any: tuple["Condition", ...] | None = Field(default=None, min_length=1, description="One of these must hold.")
    none: tuple["Condition", ...] | None = Field(default=None, min_length=1, description="None of these may hold.")

    @pydantic.model_validator(mode="after")
    def _one_of_four(self) -> "Condition":
        given = [name for name in ("finding", "all", "any", "none") if getattr(self, name) is not None]
        if len(given) != 1:
            raise document.wrong(
                given[1] if given else "",
                "A condition without effect: it has exactly one of `finding`, `all`, `any` and `none`.",
            )
        if given != ["finding"] and self.model_fields_set & {"confidence", "count"}:
            raise document.wrong("count", f"`confidence` and `count` belong to a `finding`, not to `{given[0]}`.")
        return self

    def kinds(self) -> Iterable[tuple[str, int]]:
        """Yield each kind asked for, with its count."""
        if self.finding is not None:
            yield self.finding, self.count
        for condition in (*(self.all or ()), *(self.any or ()), *(self.none or ())):
            yield from condition.kinds()

    def may_hold(self, kinds: frozenset[str]) -> bool:
        """Whether there are findings of these kinds, and of no other, with which it holds."""
        if self.finding is not None:
            family = self.finding.removesuffix("*")
            return self.finding in kinds or (family.endswith(".") and any(kind.startswith(family) for kind in kinds))
        if self.all is not None:
            return all(condition.may_hold(kinds) for condition in self.all)
        return self.any is None or any(condition.may_hold(kinds) for condition in self.any)


class Unless(Model):
    """When a rule does not apply; looks at who writes to whom only, and all that is written must hold."""

    recipients: RecipientScope | None = Field(
        default=None,
        description="All are `inside`; or inside or with `partners`; or inside or in a list of addresses and domains.",
    )
    group: tuple[GroupName, ...] | None = Field(
        default=None,
        min_length=1,
        description="All outsiders, in the envelope and visible, are of one of these `groups`; `any`: whichever.",
    )
    sender: tuple[MailboxPattern, ...] | None = Field(
        default=None, min_length=1, description="The reverse-path is one of these addresses or in one of these domains."
    )
    team: tuple[TeamName, ...] | None = Field(
        default=None, min_length=1, description="The reverse-path belongs to somebody of one of these `teams`."
    )
    client: tuple[Network, ...] | None = Field(
        default=None, min_length=1, description="The sending host is in one of these networks."
    )
    login: tuple[Line, ...] | None = Field(
        default=None, min_length=1, description="The client logged in as one of these."
    )

    @pydantic.field_validator("group", "team", mode="before")
    @classmethod
    def _one_name(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @pydantic.model_validator(mode="after")
    def _something(self) -> "Unless":
        empty = [name for name in sorted(self.model_fields_set) if getattr(self, name) is None]
        if empty or not self.model_fields_set:  # an exception that asks for nothing would always hold
            raise document.wrong(
                next(iter(empty), ""),
                "An exception without effect: fill in `recipients`, `group`, `sender`, `team`, `client` or `login`.",
            )
        if self.model_fields_set == {"client"} and large_part_of_internet(self.client or ()):
            raise document.wrong(
                "client",
                "A rule without effect: a large part of the internet is excused. Name your own networks.",
            )
        return self


class Rewrite(Model):
    """Let everybody have the mail, with people hidden from each other."""

    do: Literal["rewrite"]
    how: Literal["prune", "split", "bcc", "blind"] = Field(
        default="prune",
        description=(
            "prune: outsiders vanish from all recipient fields; split: each outsider gets a copy in which only he and "
            "insiders stand; bcc: everybody vanishes; blind: only blind recipients do, where the header betrays them."
        ),
    )
    to: Literal["author", "undisclosed"] = Field(
        default="author", description="What To becomes if nobody is left in it."
    )
    signed: Literal["strip", "hold"] = Field(
        default="strip", description="A DKIM signature over To or Cc: take it out, or hold the mail."
    )
    calendar: Literal["hold", "prune"] = Field(
        default="hold",
        description="An invitation that shows people outside: hold the mail, or take them out of it at once.",
    )
    protected: Literal["hold", "rewrite"] = Field(
        default="hold",
        description=(
            "Encrypted, or signed with To and Cc inside (RFC 9788), which no rewrite reaches: hold the mail, or "
            "rewrite the header around it."
        ),
    )


class Delay(Model):
    """Keep for a while, then forward."""

    do: Literal["delay"]
    for_: Annotated[Duration, lasting(timedelta(seconds=1))] = Field(alias="for", description="How long; 1s or more.")


class Hold(Model):
    """Keep until a reviewer releases it."""

    do: Literal["hold"]
    expire_after: Annotated[Duration, lasting(timedelta(hours=1))] = Field(
        default="14d", validate_default=True, description="When it expires unreviewed; 1h or more."
    )
    reply: Literal["accept", "refuse"] = Field(
        default="accept", description="Answer the client with 250, or with 550 although the mail is kept."
    )


class Reject(Model):
    """Refuse; the author keeps the mail."""

    do: Literal["reject"]
    explanation: Line = Field(min_length=1, max_length=400, description="What the author is told.")


Action = Annotated[Rewrite | Delay | Hold | Reject, Field(discriminator="do")]

#: The actions that need no definition; a policy may define its own under the same name.
BUILTIN_ACTIONS: Final[dict[str, Rewrite | Delay | Hold | Reject]] = {
    "hide": Rewrite(do="rewrite"),
    "split": Rewrite(do="rewrite", how="split"),
    "conceal": Rewrite(do="rewrite", how="blind"),
    "review": Hold(do="hold"),
    "wait": Delay.model_validate({"do": "delay", "for": "10m"}),
    "refuse": Reject(do="reject", explanation="The policy of this site does not allow this message."),
}


class Rule(Timed):
    """One sentence of the policy: when this is found, only there, unless the envelope excuses it, then do that."""

    id: Annotated[str, AfterValidator(_rule_id)] = Field(description="The name in reasons, logs and metrics.")
    explanation: Line = Field(
        default="", max_length=400, description="What the author is told; without any found value."
    )
    when: Condition = Field(description="What must be found.")
    only: tuple[Only, ...] = Field(default=(), description="Whose mail it is about: one block, or a list of them.")
    unless: tuple[Unless, ...] = Field(default=(), description="Exceptions: one block, or a list of them.")
    then: ActionName = Field(description="The action, by name.")
    mode: Mode = Field(default="enforce", description="Act, or only count (observe).")
    severity: Annotated[Severity, BeforeValidator(parameter)] = Field(
        default="medium", description="How urgent a mail is that it stops; reviewers hear of `high` at once."
    )

    @pydantic.field_validator("only", "unless", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInForce:
    """A rule with its parameters and its action filled in; `pack` is "" for the policy's own.

    `within` is the scope whose parameters it has, None for the general ones; it is not about mail of scopes in
    `outside`, which have parameters of their own.
    """

    pack: str
    rule: Rule
    action: Rewrite | Delay | Hold | Reject
    within: Scope | None = None
    outside: tuple[Scope, ...] = ()

    @property
    def stage(self) -> Stage:
        """When the action has its turn."""
        if isinstance(self.action, Delay):
            return Stage.DELAY
        return Stage.TRANSFORM if isinstance(self.action, Rewrite) else Stage.FILTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The policy in force: who is inside, who is a partner, and the rules in order; `folders` are the packs'.

    In `mode` "observe" nothing is held or changed, whatever a rule says. `recognizers` and `model` are Presidio's and
    spaCy's that the policy names. `groups` are people outside who work together, by name; `lists` the mailing lists
    that we run. `tables` are those of own records: name, file, and file of the key.
    """

    inside: DomainSet
    partners: DomainSet
    rules: tuple[RuleInForce, ...]
    mode: PolicyMode = "enforce"
    folders: tuple[Path, ...] = ()
    recognizers: tuple[str, ...] = ()
    model: str = ""
    groups: Mapping[str, Group] = field(default_factory=dict)
    lists: tuple[str, ...] = ()
    teams: Mapping[str, Team] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    tables: tuple[tuple[str, str, str], ...] = ()
    _candidates: dict[frozenset[str], tuple[RuleInForce, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def candidates(self, kinds: frozenset[str]) -> tuple[RuleInForce, ...]:
        """Return the rules, in order, whose condition may hold where these kinds were found; the answer is kept."""
        known = self._candidates.get(kinds)
        if known is None:
            known = tuple(rule for rule in self.rules if rule.rule.when.may_hold(kinds))
            if len(self._candidates) >= _KEPT:
                self._candidates.clear()
            self._candidates[kinds] = known
        return known

    def enforces(self, rule: RuleInForce) -> bool:
        """Whether a rule acts when it matches; else it is only counted."""
        return self.mode == "enforce" and rule.rule.mode == "enforce"

    def outsiders(self, addresses: Iterable[str]) -> tuple[str, ...]:
        """Return the canonical addresses that are neither inside nor partners', each once, in order."""
        distinct = dict.fromkeys(map(canonical, addresses))
        return tuple([a for a in distinct if not self.inside.contains(a) and not self.partners.contains(a)])

    def asks(self, kind: str) -> bool:
        """Whether a rule asks for a kind, or for a family to which it belongs; "sent.*" asks for all of a family."""
        family = kind.removesuffix("*")
        return any(
            asked == kind or asked.startswith(family) or (asked.endswith(".*") and kind.startswith(asked[:-1]))
            for rule in self.rules
            for asked, _ in rule.rule.when.kinds()
        )

    def severity(self, rules: Iterable[str]) -> Severity:
        """Return the highest severity of rules, by id; what no file defines any more, or the gateway's own: medium."""
        found = {rule.rule.id: rule.rule.severity for rule in self.rules}
        severities = {found.get(rule, "medium") for rule in rules}
        return "high" if "high" in severities else "medium" if "medium" in severities or not severities else "low"

    @property
    def seen_by_all(self) -> tuple[str, ...]:
        """The domains, as patterns, whose people no rewrite hides: ours and the partners'."""
        return (*self.inside.patterns, *self.partners.patterns)

    def at_any_time(self) -> "Policy":
        """Return the policy as if every rule and scope were always in force."""
        always = {"from_": None, "until": None}

        def without(scope: Scope) -> Scope:
            return scope.model_copy(update=always)

        return replace(
            self,
            rules=tuple(
                replace(
                    one,
                    rule=one.rule.model_copy(update=always),
                    within=None if one.within is None else without(one.within),
                    outside=tuple(map(without, one.outside)),
                )
                for one in self.rules
            ),
        )

    @property
    def mass_send(self) -> int:
        """How many outsiders make a mass send that is remembered: the least audience that any rule asks for."""
        counts = (
            count
            for rule in self.rules
            for kind, count in rule.rule.when.kinds()
            if kind in {"reply_all.audience", "reply_all.*"}
        )
        return min(counts, default=10)
