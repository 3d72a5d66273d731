"""`dlp-gateway simulate`: what another policy would have done with mail of the journal or of folders."""

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import click

from dlp_gateway import notation
from dlp_gateway.cli import options, streams

if TYPE_CHECKING:
    from dlp_gateway.policy.model import Policy
    from dlp_gateway.settings import Settings
    from dlp_gateway.simulation.difference import Difference

_JOURNAL: Final = "journal"
_FAILURES: Final = ("any", "stricter", "milder", "held", "rejected", "rewritten", "delayed", "reasons", "never")
_LARGEST: Final = 50_000_000  # octets of a mail, where no gateway.yaml says otherwise
_HOPS: Final = 50


def _since(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    """Return a time: how long ago, or a date or time as policies have them."""
    if value is None:
        return None
    try:
        return datetime.now(UTC) - notation.duration(value)
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found
    except ValueError as error:
        raise click.BadParameter("An age such as 7d, or a date such as 2026-11-01, is needed.") from error


@click.command("simulate")
@options.config
@click.option("--policy", "policy_path", metavar="FILE", required=True, help="The policy to try.")
@click.option(
    "--from",
    "source",
    metavar="journal|PATH",
    required=True,
    help="`journal`: what the gateway wrote down; else a Maildir, an mbox file, or a folder of .eml files.",
)
@click.option(
    "--baseline",
    "baseline_path",
    metavar="FILE",
    help="Compare with this policy; left out: with what was done (journal), or with the policy of gateway.yaml.",
)
@click.option("--since", metavar="WHEN", callback=_since, help="Only mail since then: 7d, 2026-11-01.")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1, 1_000_000),
    default=100_000,
    show_default=True,
    help="Only the newest N mails.",
)
@click.option("--ignore-dates", is_flag=True, help="Let every rule act, whatever its `from` and `until`.")
@click.option(
    "--fail-on",
    type=click.Choice(_FAILURES),
    multiple=True,
    default=("any",),
    show_default=True,
    help="Which changes end with status 1; repeat.",
)
@options.as_json
def command(
    *,
    config_path: str | None,
    policy_path: str,
    source: str,
    baseline_path: str | None,
    since: datetime | None,
    limit: int,
    ignore_dates: bool,
    fail_on: tuple[str, ...],
    as_json: bool,
) -> None:
    """Judge mail again under a changed policy, and say what would become of it now: how much more is held, and which.

    Nothing is sent, kept or changed, and no text of a mail is shown. Mail from folders is read and measured as the
    gateway does, in order of time, so that answers to mass mails are recognised; its envelope is told by Return-Path
    and X-Envelope-To, or by From, To, Cc and Bcc. Of mail in the journal there are counts only, and what they do not
    tell is said. A mail that only a rule in observe mode sees otherwise is listed, and is no change for --fail-on any.

    Exits 0 if nothing changes, 1 if there are changes that --fail-on names, 2 and 69 as usual, 78 if a policy is wrong.

    \b
    Examples:
      dlp-gateway simulate --policy new.yaml --from journal --since 30d
      dlp-gateway simulate --policy new.yaml --baseline policy.yaml --from tests/mails --fail-on milder --json
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    from dlp_gateway.cli import difference_view
    from dlp_gateway.observe import log
    from dlp_gateway.simulation.mailbox import NotMailError
    from quarantine.store import StoreError

    log.configure("error", "console")
    with options.problems_shown(as_json=as_json):
        question = _question(config_path, policy_path, baseline_path, source, ignore_dates=ignore_dates)
    try:
        difference, notes = asyncio.run(_compared(question, source, since, limit))
    except StoreError as error:
        options.unavailable(f"{error}.")
    except NotMailError as error:
        raise streams.FileError(source, str(error)) from error
    notes = (*notes, *_dates(question.after, difference, ignored=ignore_dates))
    difference_view.show(difference, notes, after=policy_path, before=question.named, as_json=as_json)
    sys.exit(1 if _fails(difference, fail_on) else 0)


def _fails(difference: "Difference", kinds: Iterable[str]) -> bool:
    from dlp_gateway.simulation.difference import Kind

    if "never" in kinds:
        return False
    found = {kind.value for kind, count in difference.kinds.items() if count}
    return bool(found & set(kinds)) or ("any" in kinds and bool(found - {Kind.OBSERVED}))


# --- what is asked ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """Two policies and the settings, if there are any; `before` None: what was done. `named` says what `before` is."""

    after: "Policy"
    before: "Policy | None"
    named: str
    settings: "Settings | None"
    in_force: "Policy | None"

    def configured(self) -> "tuple[Settings, Policy]":
        """Return settings and policy of gateway.yaml; where they are needed `_question` saw to it."""
        if self.settings is None or self.in_force is None:
            raise click.UsageError("Name a gateway.yaml with --config.")
        return self.settings, self.in_force


def _question(
    config_path: str | None, policy_path: str, baseline_path: str | None, source: str, *, ignore_dates: bool
) -> _Question:
    """Read what is needed: gateway.yaml for the journal, and for a comparison with the policy that it names."""
    from dlp_gateway.errors import ConfigurationError
    from dlp_gateway.processes import policies

    settings = in_force = None
    needed = source == _JOURNAL or baseline_path is None or config_path is not None
    try:
        settings, in_force = policies.load(options.found_config(config_path))
    except ConfigurationError:
        if needed:
            raise
    after = asyncio.run(_with_teams(settings, policies.load_policy(Path(policy_path))))
    before = None
    if baseline_path is not None:
        before = asyncio.run(_with_teams(settings, policies.load_policy(Path(baseline_path))))
    elif source != _JOURNAL:
        before = in_force
    if ignore_dates:
        after = after.at_any_time()
        before = None if before is None else before.at_any_time()
    named = baseline_path or ("what was done" if source == _JOURNAL else str(settings.policy if settings else ""))
    return _Question(after=after, before=before, named=named, settings=settings, in_force=in_force)


async def _with_teams(settings: "Settings | None", policy: "Policy") -> "Policy":
    from dlp_gateway.processes import composition, teams

    if settings is None:
        return policy
    return await teams.completed(settings, composition.team_directory(settings), policy)


def _dates(after: "Policy", difference: "Difference", *, ignored: bool) -> tuple[str, ...]:
    """Return a sentence for each rule that no mail could meet, and each team of which nobody knows."""
    first, last = difference.first, difference.last
    told = [
        f"Nobody knows who is in the team {name}: everybody counts as one of them where that is stricter."
        for name, team in after.teams.items()
        if team.members is None
    ]
    if first is not None and last is not None and not ignored:
        told += [
            f"The rule {one.rule.id} is not in force at any time of these mails; --ignore-dates lets it act."
            for one in after.rules
            if one.rule.is_over(first) or (one.rule.from_ is not None and one.rule.from_ > last)
        ]
    return tuple(told)


# --- the comparison ---------------------------------------------------------------------------------------------------


async def _compared(
    question: _Question, source: str, since: datetime | None, limit: int
) -> "tuple[Difference, tuple[str, ...]]":
    if source == _JOURNAL:
        return await _journal(question, since, limit)
    return await _mailbox(question, Path(source), since, limit)


async def _journal(question: _Question, since: datetime | None, limit: int) -> "tuple[Difference, tuple[str, ...]]":
    """Judge the newest entries of the journal again; it is only read."""
    from dlp_gateway.processes import review
    from dlp_gateway.simulation import comparison, recorded

    settings, in_force = question.configured()
    journal = await review.journal(settings)
    try:
        with _Progress("judging") as progress:
            difference, without_confidence = await comparison.of_journal(
                journal,
                question.before,
                question.after,
                then=in_force,
                limit=limit,
                since=since,
                step=progress.step,
            )
    finally:
        await journal.close()
    return difference, tuple(recorded.untold(without_confidence, question.before or in_force, question.after))


async def _mailbox(
    question: _Question, place: Path, since: datetime | None, limit: int
) -> "tuple[Difference, tuple[str, ...]]":
    """Take the newest mails of a place through both policies; raises `NotMailError` if there are none to judge."""
    from dlp_gateway.inspection.inspector import InspectorOptions
    from dlp_gateway.simulation import comparison
    from dlp_gateway.simulation.mailbox import NotMailError

    settings = question.settings
    costs = InspectorOptions()
    if settings is not None:
        costs = InspectorOptions(
            deadline=settings.inspection.deadline.total_seconds(),
            in_place_bytes=settings.inspection.in_place,
            memory_bytes=settings.inspection.memory,
        )
    with _Progress("looking") as progress, streams.told_of(place):
        mails = await asyncio.to_thread(comparison.newest, place, limit=limit, since=since, step=progress.step)
    if not mails and since is None:
        raise NotMailError("no mail lies there: no Maildir, no mbox file, no .eml file")
    with _Progress("judging", len(mails)) as progress:
        difference, left_out = await comparison.of_mails(
            mails,
            question.before or question.configured()[1],
            question.after,
            costs=costs,
            message_size=settings.limits.message_size if settings is not None else _LARGEST,
            hops=settings.limits.hops if settings is not None else _HOPS,
            step=progress.step,
        )
    if mails and left_out == len(mails):
        raise NotMailError(
            f"none of {left_out} files there can be judged: no mail, without any recipient, or too large"
        )
    said = f"{left_out} mails were left out: too large, gone, or without any recipient."
    return difference, (said,) if left_out else ()


class _Progress:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, what: str, total: int | None = None) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True), transient=True, disable=not streams.on_terminal(sys.stderr))
        self._task = self._bar.add_task(what, total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()

    def step(self) -> None:
        """One more is done."""
        self._bar.advance(self._task)
