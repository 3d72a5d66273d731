"""What two policies make of the same mails, for reading and as JSON lines; rules, numbers and names of mails only."""

from typing import TYPE_CHECKING, Any, Final

import click

from dlp_gateway.cli import options, streams
from dlp_gateway.mail.reply import printable
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.simulation.difference import Change, Difference, Judgement, Kind

if TYPE_CHECKING:
    from rich.table import Table

_SHOWN: Final = 50  # changes on a terminal
_WORDS: Final = {
    Disposition.REJECT: "refused",
    Disposition.HOLD: "held",
    Disposition.DELAY: "delayed",
    Disposition.REWRITE: "rewritten",
    Disposition.FORWARD: "forwarded as they are",
}
_COLOURS: Final = {Disposition.FORWARD: "green", Disposition.REWRITE: "yellow", Disposition.DELAY: "yellow"}


def show(difference: Difference, notes: tuple[str, ...], *, after: str, before: str, as_json: bool) -> None:
    """Print all of it; notes go to standard error, but for JSON."""
    if as_json:
        for change in difference.changes:
            options.print_json(_change(change))
        options.print_json({"summary": _summary(difference, after=after, before=before), "notes": list(notes)})
        return
    _print(difference, after=after, before=before)
    for note in notes:
        click.echo(f"note: {printable(note, 1000)}", err=True)


def sentence(difference: Difference) -> str:
    """Return in one sentence what changes: "3 more held, 12 fewer; 1 for other reasons"."""
    parts = []
    for disposition, word in _WORDS.items():
        more, fewer = difference.more[disposition], difference.fewer[disposition]
        if more and fewer:
            parts.append(f"{more} more {word}, {fewer} fewer")
        elif more or fewer:
            parts.append(f"{more or fewer} {'more' if more else 'fewer'} {word}")
    if difference.kinds[Kind.REASONS]:
        parts.append(f"{difference.kinds[Kind.REASONS]} for other reasons")
    if difference.kinds[Kind.OBSERVED]:
        parts.append(f"{difference.kinds[Kind.OBSERVED]} differ in what is only observed")
    return f"{'; '.join(parts)}." if parts else "Nothing changes."


# --- JSON -------------------------------------------------------------------------------------------------------------


def _judgement(one: Judgement) -> dict[str, Any]:
    return {
        "disposition": one.disposition.label,
        "reasons": sorted(one.reasons),
        "observed": sorted(one.observed),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "id": change.name,
        "at": change.at.isoformat(),
        "kinds": sorted(change.kinds),
        "before": _judgement(change.before),
        "after": _judgement(change.after),
    }


def _summary(difference: Difference, *, after: str, before: str) -> dict[str, Any]:
    return {
        "policy": after,
        "baseline": before,
        "mails": difference.mails,
        "first": None if difference.first is None else difference.first.isoformat(),
        "last": None if difference.last is None else difference.last.isoformat(),
        "changed": len(difference.changes),
        "kinds": {kind.value: difference.kinds[kind] for kind in Kind},
        "dispositions": {
            one.label: {
                "before": difference.before[one],
                "after": difference.after[one],
                "more": difference.more[one],
                "fewer": difference.fewer[one],
            }
            for one in Disposition
        },
        "rules": {
            rule: {
                "before": difference.rules_before[rule],
                "after": difference.rules_after[rule],
                "observed_before": difference.observed_before[rule],
                "observed_after": difference.observed_after[rule],
            }
            for rule in difference.rules
        },
    }


# --- for reading ------------------------------------------------------------------------------------------------------


def _print(difference: Difference, *, after: str, before: str) -> None:
    click.echo(f"{difference.mails} mail{'' if difference.mails == 1 else 's'}{_period(difference)}")
    click.echo(f"under {printable(after)}, compared with {printable(before)}:")
    changed = any(kind is not Kind.OBSERVED and count for kind, count in difference.kinds.items())
    click.secho(sentence(difference), fg="yellow" if changed else "green", bold=True)
    if not difference.mails:
        return
    console = streams.console()
    console.print(_dispositions(difference))
    if difference.rules:
        console.print(_rules(difference))
    if difference.changes:
        console.print(_changes(difference))
        left = len(difference.changes) - _SHOWN
        if left > 0:
            click.echo(f"… and {left} more; --json lists all.")


def _period(difference: Difference) -> str:
    if difference.first is None or difference.last is None:
        return ""
    return f" from {difference.first:%Y-%m-%d} to {difference.last:%Y-%m-%d}"


def _table(*headings: str) -> "Table":
    from rich.table import Table

    table = Table()
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _dispositions(difference: Difference) -> "Table":
    table = _table("what becomes of them", "before", "after", "more", "fewer")
    for one in Disposition:
        counts = (difference.before[one], difference.after[one], difference.more[one], difference.fewer[one])
        table.add_row(one.label, *(str(count) if count else "–" for count in counts))
    return table


def _rules(difference: Difference) -> "Table":
    table = _table("rule", "before", "after")
    for rule in difference.rules:
        table.add_row(
            printable(rule),
            _counted(difference.rules_before[rule], difference.observed_before[rule]),
            _counted(difference.rules_after[rule], difference.observed_after[rule]),
        )
    return table


def _counted(acting: int, observed: int) -> str:
    parts = [str(acting)] if acting else []
    if observed:
        parts.append(f"{observed} observed")
    return ", ".join(parts) or "–"


def _changes(difference: Difference) -> "Table":
    from rich.markup import escape

    table = _table("mail", "time", "verdict", "why")
    for change in difference.changes[:_SHOWN]:
        old, new = change.before.disposition, change.after.disposition
        verdict = new.label if old == new else f"{old.label} → [{_COLOURS.get(new, 'red')}]{new.label}[/]"
        table.add_row(escape(printable(change.name, 80)), f"{change.at:%Y-%m-%d %H:%M}", verdict, escape(_why(change)))
    return table


def _why(change: Change) -> str:
    """Say which rules come in and which go, those that act first; "~" stands before what is only observed."""
    before = change.before.reasons | {f"~{rule}" for rule in change.before.observed}
    after = change.after.reasons | {f"~{rule}" for rule in change.after.observed}
    parts = [f"+{rule}" for rule in sorted(after - before)] + [f"-{rule}" for rule in sorted(before - after)]
    return ", ".join(map(printable, parts)) or ", ".join(sorted(change.after.reasons))
