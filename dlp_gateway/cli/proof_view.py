"""What came of test mail, for reading, and as JSON."""

import sys
from typing import Any, Final

import click

from dlp_gateway.cli.proofs import Outcome, Untried
from dlp_gateway.mail.reply import printable
from dlp_gateway.policy.model import Policy

_COLOURS: Final = {"forward": "green", "rewrite": "yellow", "delay": "yellow", "hold": "red", "reject": "red"}


def outcome_json(one: Outcome) -> dict[str, Any]:
    """Return one outcome as `send-test --json` prints it."""
    entry = one.entry
    return {
        "rule": one.proof.rule,
        "sample": one.proof.title,
        "passed": not one.problem,
        "problem": one.problem,
        "id": entry.id if entry else "",
        "disposition": entry.disposition.label if entry else "",
        "would": one.proof.would.label,
        "reasons": list(entry.reasons) if entry else [],
        "observed": list(entry.observed) if entry else [],
        "reply": one.reply,
        "recipients": [
            {
                "address": passage.recipient,
                "outcome": passage.outcome,
                "shown": list(passage.shown),
                "reply": passage.reply,
            }
            for passage in (entry.passages if entry else ())
        ],
        "discarded": one.discarded,
    }


def print_outcomes(outcomes: tuple[Outcome, ...], untried: tuple[Untried, ...], policy: Policy, *, keep: bool) -> None:
    """Print the table, what was not tried, and what to do."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    table = Table(title="What the gateway did", title_justify="left", show_lines=True)
    for heading in ("rule and sample", "verdict", "why", "what came out", ""):
        table.add_column(heading, overflow="fold")
    for one in outcomes:
        verdict = one.entry.disposition.label if one.entry else "none"
        would = f"\nwould {one.proof.would.label}" if one.proof.would is not one.proof.expected.disposition else ""
        table.add_row(
            escape(printable(f"{one.proof.rule or 'no rule'}: {one.proof.title}")),
            f"[{_COLOURS.get(verdict, 'red')}]{verdict}[/]{would}",
            escape(_why(one)),
            escape(_came_out(one)),
            f"[red]{escape(printable(one.problem))}[/]" if one.problem else "[green]ok[/]",
        )
    console = Console()
    console.print(table)
    for missing in untried:
        click.echo(f"not tried: {missing.rule}: {missing.why}.")
    if keep and any(one.entry and one.entry.disposition.label == "hold" for one in outcomes):
        click.echo("The held samples stay in custody: `dlp-gateway quarantine list`, then `discard`.")
    wrong = sum(bool(one.problem) for one in outcomes)
    if wrong:
        console.print(f"[red]{wrong} came out wrong.[/]")
        click.echo("Was policy.yaml changed since the gateway read it? Reload it, and try again.")
    else:
        console.print("[green]Every sample came out as the policy says.[/]")
    if policy.mode == "observe":
        click.echo(
            "Observe mode: nothing was held or changed. To act, write `mode: enforce` in policy.yaml and reload."
        )


def _why(one: Outcome) -> str:
    if one.entry is None:
        return ""
    lines = [*one.entry.reasons, *(f"{rule} (only observed)" for rule in one.entry.observed)]
    return "\n".join(lines) or "nothing found"


def _came_out(one: Outcome) -> str:
    """Say who has it and what his copy shows, or where it is."""
    if one.entry is None:
        return "nothing"
    if one.entry.disposition.label in {"hold", "delay"}:
        state = ", discarded again" if one.discarded else ""
        return f"nothing; in custody as {one.entry.id}{state}\n(the client was told: {printable(one.reply, 100)})"
    if one.entry.disposition.label == "reject":
        return f"nothing; the client was told: {printable(one.reply, 200)}"
    lines = []
    for passage in one.entry.passages[:5]:
        shown = ", ".join(passage.shown[:3]) + (f" and {len(passage.shown) - 3} more" if len(passage.shown) > 3 else "")
        lines.append(f"{passage.recipient} ({passage.outcome}) sees {shown or 'nobody'}")
    return "\n".join(map(printable, lines))
