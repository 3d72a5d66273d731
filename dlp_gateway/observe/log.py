"""The log: one function per event, a closed vocabulary; none takes text of a message, an address, or a reply's text.

What is written: our ids, the client's IP address, counts, sizes, rule ids, kinds, codes. Words from a closed list are
checked to be such words, every string is made printable and cut (`observe.output`), an exception shows as its types and
its `file:line` frames. Who wrote to whom stands in the journal, which is kept for a bounded time and read by few.
"""

import re
from collections import Counter
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from dlp_gateway.content.text import Unreadable
from dlp_gateway.detect.base import Failure, Finding
from dlp_gateway.errors import Problem
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe.output import catch_uncaught, configure, current, described
from dlp_gateway.policy.model import PolicyMode
from dlp_gateway.policy.verdict import Disposition, Reason
from quarantine.store import StoreError

__all__ = ["catch_uncaught", "configure"]

_WORD: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")


@lru_cache(maxsize=256)
def _word(text: str) -> str:
    """Return `text` if it is a word of a closed list, as its form shows; else "other"."""
    return text if _WORD.fullmatch(text) else "other"


def _code(reply: Reply) -> dict[str, Any]:
    """Return the codes of a reply; its text is the peer's, who may quote addresses or content in it."""
    return {"code": reply.code, "enhanced": _word(reply.enhanced) if reply.enhanced else ""}


# --- the processes ----------------------------------------------------------------------------------------------------


def started(version: str, listeners: tuple[str, ...], receivers: int, rules: int, mode: PolicyMode) -> None:
    """All processes are up; `listeners` are "address:port"."""
    current.logger.info("started", version=version, listeners=listeners, receivers=receivers, rules=rules, mode=mode)


def stopping(why: str) -> None:
    """New sessions are refused, what is under way is finished; `why` is "signal", "supervisor-gone" …."""
    current.logger.info("stopping", why=_word(why))


def stopped(unfinished: int) -> None:
    """This process ends; `unfinished` sessions were cut off."""
    current.logger.info("stopped", unfinished=unfinished)


def reloaded(rules: int, mode: PolicyMode) -> None:
    """A new policy is in force."""
    current.logger.info("reloaded", rules=rules, mode=mode)


def observing() -> None:
    """The policy in force says `mode: observe`: nothing is held, changed or refused."""
    current.logger.warning("observing")


def reload_refused(problems: tuple[Problem, ...]) -> None:
    """The new policy has problems (they quote the operator's files only); the old one stays in force."""
    current.logger.error("reload_refused", count=len(problems), problems=tuple(str(problem) for problem in problems))


def receiver_died(pid: int, status: int) -> None:
    """A receiver ended unasked; `status` is its exit status, negative for a signal."""
    current.logger.error("receiver_died", pid=pid, status=status)


def fork_server_died() -> None:
    """The process of which receivers and workers are had ended unasked; another is started, with other receivers."""
    current.logger.error("fork_server_died")


def receiver_silent(pid: int) -> None:
    """A receiver gave no sign of life for 40 s and is killed; its death is told as any other."""
    current.logger.error("receiver_silent", pid=pid)


def receiver_cut_off(pid: int) -> None:
    """A receiver lost its connection to the fork server, so that it gets no workers; another takes its place."""
    current.logger.error("receiver_cut_off", pid=pid)


def receiver_restarted(pid: int, after: float) -> None:
    """A new receiver took a dead one's place `after` seconds."""
    current.logger.warning("receiver_restarted", pid=pid, after=after)


def worker_died(status: int) -> None:
    """An inspection worker ended unasked or was killed at its deadline; a new one takes its place."""
    current.logger.warning("worker_died", status=status)


def internal_error(reference: str, where: str, error: BaseException) -> None:
    """Something of ours failed; the client was told `reference`; `where` is "listener", "delivery" …."""
    current.logger.error("internal_error", reference=reference, where=_word(where), **described(error))


def certificate_reloaded(listener: str, not_after: datetime) -> None:
    """New connections to a listener ("address:port") get a new certificate, valid until `not_after`."""
    current.logger.info("certificate_reloaded", listener=listener, not_after=not_after.isoformat())


def certificate_refused(listener: str, problems: tuple[Problem, ...]) -> None:
    """The files of a listener's certificate changed and cannot be used; the old certificate stays in force."""
    current.logger.error("certificate_refused", listener=listener, problems=tuple(str(problem) for problem in problems))


def certificate_validity(listener: str, why: str, not_after: datetime) -> None:
    """The certificate in force is not valid for long or at all: `why` is "expires-soon", "expired", "not-yet-valid"."""
    current.logger.warning("certificate_validity", listener=listener, why=_word(why), not_after=not_after.isoformat())


# --- sessions and messages --------------------------------------------------------------------------------------------


def session_refused(client: str, why: str) -> None:
    """A client was turned away before or between transactions; `why` is a word such as "network" or "bare-newline"."""
    current.logger.warning("session_refused", client=client, why=_word(why))


def sessions_refused(why: str, count: int) -> None:
    """So many more were turned away within a minute, for the same reason as those that have a line of their own."""
    current.logger.warning("sessions_refused", why=_word(why), count=count)


def login_failed(client: str, failures: int) -> None:
    """Name or password was wrong; `failures` of the client's network are remembered. Whose name it was is not told."""
    current.logger.warning("login_failed", client=client, failures=failures)


def login_cut_off(client: str, failures: int) -> None:
    """So many logins failed that the client's network is refused for a time."""
    current.logger.warning("login_cut_off", client=client, failures=failures)


def login_unavailable(why: str) -> None:
    """Nobody can tell whether a password is right: "connect", "timeout", "tls", "search" …; told once."""
    current.logger.error("login_unavailable", why=_word(why))


def login_available() -> None:
    """The first login that could be checked after that."""
    current.logger.info("login_available")


def teams_read(teams: int, members: int) -> None:
    """The directory told who is in the policy's teams: so many, with so many addresses together."""
    current.logger.info("teams_read", teams=teams, members=members)


def team_unavailable(team: str, why: str, *, kept: bool) -> None:
    """The directory did not tell who is in a team: "connect", "tls", "empty" …; `kept`: the last list stays."""
    current.logger.error("team_unavailable", team=_word(team), why=_word(why), kept=kept)


def users_read(users: int) -> None:
    """The file of users changed and is in force."""
    current.logger.info("users_read", users=users)


def users_refused(problems: tuple[Problem, ...]) -> None:
    """The file of users changed and has problems (which quote neither names nor hashes); the old users stay."""
    current.logger.error("users_refused", count=len(problems), problems=tuple(str(problem) for problem in problems))


def received(mail: str, client: str, recipients: int, size: int) -> None:
    """A message is in memory, complete; `size` in bytes."""
    current.logger.info("received", id=mail, client=client, recipients=recipients, size=size)


def decided(
    mail: str,
    disposition: Disposition,
    *,
    reasons: tuple[Reason, ...] = (),
    findings: tuple[Finding, ...] = (),
    failures: tuple[Failure, ...] = (),
    unreadable: tuple[Unreadable, ...] = (),
    hidden: int = 0,
) -> None:
    """The verdict: which rules, how many findings of each kind, what could not be told; `hidden` outsiders."""
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.kind] = counts.get(finding.kind, 0) + finding.count
    current.logger.info(
        "decided",
        id=mail,
        disposition=disposition.label,
        rules=[reason.rule for reason in reasons if reason.enforced],
        observed=[reason.rule for reason in reasons if not reason.enforced],
        findings=counts,
        failures=[f"{failure.detector}:{failure.reason}" for failure in failures],
        unreadable=dict(Counter(part.reason.value for part in unreadable)) if unreadable else {},
        hidden=hidden,
    )


def forwarded(mail: str, reply: Reply, recipients: int) -> None:
    """The smarthost took it for `recipients` of them."""
    current.logger.info("forwarded", id=mail, recipients=recipients, **_code(reply))


def in_custody(mail: str, why: str, recipients: int) -> None:
    """Committed to custody; `why` is "hold", "delay", "deferred", "smarthost-unreachable", "rewrite" (split) …."""
    current.logger.info("in_custody", id=mail, why=_word(why), recipients=recipients)


def deferred(mail: str, why: str, reply: Reply | None = None) -> None:
    """The client keeps it and shall try again."""
    current.logger.warning("deferred", id=mail, why=_word(why), **(_code(reply) if reply else {}))


def rejected(
    mail: str,
    why: str,
    rules: tuple[str, ...] = (),
    reply: Reply | None = None,
) -> None:
    """The client keeps it and shall not try again."""
    current.logger.info("rejected", id=mail, why=_word(why), rules=rules, **(_code(reply) if reply else {}))


def repeated(mail: str, client: str) -> None:
    """A retry of a transaction whose answer was lost; answered as before, nothing sent twice."""
    current.logger.info("repeated", id=mail, client=client)


# --- custody and delivery ---------------------------------------------------------------------------------------------


def delivery(mail: str, recipient: int, state: str, reply: Reply, attempts: int) -> None:
    """What became of one recipient out of custody; `recipient` is its row, `state` as in `quarantine.model`."""
    current.logger.info("delivery", id=mail, recipient=recipient, state=_word(state), attempts=attempts, **_code(reply))


def unreported(mail: str) -> None:
    """It failed and its author is not told: no field of a DSN can hold his address, or the name of a host of ours."""
    current.logger.warning("unreported", id=mail)


def not_taken_back(mail: str) -> None:
    """The client was told that nobody has it; what custody had taken of it meanwhile will leave all the same."""
    current.logger.error("not_taken_back", id=mail)


def expired(mail: str) -> None:
    """Nobody decided in time."""
    current.logger.warning("expired", id=mail)


def clock_jumped(seconds: int) -> None:
    """The wall clock went ahead or back; a machine that slept does not know it from that."""
    current.logger.warning("clock_jumped", seconds=seconds)


def notice(mail: str, kind: str, result: str) -> None:
    """Whether the author of `mail` hears of it ("held", "rewritten" …), or why not; "digest", "urgent": a reviewer."""
    current.logger.info("notice", id=mail, kind=_word(kind), result=_word(result))


def erased(items: int) -> None:
    """Content and keys of finished items are gone."""
    current.logger.info("erased", items=items)


def recovered(leases: int) -> None:
    """Copies whose worker went away were taken back."""
    current.logger.warning("recovered", leases=leases)


def lease_lost(mail: str) -> None:
    """Another worker took what this one was delivering, before it was done: it may leave twice."""
    current.logger.warning("lease_lost", id=mail)


def store_unavailable(error: BaseException) -> None:
    """Custody or the journal cannot be used now; `why` is a word of `quarantine.failures`, `file` the database."""
    known = {"why": _word(error.why), "file": error.file} if isinstance(error, StoreError) and error.why else {}
    current.logger.error("store_unavailable", **known, **described(error))


def custody_began_empty(file: str) -> None:
    """The key is older than the database `file`: somebody moved that away, or lost it."""
    current.logger.warning("custody_began_empty", file=file)


def key_beside_database() -> None:
    """Whoever copies the folder has the mail: key and database lie in one."""
    current.logger.warning("key_beside_database")


def journal_dropped(rows: int) -> None:
    """The journal could not keep up or be written; `rows` are lost."""
    current.logger.error("journal_dropped", rows=rows)


# --- the smarthost ----------------------------------------------------------------------------------------------------


def smarthost_unreachable(host: str, why: str, code: int = 0, detail: str = "") -> None:
    """No session could be opened with `host` ("name:port" of the settings).

    `why` is "connect", "tls", "greeting", "login", "timeout" …; `code` of its reply; `detail` "refused" ….
    """
    known = {"detail": _word(detail)} if detail else {}
    current.logger.warning("smarthost_unreachable", host=host, why=_word(why), **known, code=code)


def smarthost_reached(host: str) -> None:
    """The first session after an outage."""
    current.logger.info("smarthost_reached", host=host)


def smarthost_demands(host: str, reply: Reply) -> None:
    """It wants a login or TLS before MAIL or RCPT, which the settings do not give it: all mail is put off."""
    current.logger.error("smarthost_demands", host=host, **_code(reply))


def smarthost_lost(host: str, stage: str) -> None:
    """The connection broke inside a transaction; after the final dot the outcome is in doubt."""
    current.logger.warning("smarthost_lost", host=host, stage=_word(stage))


def smarthost_circuit_opened(host: str, failures: int) -> None:
    """So many failures on end: no mail waits for `host` until a probe succeeds."""
    current.logger.warning("smarthost_circuit_opened", host=host, failures=failures)


def smarthost_circuit_closed(host: str) -> None:
    """It answers again and gets mail."""
    current.logger.info("smarthost_circuit_closed", host=host)
