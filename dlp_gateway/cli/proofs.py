"""One mail for each rule: planned against the policy, sent through the running gateway, held against its journal."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from dlp_gateway.cli import specimens
from dlp_gateway.cli.specimens import Author, Specimen
from dlp_gateway.cli.submission import Submission
from dlp_gateway.detect.base import Facts
from dlp_gateway.journal import Query, SqlJournal
from dlp_gateway.mail.address import canonical
from dlp_gateway.mail.edit import Edit
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy.copies import shown
from dlp_gateway.policy.model import Policy, RuleInForce
from dlp_gateway.policy.verdict import Disposition, Verdict
from dlp_gateway.ports import Entry
from quarantine.store import Store

_PATIENCE: Final = 15.0  # seconds for the journal, which writes in groups at most a second late
_KEPT: Final = frozenset({Disposition.HOLD, Disposition.DELAY})
_NOTE: Final = "send-test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One mail to send: the rule it shows ("" for the clean one), and what the policy says must become of it."""

    rule: str
    title: str
    message_id: str
    content: bytes = field(repr=False)
    expected: Verdict
    would: Disposition  # what would become of it under `mode: enforce`; rules that only count do so then too
    before: tuple["Proof", ...] = ()  # what must have passed first


@dataclass(frozen=True, slots=True, kw_only=True)
class Untried:
    """A rule for which there is no mail, and why."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one mail: our reply, and the journal's entry; `discarded`: it was taken out of custody again."""

    proof: Proof
    reply: str
    entry: Entry | None
    discarded: bool = False

    @property
    def problem(self) -> str:
        """Return what is not as it should be, or ""."""
        entry, expected = self.entry, self.proof.expected
        if entry is None:
            return f"it did not get in; the gateway said: {self.reply}"
        if entry.disposition is not expected.disposition:
            return f"expected {expected.disposition.label}"
        if self.proof.rule and self.proof.rule not in {*entry.reasons, *entry.observed}:
            return f"{self.proof.rule} did not match"
        if not self.proof.rule and (entry.reasons or entry.observed):
            return f"rules matched: {', '.join((*entry.reasons, *entry.observed))}"
        if entry.disposition in {Disposition.FORWARD, Disposition.REWRITE}:
            return self._not_passed(entry)
        return ""

    def _expected_copies(self) -> dict[str, tuple[Edit, ...]]:
        """Return the edits of the copy that each recipient must get, "" for all whom no split names."""
        split = {one: copy.edits for copy in self.proof.expected.copies for one in copy.recipients}
        return {"": self.proof.expected.edits, **split}

    def _not_passed(self, entry: Entry) -> str:
        edits = self._expected_copies()
        message = parse(self.proof.content)
        for passage in entry.passages:
            if passage.outcome != ("custody" if self.proof.expected.copies else "forwarded"):
                return f"the smarthost said: {passage.reply or self.reply}"
            allowed = shown(message, edits.get(passage.recipient, edits[""]))
            if set(map(canonical, passage.shown)) - set(map(canonical, allowed)):
                return "a stranger still sees another stranger"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Whose test mail goes where, under which policy, as which client."""

    policy: Policy
    author: Author
    recipients: tuple[str, ...]
    client: str
    login: str

    def proofs(self, rules: tuple[RuleInForce, ...]) -> Iterator[Proof | Untried]:
        """Yield the clean mail, then a mail for each rule, or why there is none."""
        yield self._proof("", specimens.CLEAN)
        for rule in rules:
            yield self._of_rule(rule)

    def _of_rule(self, rule: RuleInForce) -> Proof | Untried:
        audience = specimens.needs_audience(rule)
        outsiders = len(self.policy.outsiders(self.recipients))
        if audience > outsiders:
            return Untried(
                rule=rule.rule.id,
                why=f"it needs an answer to {audience} outsiders; give as many addresses of yours with --to, or see it "
                "in `dlp-gateway demo`",
            )
        if specimens.looks_at_addresses(rule):
            return Untried(
                rule=rule.rule.id,
                why="it looks at the addresses of author and recipients, which are yours here; see it with "
                "`dlp-gateway scan`",
            )
        if specimens.looks_for_records(rule):
            return Untried(
                rule=rule.rule.id,
                why="it looks for records of your own, which stand in no sample; see it with `dlp-gateway edm test`",
            )
        if earlier := specimens.looks_back(rule.rule.when):
            return Untried(
                rule=rule.rule.id, why=f"it looks at more than one mail: {earlier}; its cases show it (`rules test`)"
            )
        tried = 0
        for found in (*specimens.of_rule(rule, self.policy), *specimens.of_packs(self.policy)):
            tried += 1
            specimen = specimens.answering(found, self.policy.mass_send, outsiders) if audience else found
            proof = self._proof(rule.rule.id, specimen)
            if any(reason.rule == rule.rule.id for reason in proof.expected.reasons):
                if why := _lacks_first_strike(specimen.facts, proof.before):
                    return Untried(rule=rule.rule.id, why=why)
                return proof
        inside = all(map(self.policy.inside.contains, self.recipients))
        if inside and any(unless.recipients is not None for unless in rule.rule.unless):
            return Untried(rule=rule.rule.id, why="it excuses mail to insiders; give an address outside with --to")
        return Untried(rule=rule.rule.id, why=f"none of the {tried} mails in the packs' cases matches it")

    def _proof(self, rule: str, specimen: Specimen) -> Proof:
        before = () if specimen.before is None else (self._proof("", specimen.before),)
        message_id = f"<{new_id()}@{self.author.host}>"
        answered = before[0].message_id if before else f"<{new_id()}@list.example>"
        content = specimens.addressed(specimen, self.author, message_id, answered if specimen.answers else "")
        expected, enforced = specimens.judged(self.policy, self._envelope(), content, specimen.facts)
        return Proof(
            rule=rule,
            title=specimen.title,
            message_id=message_id,
            content=content,
            expected=expected,
            would=enforced.disposition,
            before=before,
        )

    def _envelope(self) -> Envelope:
        return Envelope(
            id=new_id(),
            reverse_path=self.author.address,
            recipients=self.recipients,
            client=self.client,
            login=self.login,
            body_8bit=True,
            smtputf8=False,
            received_at=self.author.clock,
        )


def _lacks_first_strike(facts: Facts, before: tuple[Proof, ...]) -> str:
    """Return why the gateway will not remember the mass mails before as the rule needs it, "" if it will."""
    is_stopped = any(one.expected.disposition in {Disposition.HOLD, Disposition.REJECT} for one in before)
    is_objected = is_stopped or any(one.expected.hidden for one in before)
    if not (is_stopped if facts.stopped else is_objected or not facts.struck):
        what = "held or refused" if facts.stopped else "stopped or rewritten"
        return (
            f"it looks at more than one mail: at a mass mail that was {what}, and this policy lets the one pass that "
            "would be sent"
        )
    return ""


async def send(
    proofs: tuple[Proof, ...], plan: Plan, session: Submission, journal: SqlJournal, tell: Callable[[Proof], None]
) -> tuple[Outcome, ...]:
    """Send every mail, wait for the journal, and return what became of each; raises `submission.RefusedError`."""
    replies = []
    for proof in proofs:
        tell(proof)
        for first in proof.before:
            await asyncio.to_thread(session.send, plan.author.address, plan.recipients, first.content)
        replies.append(await asyncio.to_thread(session.send, plan.author.address, plan.recipients, proof.content))
    end = asyncio.get_running_loop().time() + _PATIENCE
    return tuple(
        [
            Outcome(proof=proof, reply=reply, entry=await _entry(journal, proof, reply, end))
            for proof, reply in zip(proofs, replies, strict=True)
        ]
    )


async def _entry(journal: SqlJournal, proof: Proof, reply: str, end: float) -> Entry | None:
    """Return what the journal says of one mail as soon as it does; what never came in it never tells of."""
    while True:
        found = await journal.entries(Query(message_id=proof.message_id))
        if found:
            return found[-1]
        if asyncio.get_running_loop().time() > end or not reply.startswith(("250", "45", "55")):
            return None
        await asyncio.sleep(0.1)


async def discard(outcomes: tuple[Outcome, ...], store: Store, actor: str) -> tuple[Outcome, ...]:
    """Take out of custody what the gateway kept, so that no reviewer finds it; return the outcomes with that noted."""
    noted = []
    for one in outcomes:
        kept = one.entry if one.entry is not None and one.entry.disposition in _KEPT else None
        count = await store.discard(kept.id, actor=actor, reason=_NOTE, now=datetime.now(UTC)) if kept else 0
        noted.append(Outcome(proof=one.proof, reply=one.reply, entry=one.entry, discarded=count > 0))
    return tuple(noted)
