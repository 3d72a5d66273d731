"""What came of test mail, for reading, and as JSON."""

import sys
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final

import click

from dlp_gateway.cli import streams
from dlp_gateway.cli.proofs import Outcome, Untried
from dlp_gateway.mail.reply import printable
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import Entry

_COLOURS: Final = {"forward": "green", "rewrite": "yellow", "delay": "yellow", "hold": "red", "reject": "red"}
_MOST: Final = 5  # recipients told


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
    """Print what came of each sample, what was not tried, and what to do."""
    if streams.on_terminal(sys.stderr):
        click.echo("\r\033[K", nl=False, err=True)
    counting = {rule.rule.id for rule in policy.rules} - {r.rule.id for r in policy.rules if r.rule.mode == "enforce"}
    for one in outcomes:
        _print(one, counting)
    for missing in untried:
        click.echo(f"{click.style('not tried', fg='yellow')}  {missing.rule}: {missing.why}.")
    click.echo()
    if keep and any(one.entry and one.entry.disposition.label == "hold" for one in outcomes):
        click.echo("The held samples stay in custody: `dlp-gateway quarantine list`, then `discard`.")
    wrong = sum(bool(one.problem) for one in outcomes)
    if wrong:
        click.secho(f"{wrong} of {len(outcomes)} came out wrong.", fg="red")
        click.echo("Was policy.yaml changed since the gateway read it? Reload it, and try again.")
    else:
        samples = "The sample" if len(outcomes) == 1 else f"All {len(outcomes)} samples"
        click.secho(f"{samples} came out as the policy says{_not_tried(len(untried))}.", fg="green")
    acted = any(one.entry is not None and one.entry.disposition is not Disposition.FORWARD for one in outcomes)
    if policy.mode == "observe" and not acted:
        click.echo(
            "Observe mode: nothing was held or changed. To act, write `mode: enforce` in policy.yaml and reload."
        )


def _not_tried(count: int) -> str:
    return f"; {count} rule{'s were' if count > 1 else ' was'} not tried" if count else ""


def _print(one: Outcome, counting: AbstractSet[str]) -> None:
    """Print one sample: the rule and what it is, the verdict and why, and what came out.

    `counting` are the rules that observe by their own mode, and so under `mode: enforce` too.
    """
    proof, entry = one.proof, one.entry
    status = click.style("WRONG", fg="red", bold=True) if one.problem else click.style("ok", fg="green")
    click.echo(f"{status}  {click.style(proof.rule or 'no rule', bold=True)}: {printable(proof.title)}")
    if one.problem:
        click.secho(f"      {printable(one.problem)}", fg="red")
    if entry is None:
        return
    verdict = click.style(entry.disposition.label, fg=_COLOURS[entry.disposition.label])
    would = f" (would {proof.would.label})" if proof.would is not proof.expected.disposition else ""
    observed = (f"{rule} only {'counted, in any mode' if rule in counting else 'observed'}" for rule in entry.observed)
    why = ", ".join((*entry.reasons, *observed)) or "nothing found"
    click.echo(f"      {verdict}{would}, because of {why}" if why != "nothing found" else f"      {verdict}, {why}")
    for line in _came_out(one, entry):
        click.echo(f"      {printable(line)}")


def _came_out(one: Outcome, entry: Entry) -> Iterator[str]:
    """Say who has it and what his copy shows, or where it is."""
    match entry.disposition:
        case Disposition.HOLD | Disposition.DELAY:
            yield f"nothing left; in custody as {entry.id}{', discarded again' if one.discarded else ''}"
            yield f"the client was told: {one.reply}"
        case Disposition.REJECT:
            yield f"nothing left; the client was told: {one.reply}"
        case _:
            for passage in entry.passages[:_MOST]:
                shown = ", ".join(passage.shown[:3]) or "nobody"
                more = f" and {len(passage.shown) - 3} more" if len(passage.shown) > 3 else ""
                yield f"{passage.recipient} ({passage.outcome}) sees {shown}{more}"
