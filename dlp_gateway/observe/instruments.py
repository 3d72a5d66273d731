"""The instruments that count, with their labels, and how the processes share them; the door to prometheus-client.

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
import threading
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from dlp_gateway.observe import deceased
from dlp_gateway.policy.verdict import Disposition

Stage = Literal["receive", "gather", "inspect", "decide", "act", "forward", "custody"]

STAGES: Final[tuple[Stage, ...]] = ("receive", "gather", "inspect", "decide", "act", "forward", "custody")

_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"  # read by prometheus-client when it is imported
_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_BYTES: Final = (1e3, 4e3, 16e3, 64e3, 256e3, 1e6, 4e6, 16e6, 64e6)
_LABEL: Final = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9_.:\]-]{0,79}")  # a listener may be "[::1]:465"
_MOST: Final = 500  # label combinations of one metric

_READING: Final = threading.Lock()  # so that nobody is counted twice while the dead are gathered
_held: list[int] = []  # the descriptor that says that the folder is in use


# --- processes --------------------------------------------------------------------------------------------------------


def load() -> None:
    """Import prometheus-client where none is counted yet, so that processes which are forked count in files."""
    os.environ[_FOLDER] = ""  # whether it is there is what the import looks at; `prepare` says where
    try:
        import prometheus_client.multiprocess  # noqa: F401, PLC0415 - see Instruments
    finally:
        del os.environ[_FOLDER]


def prepare(folder: Path | None = None) -> Path:
    """Make `folder` anew, for this user only, and have this process and those that it starts count there.

    Without a `folder` one is made in memory where the system has such a place: the files are mapped, and a full disk
    under a mapped file kills the process that writes (SIGBUS). The caller removes the returned folder at the end; those
    of gateways that were killed are removed here.
    """
    if instruments.cache_info().currsize:
        raise RuntimeError("metrics were counted before prepare()")
    if folder is None:
        places = (os.environ.get("RUNTIME_DIRECTORY", ""), "/dev/shm")  # noqa: S108 - mkdtemp makes a folder of our own
        place = next((place for place in places if place and os.access(place, os.W_OK)), None)
        deceased.sweep(Path(place or tempfile.gettempdir()))
        folder = Path(tempfile.mkdtemp(prefix=deceased.PREFIX, dir=place))
    else:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
    os.environ[_FOLDER] = str(folder)
    _held[:] = [deceased.hold(folder)]
    return folder


def held() -> tuple[int, ...]:
    """Return the descriptors that processes which count must inherit, so that nobody removes what they count in."""
    return tuple(_held)


def expose() -> tuple[bytes, str]:
    """Return all metrics of all processes in Prometheus' text format, and its content type; takes some milliseconds."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest  # noqa: PLC0415 - see Instruments
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 - see Instruments

    registry = instruments().registry
    if _FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    with _READING:
        return generate_latest(registry), CONTENT_TYPE_LATEST


def mark_dead(pid: int) -> None:
    """Forget what a process that ended said of its present state (its sessions); what it counted stays."""
    if _FOLDER in os.environ:
        with _READING:
            deceased.gather(Path(os.environ[_FOLDER]), pid)


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


class Instruments:
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
        # code: 421, 501, 550 …
        self.refusals = _Children(counter("dlp_refusals_total", "Replies to clients that said no.", "code"))

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
        # host: name:port, as in the settings
        self.smarthost_circuit = _Children(
            Gauge(
                "dlp_smarthost_circuit_open",
                "1 while a process leaves this host alone, after failures on end.",
                ["host"],
                registry=registry,
                multiprocess_mode="livemax",
            )
        )
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
        self.log_dropped = counter("dlp_log_dropped_total", "Lines of the log that were lost.")

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
def instruments() -> Instruments:
    """Return those of this process."""
    return Instruments()
