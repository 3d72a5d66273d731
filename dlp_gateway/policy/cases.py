"""Cases of rule packs: what a rule must and must not match, whole mails with the verdict expected, and clean mail.

The same checker runs for the built-in packs and for an operator's. Reading and measuring mail is given as a function,
since the policy knows nothing of how that is done. Files with bare LF are read as if they had the CRLF of the wire.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from dlp_gateway import document
from dlp_gateway.detect.base import NO_FACTS, Exposure, Facts, Finding, Inspection, Sent, Thread
from dlp_gateway.document import Model
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.mail.edit import Edit, PruneOutsiders, apply
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy import load, pack
from dlp_gateway.policy.copies import checked
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.verdict import Copy, Verdict

#: Reads and measures a parsed message under a policy.
Inspect = Callable[[Policy, Envelope, Message, Facts], Inspection]

_OF_POLICY: Final = re.compile(r"\b(?:edm|presidio)\.[\w.-]*\w")
_CLEAN: Final = "corpus-clean"
_INSIDE: Final = ("corp.example", "*.corp.example")
_PARTNERS: Final = ("partner.example",)
_WHEN: Final = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
_NO_MAIL: Final = Message(raw=b"", fields=(), body_start=0, visible=(), parts=(), defects=())


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One case: its name, and what is wrong with its outcome, "" if nothing is."""

    case: str
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether the outcome was the expected one."""
        return not self.problem


class Measured(Model):
    """A finding as a case gives it."""

    count: int = Field(default=1, ge=0, description="How many distinct values.")
    score: float = Field(default=1.0, ge=0, le=1, description="How sure the detector is.")


class RuleCase(Model):
    """Findings and an envelope, and whether the rule matches is told by where the case stands."""

    title: str = Field(min_length=1, description="What the case shows.")
    findings: dict[
        str, Annotated[Measured, BeforeValidator(lambda value: {"count": value} if isinstance(value, int) else value)]
    ] = Field(default={}, description="What detectors found: a count, or count and score, by kind.")
    recipients: tuple[str, ...] = Field(min_length=1, description="The envelope's recipients.")
    sender: str = Field(default="ann@corp.example", description="The envelope's reverse-path.")
    client: str = Field(default="192.0.2.10", description="The sending host.")
    login: str = Field(default="", description="The login of the client.")


class RuleCases(Model):
    """<rule>.cases.yaml of a rule of policy."""

    hits: tuple[RuleCase, ...] = Field(min_length=1, description="When the rule must match.")
    misses: tuple[RuleCase, ...] = Field(min_length=1, description="When it must not.")


class Answered(Model):
    """The mass send that a mail answers."""

    audience: int = Field(ge=1, description="How many outsiders it showed or went to.")
    addressed_again: int = Field(ge=0, description="To how many of them this mail goes.")


class Shown(Model):
    """Outsiders whom the mail's sender showed to each other within the window."""

    before: int = Field(ge=0, description="How many he showed before.")
    joint: int = Field(ge=0, description="How many they are with those of this mail.")
    written: int = Field(default=0, ge=0, description="With those as well whom we hid or held.")


class Remembered(Model):
    """What else is remembered that concerns a mail: counts of outsiders, and places in the envelope from 0."""

    foreign: int = Field(default=0, ge=0, description="To how many an answer to somebody else's mail goes.")
    closed: int = Field(default=0, ge=0, description="To how many an answer goes in a thread that a storm closed.")
    struck: int = Field(
        default=0, ge=0, description="How many of a mass mail that we stopped or rewrote it shows again."
    )
    stopped: int = Field(default=0, ge=0, description="How many of one that we stopped.")
    familiar: int = Field(default=0, ge=0, description="How many visible ones are a working group.")
    elsewhere: int = Field(default=0, ge=0, description="To how many others earlier parts of it went.")
    exposure: Shown | None = Field(default=None, description="What the sender's window adds up to.")
    strangers: tuple[int, ...] = Field(default=(), description="Recipients to whom the sender never wrote.")
    look_alikes: tuple[int, ...] = Field(default=(), description="Strangers whose domain resembles a known one.")
    twins: tuple[int, ...] = Field(default=(), description="Strangers who resemble somebody often written to.")
    sent: dict[str, int] = Field(default={}, description="Distinct values that the sender sent before, by type.")

    def facts(self, thread: Thread | None) -> Facts:
        """Return them as the look-ups would."""
        told = self.model_dump(exclude={"exposure", "sent"})
        # Tokens that no value has, so that those of the mail are others.
        known = tuple((name, -number) for name, count in self.sent.items() for number in range(1, count + 1))
        return Facts(
            **told,
            thread=thread,
            exposure=None if self.exposure is None else Exposure(**self.exposure.model_dump()),
            sent=Sent(key=b"case", known=known) if known else None,
        )


class MailCase(Model):
    """NAME.yaml beside NAME.eml: the envelope, what is remembered, and the verdict expected."""

    title: str = Field(min_length=1, description="What the case shows.")
    sender: str = Field(default="ann@corp.example", description="The envelope's reverse-path.")
    recipients: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="The envelope's recipients; left out: the visible ones."
    )
    client: str = Field(default="192.0.2.10", description="The sending host.")
    login: str = Field(default="", description="The login of the client.")
    thread: Answered | None = Field(default=None, description="The mass send that the mail answers.")
    remembered: Remembered = Field(default=Remembered(), description="What else is remembered.")
    packs: tuple[str, ...] = Field(default=(), description="Packs in force beside the case's own.")
    set: dict[str, int | str] = Field(default={}, description="Parameters, as in policy.yaml.")
    actions: dict[str, dict[str, object]] = Field(default={}, description="Actions of one's own, as in policy.yaml.")
    lists: tuple[str, ...] = Field(default=(), description="Mailing lists of one's own, as in policy.yaml.")
    groups: dict[str, tuple[str, ...]] = Field(
        default={}, description="People outside who work together, as in policy.yaml, but no files."
    )
    edm: dict[str, str] = Field(
        default={}, description="Tables of invented records, by name: a CSV file beside the case, its columns in .yaml."
    )
    disposition: Literal["forward", "rewrite", "delay", "hold", "reject"] = Field(
        default="forward", description="What becomes of the mail."
    )
    reasons: tuple[str, ...] = Field(default=(), description="The rules that act.")
    observed: tuple[str, ...] = Field(default=(), description="The rules that only count.")
    hidden: int = Field(default=0, ge=0, description="How many people are hidden from each other.")
    owner: str = Field(default="", description="Whom of ours to tell of a mail that an outsider wrote.")


_UNTOUCHED: Final = MailCase(title="ordinary mail that must yield nothing")


def check_folder(
    folder: Path, inspect: Inspect, *, builtin: Path | None = None, kinds: frozenset[str] | None = None
) -> Iterator[CaseResult]:
    """Check every case of a folder of packs, or of one pack; raise `ConfigurationError` if a file cannot be used.

    A pack that a case names is looked for beside its own, then in `builtin`. `kinds` are what detectors report; without
    them it is not checked whether rules and cases name such.
    """
    folder = folder.absolute()
    shelf, names = (folder.parent, (folder.name,)) if (folder / "pack.yaml").is_file() else (folder, pack.names(folder))
    if not names:
        message = "There is no pack in this folder: a pack is a folder with a pack.yaml."
        raise ConfigurationError.of(folder, message)
    with TemporaryDirectory(prefix="dlp-gateway-cases-") as scratch:
        policies = _Policies(shelf, builtin or shelf, Path(scratch), kinds)
        yield from _check_packs(shelf, names, policies, inspect)
        if shelf == folder:
            for mail in _mails(shelf / _CLEAN):
                case, facts = _case(mail, required=False)
                yield _check_mail(mail, case, facts, policies, names, inspect)


def _check_packs(shelf: Path, names: tuple[str, ...], policies: "_Policies", inspect: Inspect) -> Iterator[CaseResult]:
    for name in names:
        yield from _check_rules(shelf / name, policies)
        yield from _without_mail(shelf / name / "cases", shelf)
        for mail in _mails(shelf / name / "cases"):
            case, facts = _case(mail, required=True)
            yield _check_mail(mail, case, facts, policies, (name, *case.packs), inspect)


class _Policies:
    """The policies that cases ask for, each built once."""

    def __init__(self, shelf: Path, builtin: Path, scratch: Path, kinds: frozenset[str] | None) -> None:
        self.shelf = shelf
        self._kinds = kinds
        self._scratch = scratch
        self._builtin = builtin
        self._built: dict[str, Policy] = {}

    def get(
        self,
        packs: tuple[str, ...],
        settings: Mapping[str, int | str],
        actions: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
        lists: tuple[str, ...] = (),
        groups: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
        tables: Mapping[str, Path] = MappingProxyType({}),
    ) -> Policy:
        """Return the policy of these packs, parameters, actions, lists, groups and tables, for the domains of all."""
        folders = [str(self.shelf / name) if (self.shelf / name).is_dir() else name for name in dict.fromkeys(packs)]
        text = json.dumps(
            {
                "version": 1,
                "inside": _INSIDE,
                "partners": _PARTNERS,
                "packs": folders,
                "set": dict(settings),
                "actions": dict(actions),
                "lists": lists,
                "groups": dict(groups),
                "edm": {name: self._table(source) for name, source in tables.items()},
            }
        )
        if text not in self._built:
            kinds = None if self._kinds is None else self._kinds | self._of_policy(packs)
            self._built[text] = load.parse(text, "policy of the case", builtin=self._builtin, kinds=kinds)
        return self._built[text]

    def is_unknown(self, kind: str, pack: str) -> bool:
        """Whether no detector could report a kind that a case of a pack names."""
        return self._kinds is not None and kind not in self._kinds and kind not in self._of_policy((pack,))

    def _of_policy(self, packs: tuple[str, ...]) -> frozenset[str]:
        """Return the kinds in rules of packs that depend on what else stands in a policy: its tables, its recognizers.

        Rules and cases of a pack are tested without it.
        """
        files = (path for name in packs for path in (self.shelf / name).glob("*.yaml"))
        return frozenset(kind for path in files for kind in _OF_POLICY.findall(document.read(path)))

    def _table(self, source: Path) -> str:
        """Build the table of a CSV file, once, and return where it is."""
        from dlp_gateway.detect.edm import building, keys  # noqa: PLC0415 - pulls in NumPy; few cases have tables
        from dlp_gateway.detect.edm.spec import Spec  # noqa: PLC0415

        target = self._scratch / hashlib.sha256(str(source).encode()).hexdigest()[:16] / "table.edm"
        if not target.exists():
            target.parent.mkdir()
            keys.save(target.with_suffix(".key"), key := keys.make())
            building.build(source, document.load(source.with_suffix(".yaml"), Spec), key, target)
        return str(target)


def _check_rules(folder: Path, policies: _Policies) -> Iterator[CaseResult]:
    """Check each rule of policy in a pack against its hits and misses."""
    policy = policies.get((folder.name,), {})
    for path in pack.read(folder).rules:
        name = f"{folder.name}/{path.stem}"
        cases_path = path.with_suffix(".cases.yaml")
        if not cases_path.is_file():
            yield CaseResult(case=name, problem=f"it has no cases; write {cases_path.name} with hits and misses")
            continue
        cases = document.load(cases_path, RuleCases)
        rule = pack.rule_id(folder.name, path)
        for kind, expected, group in (("hits", True, cases.hits), ("misses", False, cases.misses)):
            for case in group:
                if unknown := [one for one in case.findings if policies.is_unknown(one, folder.name)]:
                    problem = f"no detector reports {', '.join(unknown)}"
                    yield CaseResult(case=f"{name}: {kind}: {case.title}", problem=problem)
                    continue
                verdict = decide(policy, _envelope(case, case.recipients), _NO_MAIL, _inspection(case))
                matched = any(reason.rule == rule for reason in verdict.reasons)
                problem = "" if matched is expected else f"the rule {'matched' if matched else 'did not match'}"
                yield CaseResult(case=f"{name}: {kind}: {case.title}", problem=problem)


def _inspection(case: RuleCase) -> Inspection:
    findings = tuple(
        Finding(kind=kind, detector="case", rule="", count=given.count, score=given.score, where="envelope")
        for kind, given in case.findings.items()
    )
    return Inspection(findings=findings, failures=(), unreadable=())


def _envelope(case: RuleCase | MailCase, recipients: tuple[str, ...]) -> Envelope:
    return Envelope(
        id="case",
        reverse_path=case.sender,
        recipients=recipients,
        client=case.client,
        login=case.login,
        body_8bit=True,
        smtputf8=True,
        received_at=_WHEN,
    )


def _mails(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for path in folder.glob("*.eml") if not path.name.endswith(".expected.eml")))


def _without_mail(folder: Path, shelf: Path) -> Iterator[CaseResult]:
    """Yield descriptions beside which no mail stands, as a failure; columns of a table stand beside their CSV file."""
    for path in sorted(folder.glob("*.yaml")):
        if not path.with_suffix(".eml").is_file() and not path.with_suffix(".csv").is_file():
            yield CaseResult(case=str(path.relative_to(shelf)), problem=f"there is no {path.stem}.eml beside it")


def _case(mail: Path, *, required: bool) -> tuple[MailCase, Facts]:
    path = mail.with_suffix(".yaml")
    if not required and not path.exists():
        return _UNTOUCHED, NO_FACTS
    case = document.load(path, MailCase)
    answered = case.thread
    thread = None if answered is None else Thread(audience=answered.audience, addressed_again=answered.addressed_again)
    return case, case.remembered.facts(thread)


def _check_mail(
    path: Path, case: MailCase, facts: Facts, policies: _Policies, packs: tuple[str, ...], inspect: Inspect
) -> CaseResult:
    """Take one mail through parser, detectors, policy and edits."""
    name = f"{path.relative_to(policies.shelf)}: {case.title}"
    try:
        tables = {table: path.parent / file for table, file in case.edm.items()}
        policy = policies.get(packs, case.set, case.actions, case.lists, case.groups, tables)
    except ConfigurationError as error:
        return CaseResult(case=name, problem="; ".join(problem.message for problem in error.problems))
    raw = _wire(path.read_bytes())
    message = parse(raw)
    recipients = case.recipients or tuple(dict.fromkeys(recipient.address for recipient in message.visible))
    envelope = _envelope(case, recipients)
    verdict = checked(decide(policy, envelope, message, inspect(policy, envelope, message, facts)), message)
    problems = (*_verdict_problems(case, verdict), *_copy_problems(path, envelope, message, verdict))
    return CaseResult(case=name, problem="; ".join(problems))


def _wire(raw: bytes) -> bytes:
    return raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n")


def _verdict_problems(case: MailCase, verdict: Verdict) -> Iterator[str]:
    if verdict.disposition.label != case.disposition:
        yield f"expected {case.disposition}, got {verdict.disposition.label}"
    for what, expected, enforced in (("reasons", case.reasons, True), ("observed", case.observed, False)):
        got = {reason.rule for reason in verdict.reasons if reason.enforced is enforced}
        if got != set(expected):
            yield f"expected {what} {_listed(set(expected))}, got {_listed(got)}"
    if verdict.hidden != case.hidden:
        yield f"expected {case.hidden} hidden, got {verdict.hidden}"
    if verdict.owner != case.owner:
        yield f"expected the owner {case.owner or 'nobody'}, got {verdict.owner or 'nobody'}"


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _copy_problems(path: Path, envelope: Envelope, message: Message, verdict: Verdict) -> Iterator[str]:
    """Yield what is wrong with the mail as it would leave: each copy of it is as the file for it shows."""
    copies = verdict.copies or (Copy(recipients=envelope.recipients, edits=verdict.edits),)
    given = sorted(recipient for copy in copies for recipient in copy.recipients)
    if given != sorted(envelope.recipients):
        yield "not every recipient gets exactly one copy"
    kinds_shown: set[tuple[type[Edit], ...]] = set()
    for copy in copies:
        outgoing = apply(message.raw, copy.edits)
        names = [f".{recipient}.expected.eml" for recipient in copy.recipients] if verdict.copies else [".expected.eml"]
        found = [file for name in names if (file := path.with_suffix(name)).is_file()]
        for file in found:
            if outgoing != _wire(file.read_bytes()):
                yield f"the mail leaves otherwise than {file.name} shows"
        kind = (*map(type, copy.edits), *(str for edit in copy.edits if isinstance(edit, PruneOutsiders) and edit.kept))
        if not found and kind not in kinds_shown and verdict.hidden:
            yield f"the mail is rewritten; write {path.with_suffix(names[0]).name}, the mail as it must leave"
        kinds_shown.add(kind)
