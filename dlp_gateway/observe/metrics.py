"""What is counted: one function for each thing that happens; the instruments themselves are in `instruments`."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self, get_args

from dlp_gateway.content.text import Unreadable
from dlp_gateway.detect.base import Failure, Finding
from dlp_gateway.observe.instruments import Stage, instruments
from dlp_gateway.observe.tally import Tally
from dlp_gateway.policy.model import PolicyMode
from dlp_gateway.policy.verdict import Disposition, Reason

#: What every mail counts goes through here; a process that takes many runs `tally.carry`.
tally = Tally()

# --- messages ---------------------------------------------------------------------------------------------------------


def received(size: int) -> None:
    """A message of `size` bytes came in whole."""
    tally.observe(instruments().size, size)


def decided(
    disposition: Disposition,
    *,
    reasons: tuple[Reason, ...] = (),
    findings: tuple[Finding, ...] = (),
    failures: tuple[Failure, ...] = (),
    unreadable: tuple[Unreadable, ...] = (),
    hidden: int = 0,
) -> None:
    """Count a verdict and all that led to it; the same arguments as `log.decided`."""
    all_ = instruments()
    tally.count(all_.messages[disposition.label,])
    if not (reasons or findings or failures or unreadable or hidden):
        return
    for reason in reasons:
        tally.count(all_.rules[reason.rule, "enforce" if reason.enforced else "observe"])
    for finding in findings:
        tally.count(all_.findings[finding.kind,], finding.count)
    for failure in failures:
        all_.failures[failure.detector, failure.reason.value].inc()
    for part in unreadable:
        all_.unreadable[part.reason.value,].inc()
    if hidden:
        all_.hidden.inc(hidden)


class stage:  # noqa: N801 - reads as a statement: `with stage("inspect"):`
    """Times the block under it, whether or not it raises."""

    __slots__ = ("_begun", "_child")

    def __init__(self, name: Stage, /) -> None:
        self._child = instruments().stages[name,]

    def __enter__(self) -> Self:
        self._begun = time.perf_counter()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        tally.observe(self._child, time.perf_counter() - self._begun)


def staged(name: Stage, seconds: float) -> None:
    """A stage took so long; where no block of code spans it, as with what a client sends."""
    tally.observe(instruments().stages[name,], seconds)


def repeated() -> None:
    """A retry was answered without a second copy."""
    instruments().repeated.inc()


def internal_error(where: str) -> None:
    """Something of ours failed; `where` as in `log.internal_error`."""
    instruments().errors[where,].inc()


# --- sessions ---------------------------------------------------------------------------------------------------------


def session_opened() -> None:
    """A client connected."""
    instruments().sessions.inc()


def session_closed() -> None:
    """A client's session ended."""
    instruments().sessions.dec()


def session_refused(why: str) -> None:
    """A client was turned away; `why` as in `log.session_refused`."""
    instruments().refused[why,].inc()


def said_no(code: int) -> None:
    """A client was told 4xx or 5xx, to a command or to its message."""
    instruments().refusals[str(code),].inc()


# --- logins -----------------------------------------------------------------------------------------------------------


def login(result: str) -> None:
    """A client said AUTH: "accepted", "failed", "cut-off", "crowded" or "unavailable"."""
    instruments().logins[result,].inc()


def team(name: str, members: int) -> None:
    """So many addresses belong to a team of the directory's, as far as is known."""
    instruments().team_members[name,].set(members)


def teams_current(current: bool) -> None:  # noqa: FBT001 - the value of the metric
    """Whether the directory told of every team when it was last asked, or there are none that it knows."""
    instruments().teams_current.set(current)


def teams_asked(ok: bool) -> None:  # noqa: FBT001 - the value of the label
    """The directory was asked for all teams, and told of each, or not."""
    instruments().teams_asked["done" if ok else "failed",].inc()


# --- the smarthost and custody ----------------------------------------------------------------------------------------


def smarthost_reply(code: int) -> None:
    """The smarthost's final reply for one recipient; 0: the connection was lost before it came."""
    tally.count(instruments().replies[f"{code // 100}xx" if 200 <= code < 600 else "lost",])


def smarthost_up(up: bool) -> None:  # noqa: FBT001 - the value of the gauge
    """Whether the last attempt to open a session worked, with any of the hosts."""
    instruments().smarthost_up.set(up)


def smarthost_circuit(host: str, *, is_open: bool) -> None:
    """Whether `host` ("name:port") is left alone until a probe succeeds."""
    instruments().smarthost_circuit[host,].set(is_open)


def delivery(state: str) -> None:
    """An attempt for one recipient out of custody ended in `state` ("due": it will be retried)."""
    instruments().deliveries[state,].inc()


def in_doubt(recipients: int) -> None:
    """For so many recipients it is unknown whether the smarthost has the mail."""
    instruments().doubts.inc(recipients)


def notice(kind: str, result: str) -> None:
    """Somebody was told, or not: `kind` and `result` as in `log.notice`, or how the delivery of a notice ended."""
    instruments().notices[kind, result].inc()


def custody(recipients: Mapping[str, int], *, size: int, oldest_held: float, oldest_due: float) -> None:
    """What lies in custody: recipients by state, bytes of sealed content, ages of the oldest in seconds (0: none)."""
    all_ = instruments()
    for labels in {*all_.custody_recipients, *((state,) for state in recipients)}:
        all_.custody_recipients[labels].set(recipients.get(labels[0], 0))  # who is not told of is not there any more
    all_.custody_bytes.set(size)
    all_.custody_oldest["held",].set(oldest_held)
    all_.custody_oldest["due",].set(oldest_due)


def store_error() -> None:
    """Custody or the journal could not be used."""
    instruments().store_errors.inc()


def journal_dropped(rows: int) -> None:
    """Rows of the journal were lost."""
    instruments().dropped.inc(rows)


def log_dropped(lines: int) -> None:
    """Lines of the log were lost: their reader stands still."""
    instruments().log_dropped.inc(lines)


# --- the house --------------------------------------------------------------------------------------------------------


def build(version: str) -> None:
    """Tell which version runs, and since when."""
    instruments().build[version,].set(1)
    instruments().started.set(time.time())


def policy_mode(mode: PolicyMode) -> None:
    """Tell whether the policy in force acts, or only counts."""
    for word in get_args(PolicyMode):
        instruments().mode[word,].set(word == mode)


def reloaded(ok: bool) -> None:  # noqa: FBT001 - the value of the label
    """A reload was asked for, and took effect or was refused."""
    instruments().reloads["done" if ok else "refused",].inc()
    instruments().policy_in_force.set(ok)


def ready(part: str, *, well: bool) -> None:
    """What /readyz would say of one part, such as "custody"."""
    instruments().ready[part,].set(well)


def receivers(count: int) -> None:
    """How many receivers run."""
    instruments().receivers.set(count)


def receiver_restarted() -> None:
    """A receiver died and was replaced."""
    instruments().restarts.inc()


def worker_died() -> None:
    """An inspection worker died or was killed at its deadline."""
    instruments().workers.inc()


def certificate(listener: str, not_after: float) -> None:
    """A listener shows the certificate of its file, which is valid until `not_after`, in seconds since 1970."""
    instruments().certificate_expiry[listener,].set(not_after)
    instruments().certificate_current[listener,].set(1)


def certificate_reloaded() -> None:
    """A new certificate was taken up."""
    instruments().certificate_reloads["done",].inc()


def certificate_refused(listener: str) -> None:
    """What now lies in the files of a listener's certificate cannot be used."""
    instruments().certificate_reloads["refused",].inc()
    instruments().certificate_current[listener,].set(0)
