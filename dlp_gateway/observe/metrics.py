"""Every metric of the gateway, with its labels; the only door to prometheus-client.

Receivers and supervisor count in files that they share (prometheus-client's multiprocess mode), and the supervisor sums
them when it is asked: `prepare` in the supervisor before anything is counted, `expose` for /metrics, `mark_dead` for a
process that ended. Without `prepare` (a command, a test) the same calls count in this process alone.

Label values are bounded: words of closed lists, rule ids of the policy, kinds of the detectors. What does not look like
one, and whatever comes after the 500th of a metric, counts as "other".
"""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, get_args

from dlp_gateway.content.text import Unreadable
from dlp_gateway.detect.base import Failure, Finding
from dlp_gateway.policy.model import PolicyMode
from dlp_gateway.policy.verdict import Disposition, Reason

Stage = Literal["receive", "gather", "inspect", "decide", "act", "forward", "custody"]

STAGES: Final[tuple[Stage, ...]] = ("receive", "gather", "inspect", "decide", "act", "forward", "custody")

_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"  # read by prometheus-client when it is imported
_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_BYTES: Final = (1e3, 4e3, 16e3, 64e3, 256e3, 1e6, 4e6, 16e6, 64e6)
_LABEL: Final = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9_.:\]-]{0,79}")  # a listener may be "[::1]:465"
_MOST: Final = 500  # label combinations of one metric


# --- processes --------------------------------------------------------------------------------------------------------


def prepare(folder: Path | None = None) -> Path:
    """Make `folder` anew, for this user only, and have this process and those that it starts count there.

    Without a `folder` one is made in memory where the system has such a place: the files are mapped, and a full disk
    under a mapped file kills the process that writes (SIGBUS). The caller removes the returned folder at the end.
    """
    if _metrics.cache_info().currsize:
        raise RuntimeError("metrics were counted before prepare()")
    if folder is None:
        places = (os.environ.get("RUNTIME_DIRECTORY", ""), "/dev/shm")  # noqa: S108 - mkdtemp makes a folder of our own
        place = next((place for place in places if place and os.access(place, os.W_OK)), None)
        folder = Path(tempfile.mkdtemp(prefix="dlp-gateway-metrics-", dir=place))
    else:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
    os.environ[_FOLDER] = str(folder)
    return folder


def expose() -> tuple[bytes, str]:
    """Return all metrics of all processes in Prometheus' text format, and its content type; takes some milliseconds."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest  # noqa: PLC0415 - see _Metrics
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 - see _Metrics

    registry = _metrics().registry
    if _FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


def mark_dead(pid: int) -> None:
    """Forget what a process that ended said of its present state (its sessions); what it counted stays."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - see _Metrics

    if _FOLDER in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]


# --- messages ---------------------------------------------------------------------------------------------------------


def received(size: int) -> None:
    """A message of `size` bytes came in whole."""
    _metrics().size.observe(size)


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
    all_ = _metrics()
    all_.messages[disposition.label,].inc()
    for reason in reasons:
        all_.rules[reason.rule, "enforce" if reason.enforced else "observe"].inc()
    for finding in findings:
        all_.findings[finding.kind,].inc(finding.count)
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
        self._child = _metrics().stages[name,]

    def __enter__(self) -> Self:
        self._begun = time.perf_counter()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._child.observe(time.perf_counter() - self._begun)


def repeated() -> None:
    """A retry was answered without a second copy."""
    _metrics().repeated.inc()


def internal_error(where: str) -> None:
    """Something of ours failed; `where` as in `log.internal_error`."""
    _metrics().errors[where,].inc()


# --- sessions ---------------------------------------------------------------------------------------------------------


def session_opened() -> None:
    """A client connected."""
    _metrics().sessions.inc()


def session_closed() -> None:
    """A client's session ended."""
    _metrics().sessions.dec()


def session_refused(why: str) -> None:
    """A client was turned away; `why` as in `log.session_refused`."""
    _metrics().refused[why,].inc()


# --- logins -----------------------------------------------------------------------------------------------------------


def login(result: str) -> None:
    """A client said AUTH: "accepted", "failed", "cut-off", "crowded" or "unavailable"."""
    _metrics().logins[result,].inc()


def team(name: str, members: int) -> None:
    """So many addresses belong to a team of the directory's, as far as is known."""
    _metrics().team_members[name,].set(members)


def teams_current(current: bool) -> None:  # noqa: FBT001 - the value of the metric
    """Whether the directory told of every team when it was last asked, or there are none that it knows."""
    _metrics().teams_current.set(current)


def teams_asked(ok: bool) -> None:  # noqa: FBT001 - the value of the label
    """The directory was asked for all teams, and told of each, or not."""
    _metrics().teams_asked["done" if ok else "failed",].inc()


# --- the smarthost and custody ----------------------------------------------------------------------------------------


def smarthost_reply(code: int) -> None:
    """The smarthost's final reply for one recipient; 0: the connection was lost before it came."""
    _metrics().replies[f"{code // 100}xx" if 200 <= code < 600 else "lost",].inc()


def smarthost_up(up: bool) -> None:  # noqa: FBT001 - the value of the gauge
    """Whether the last attempt to open a session worked."""
    _metrics().smarthost_up.set(up)


def delivery(state: str) -> None:
    """An attempt for one recipient out of custody ended in `state` ("due": it will be retried)."""
    _metrics().deliveries[state,].inc()


def in_doubt(recipients: int) -> None:
    """For so many recipients it is unknown whether the smarthost has the mail."""
    _metrics().doubts.inc(recipients)


def notice(kind: str, result: str) -> None:
    """Somebody was told, or not: `kind` and `result` as in `log.notice`, or how the delivery of a notice ended."""
    _metrics().notices[kind, result].inc()


def custody(recipients: Mapping[str, int], *, size: int, oldest_held: float, oldest_due: float) -> None:
    """What lies in custody: recipients by state, bytes of sealed content, ages of the oldest in seconds (0: none)."""
    all_ = _metrics()
    for labels in {*all_.custody_recipients, *((state,) for state in recipients)}:
        all_.custody_recipients[labels].set(recipients.get(labels[0], 0))  # who is not told of is not there any more
    all_.custody_bytes.set(size)
    all_.custody_oldest["held",].set(oldest_held)
    all_.custody_oldest["due",].set(oldest_due)


def store_error() -> None:
    """Custody or the journal could not be used."""
    _metrics().store_errors.inc()


def journal_dropped(rows: int) -> None:
    """Rows of the journal were lost."""
    _metrics().dropped.inc(rows)


# --- the house --------------------------------------------------------------------------------------------------------


def build(version: str) -> None:
    """Tell which version runs, and since when."""
    _metrics().build[version,].set(1)
    _metrics().started.set(time.time())


def policy_mode(mode: PolicyMode) -> None:
    """Tell whether the policy in force acts, or only counts."""
    for word in get_args(PolicyMode):
        _metrics().mode[word,].set(word == mode)


def reloaded(ok: bool) -> None:  # noqa: FBT001 - the value of the label
    """A reload was asked for, and took effect or was refused."""
    _metrics().reloads["done" if ok else "refused",].inc()
    _metrics().policy_in_force.set(ok)


def ready(part: str, *, well: bool) -> None:
    """What /readyz would say of one part, such as "custody"."""
    _metrics().ready[part,].set(well)


def receivers(count: int) -> None:
    """How many receivers run."""
    _metrics().receivers.set(count)


def receiver_restarted() -> None:
    """A receiver died and was replaced."""
    _metrics().restarts.inc()


def worker_died() -> None:
    """An inspection worker died or was killed at its deadline."""
    _metrics().workers.inc()


def certificate(listener: str, not_after: float) -> None:
    """A listener shows the certificate of its file, which is valid until `not_after`, in seconds since 1970."""
    _metrics().certificate_expiry[listener,].set(not_after)
    _metrics().certificate_current[listener,].set(1)


def certificate_reloaded() -> None:
    """A new certificate was taken up."""
    _metrics().certificate_reloads["done",].inc()


def certificate_refused(listener: str) -> None:
    """What now lies in the files of a listener's certificate cannot be used."""
    _metrics().certificate_reloads["refused",].inc()
    _metrics().certificate_current[listener,].set(0)


class _Children(dict[tuple[str, ...], Any]):
    """The children of a labelled metric by their label values, each looked up in the library once."""

    def __init__(self, metric: Any, *known: str) -> None:  # noqa: ANN401 - a Counter, Gauge or Histogram
        self._metric = metric
        for value in known:
            self[value,]  # made at once, so that its rate starts from 0

    def __missing__(self, labels: tuple[str, ...]) -> Any:  # noqa: ANN401
        allowed = tuple(value if _LABEL.fullmatch(value) else "other" for value in labels)
        if len(self) >= _MOST:
            allowed = ("other",) * len(labels)
        if allowed not in self:
            self[allowed] = self._metric.labels(*allowed)
        return self.get(allowed)


class _Metrics:
    """All metrics of this process. Made at first use, for the library looks at the environment when it is imported."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # noqa: PLC0415 - as said above

        registry: CollectorRegistry = CollectorRegistry()
        self.registry = registry

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def state(name: str, text: str, *labels: str) -> Gauge:
            """One process says how it is: the last word counts."""
            return Gauge(name, text, labels, registry=registry, multiprocess_mode="mostrecent")

        # disposition: forward, rewrite, delay, hold, reject
        self.messages = _Children(
            counter("dlp_messages_total", "Messages by what became of them.", "disposition"),
            *(disposition.label for disposition in Disposition),
        )
        # rule: id of the policy · mode: enforce, observe
        self.rules = _Children(counter("dlp_rule_matches_total", "Rules that matched.", "rule", "mode"))
        # kind: as the detectors declare, such as identifier.IBAN
        self.findings = _Children(counter("dlp_findings_total", "Findings, by distinct values.", "kind"))
        # detector: its name, or parse, content, worker · reason: error, deadline, worker, too-large
        self.failures = _Children(counter("dlp_failures_total", "Detectors that could not tell.", "detector", "reason"))
        # reason: attachment, charset, encrypted, broken, too-large
        self.unreadable = _Children(counter("dlp_unreadable_total", "Parts that could not be read.", "reason"))
        self.hidden = counter("dlp_recipients_hidden_total", "Outsiders hidden from each other by rewrites.")
        # stage: receive, gather, inspect, decide, act, forward, custody
        self.stages = _Children(
            Histogram(
                "dlp_stage_duration_seconds", "Time in each stage.", ["stage"], registry=registry, buckets=_SECONDS
            ),
            *STAGES,
        )
        self.size = Histogram("dlp_message_size_bytes", "Size of messages.", registry=registry, buckets=_BYTES)
        self.repeated = counter("dlp_repeated_total", "Retries answered without a second copy.")
        # where: listener, pipeline, delivery, journal …
        self.errors = _Children(counter("dlp_internal_errors_total", "Failures of the gateway's own.", "where"))

        self.sessions = Gauge("dlp_sessions", "Open sessions.", registry=registry, multiprocess_mode="livesum")
        # reason: network, sessions, bare-newline, size …
        self.refused = _Children(counter("dlp_sessions_refused_total", "Sessions turned away.", "reason"))

        # result: accepted, failed, cut-off, crowded, unavailable
        self.logins = _Children(
            counter("dlp_logins_total", "Logins that clients tried.", "result"),
            *("accepted", "failed", "cut-off", "crowded", "unavailable"),
        )

        # team: as the policy names it
        self.team_members = _Children(state("dlp_team_members", "Addresses in a team of the directory's.", "team"))
        self.teams_current = state("dlp_teams_current", "1 if the directory told of every team when last asked.")
        # result: done, failed
        self.teams_asked = _Children(
            counter("dlp_team_lookups_total", "Times that the directory was asked for all teams.", "result"),
            *("done", "failed"),
        )

        # class: 2xx, 4xx, 5xx, lost
        self.replies = _Children(
            counter("dlp_smarthost_replies_total", "Final replies of the smarthost, a recipient each.", "class"),
            *("2xx", "4xx", "5xx", "lost"),
        )
        self.smarthost_up = state("dlp_smarthost_up", "Whether the last attempt to open a session worked.")
        # outcome: delivered, due (will be retried), failed, in-doubt
        self.deliveries = _Children(
            counter("dlp_deliveries_total", "Attempts out of custody, a recipient each.", "outcome"),
            *("delivered", "due", "failed", "in-doubt"),
        )
        # kind: held, rewritten, released, discarded, expired, delayed, summary, digest, urgent
        # result: queued, collected, known, off, automatic, outside, unasked, unwritable; delivered, failed, expired
        self.notices = _Children(counter("dlp_notices_total", "Notices to authors and reviewers.", "kind", "result"))
        self.doubts = counter("dlp_in_doubt_total", "Recipients for whom delivery is unknown.")
        # state: held, due, delivered, failed, in-doubt, discarded, expired
        self.custody_recipients = _Children(
            state("dlp_custody_recipients", "Recipients in custody.", "state"),
            *("held", "due", "delivered", "failed", "in-doubt", "discarded", "expired"),
        )
        self.custody_bytes = state("dlp_custody_bytes", "Sealed content in custody.")
        # state: held, due
        self.custody_oldest = _Children(
            state("dlp_custody_oldest_seconds", "Age of the oldest recipient in this state.", "state")
        )
        self.store_errors = counter("dlp_store_errors_total", "Attempts to use custody or journal that failed.")
        self.dropped = counter("dlp_journal_dropped_total", "Rows of the journal that were lost.")

        # version: of this package
        self.build = _Children(state("dlp_build_info", "1, with the version that runs.", "version"))
        self.started = state("dlp_start_time_seconds", "When the gateway was started, in seconds since 1970.")
        # mode: enforce, observe
        self.mode = _Children(
            state("dlp_policy_mode", "1 for the mode of the policy in force, 0 for the other.", "mode")
        )
        # result: done, refused
        self.reloads = _Children(counter("dlp_reloads_total", "Reloads of the policy.", "result"), "done", "refused")
        self.policy_in_force = state("dlp_policy_current", "1 if the policy in force is the one last asked for.")
        # part: receivers, custody, smarthost
        self.ready = _Children(state("dlp_ready", "1 for each part that /readyz calls well.", "part"))
        # listener: address:port, as in the settings
        self.certificate_expiry = _Children(
            state("dlp_certificate_expiry_seconds", "When a listener's certificate expires, since 1970.", "listener")
        )
        self.certificate_current = _Children(
            state("dlp_certificate_current", "1 if the certificate in force is that of its file.", "listener")
        )
        # result: done, refused
        self.certificate_reloads = _Children(
            counter("dlp_certificate_reloads_total", "Certificates that changed under us.", "result"), "done", "refused"
        )
        self.receivers = state("dlp_receivers", "Receivers that run.")
        self.restarts = counter("dlp_receiver_restarts_total", "Receivers that died and were replaced.")
        self.workers = counter("dlp_worker_deaths_total", "Inspection workers that died or were killed.")


@cache
def _metrics() -> _Metrics:
    return _Metrics()
