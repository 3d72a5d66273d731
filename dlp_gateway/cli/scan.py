"""`dlp-gateway scan`: what would become of one message."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from dlp_gateway.cli import options

_LARGEST = 200_000_000  # bytes


@click.command("scan")
@options.config
@click.option("--from", "reverse_path", required=True, metavar="ADDRESS", help="The reverse-path; '' for a DSN's.")
@click.option("--to", "recipients", required=True, multiple=True, metavar="ADDRESS", help="A recipient; repeat.")
@click.option("--out", metavar="FILE", help="Write the mail as it would leave.")
@click.argument("source", metavar="FILE|-")
@options.as_json
def command(
    config_path: str | None,
    reverse_path: str,
    recipients: tuple[str, ...],
    out: str | None,
    source: str,
    as_json: bool,  # noqa: FBT001  click passes flags by name
) -> None:
    """Say what would become of one message (RFC 5322, from FILE or standard input) under the policy in force.

    Nothing is sent and nothing is kept. What the gateway remembers of earlier mails, such as mass sends, plays no part.
    """
    from dlp_gateway.detect.base import Facts
    from dlp_gateway.mail.edit import apply
    from dlp_gateway.mail.envelope import Envelope, new_id
    from dlp_gateway.mail.parse import parse
    from dlp_gateway.policy.decide import decide
    from dlp_gateway.processes import policies

    with options.problems_shown(as_json=as_json):
        _, policy = policies.load(options.found_config(config_path))
    try:
        raw = options.read_bytes(source, limit=_LARGEST)
    except OSError as error:
        raise click.UsageError(f"{source}: {error.strerror}.") from error
    raw = _with_crlf(raw)
    envelope = Envelope(
        id=new_id(),
        reverse_path="" if reverse_path == "<>" else reverse_path,
        recipients=tuple(dict.fromkeys(recipients)),
        client="127.0.0.1",
        login="",
        body_8bit=True,
        smtputf8=True,
        received_at=datetime.now(UTC),
    )
    message = parse(raw)
    inspection = policies.inspect(policy, envelope, message, Facts())
    verdict = decide(policy, envelope, message, inspection)
    if out:
        Path(out).write_bytes(apply(raw, verdict.edits))
    shown: dict[str, Any] = {
        "disposition": verdict.disposition.label,
        "reasons": list(dict.fromkeys(reason.rule for reason in verdict.reasons if reason.enforced)),
        "observed": list(dict.fromkeys(reason.rule for reason in verdict.reasons if not reason.enforced)),
        "findings": [asdict(finding) for finding in inspection.findings],
        "failures": [asdict(failure) for failure in inspection.failures],
        "unreadable": [asdict(part) for part in inspection.unreadable],
        "hidden": verdict.hidden,
    }
    if as_json:
        options.print_json(shown)
    else:
        _print(shown, [reason.explanation for reason in verdict.reasons if reason.enforced])
    sys.exit(0)


def _with_crlf(raw: bytes) -> bytes:
    """Return the message with the line ends that it would have on the wire; files often have bare LF."""
    return raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n")


def _print(shown: dict[str, Any], explanations: list[str]) -> None:
    colour = {"forward": "green", "rewrite": "yellow", "delay": "yellow"}.get(shown["disposition"], "red")
    click.secho(shown["disposition"], fg=colour, bold=True)
    for rule, explanation in zip(shown["reasons"], dict.fromkeys(explanations), strict=False):
        click.echo(f"  because of {rule}: {explanation}")
    if shown["observed"]:
        click.echo(f"  observed only: {', '.join(shown['observed'])}")
    if shown["hidden"]:
        click.echo(f"  {shown['hidden']} outsiders would be hidden from each other")
    for finding in shown["findings"]:
        place = f"{finding['kind']} {finding['country']}".strip()
        click.echo(f"  found {place} × {finding['count']} at {finding['where']} (score {finding['score']:.2f})")
    for part in shown["unreadable"]:
        click.echo(f"  not read: part {part['part']} ({part['type']}): {part['reason']}")
    for failure in shown["failures"]:
        click.echo(f"  failed: {failure['detector']}: {failure['reason']}")
