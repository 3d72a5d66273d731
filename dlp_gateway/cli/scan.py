"""`dlp-gateway scan`: what would become of one message."""

import re
import sys
from contextlib import nullcontext, redirect_stdout
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import click

from dlp_gateway.cli import options, preview, streams, values
from dlp_gateway.mail.reply import printable

_LARGEST: Final = 200_000_000  # bytes
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")


def _sender(_context: object, _option: object, given: str) -> str:
    return "" if given in {"", "<>"} else values.mail_address(given)


def _addresses(_context: object, _option: object, given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(values.mail_address, given))


@click.command("scan")
@options.config
@click.option(
    "--from",
    "reverse_path",
    required=True,
    metavar="ADDRESS",
    callback=_sender,
    help="The reverse-path; '' for a DSN's.",
)
@click.option(
    "--to",
    "recipients",
    required=True,
    multiple=True,
    metavar="ADDRESS",
    callback=_addresses,
    help="A recipient; repeat.",
)
@click.option("--out", metavar="FILE|-", help="Write the mail as it would leave; never over a file that is there.")
@click.option("--preview", "with_preview", is_flag=True, help="Show the mail as each kind of recipient will see it.")
@click.argument("source", metavar="FILE|-")
@options.as_json
def command(
    *,
    config_path: str | None,
    reverse_path: str,
    recipients: tuple[str, ...],
    out: str | None,
    with_preview: bool,
    source: str,
    as_json: bool,
) -> None:
    """Say what would become of one message (RFC 5322, from FILE or standard input) under the policy in force.

    Nothing is sent and nothing is kept. What the gateway remembers of earlier mails, such as mass sends, plays no part.
    FILE may have the line ends of any system. What `--out` writes lacks our Received field only; of a mail that is
    split it is the copy of the first recipient, and with `--out -` everything else goes to standard error. `--preview`
    shows header and text for insiders, outsiders and blind recipients, and what is changed in the header: treat the
    screen as the mail. The parts are listed with what was read of each, as which kind of file, and why not all of it;
    files within files stand below them.

    \b
    Examples:
      dlp-gateway scan --from ann@corp.example --to bob@home.example mail.eml
      dlp-gateway scan --from ann@corp.example --to bob@home.example --out as-it-leaves.eml - < mail.eml
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    from dlp_gateway.detect.base import Facts
    from dlp_gateway.inspection.examination import examine
    from dlp_gateway.mail.edit import apply
    from dlp_gateway.mail.envelope import Envelope, new_id
    from dlp_gateway.mail.parse import parse
    from dlp_gateway.policy.copies import checked
    from dlp_gateway.policy.decide import decide
    from dlp_gateway.policy.verdict import Copy
    from dlp_gateway.processes import policies

    printed = streams.standard_output() if out == streams.STANDARD else None
    raw = _as_on_the_wire(streams.read_bytes(source, limit=_LARGEST))
    envelope = Envelope(
        id=new_id(),
        reverse_path=reverse_path,
        recipients=tuple(dict.fromkeys(recipients)),
        client="127.0.0.1",
        login="",
        body_8bit=True,
        smtputf8=True,
        received_at=datetime.now(UTC),
    )
    message = parse(raw)
    with options.problems_shown(as_json=as_json):
        settings, policy = policies.load(options.found_config(config_path))
        inspection, reading = examine(policies.recipe(policy), envelope, message, Facts())
    verdict = checked(decide(policy, envelope, message, inspection), message)
    copies = verdict.copies or (Copy(recipients=envelope.recipients, edits=verdict.edits),)
    if out:
        first = next(copy for copy in copies if envelope.recipients[0] in copy.recipients)
        leaving = apply(raw, first.edits)
        if printed is None:
            streams.write_bytes(out, leaving)
        else:
            printed.write(leaving)
    shown: dict[str, Any] = {
        "disposition": verdict.disposition.label,
        "reasons": list(dict.fromkeys(reason.rule for reason in verdict.reasons if reason.enforced)),
        "observed": list(dict.fromkeys(reason.rule for reason in verdict.reasons if not reason.enforced)),
        "findings": [asdict(finding) for finding in inspection.findings],
        "failures": [asdict(failure) for failure in inspection.failures],
        "unreadable": [asdict(part) for part in inspection.unreadable],
        "parts": [asdict(part) for part in reading.parts],
        "hidden": verdict.hidden,
        "copies": len(copies),
        "owner": verdict.owner,
        "too_big": len(raw) > settings.limits.message_size,
    }
    if with_preview:
        made = (preview.Made(recipients=copy.recipients, content=apply(raw, copy.edits)) for copy in copies)
        shown["preview"] = list(preview.views(raw, made, policy))
    with nullcontext() if printed is None else redirect_stdout(sys.stderr):
        if as_json:
            options.print_json(shown)
            return
        _print(shown, {reason.rule: reason.explanation for reason in verdict.reasons})
        if shown["too_big"]:
            bound = f"{len(raw)} octets are more than limits.message_size, {settings.limits.message_size}"
            click.secho(f"{bound}: the gateway refuses it at the door, with 552 5.3.4.", fg="red")
        preview.show(shown.get("preview", ()))


def _print_parts(parts: list[dict[str, Any]]) -> None:
    """Print what was read of each part; one that clients may read in several ways says so from the second on."""
    seen: set[str] = set()
    for part in parts:
        path = part["path"]
        if path not in seen:
            is_before = path.rpartition(".")[2] == "0"  # what stands before the first part
            _print_part(part, " (shown by some clients only)" if is_before else "")
        elif part["characters"] or part["reasons"]:
            _print_part(part, " (the same, as other clients read it)")
        seen.add(path)


def _print_part(part: dict[str, Any], remark: str) -> None:
    """Print what was read of one part, below the part that it lies in."""
    depth = part["path"].count(".")
    name = f" {printable(part['name'])}" if part["name"] else ""
    kind = f" [{part['kind']}]" if part["kind"] else ""
    read = f"{part['characters']} characters read" if part["characters"] else "no text"
    click.echo(f"  {'  ' * depth}part {part['path']}{name}{kind} {printable(part['type'])}{remark}: {read}", nl=False)
    if part["reasons"]:
        click.secho(f", not wholly: {', '.join(part['reasons'])}", fg="yellow", nl=False)
    click.echo()


def _as_on_the_wire(raw: bytes) -> bytes:
    """Return the message with the line ends that it has on the wire (RFC 5321 2.3.8); files often have others."""
    return _BARE_LF.sub(b"\r\n", raw)


def _print(shown: dict[str, Any], explanations: dict[str, str]) -> None:
    """Print what would become of the message, for reading."""
    colour = {"forward": "green", "rewrite": "yellow", "delay": "yellow"}.get(shown["disposition"], "red")
    click.secho(shown["disposition"], fg=colour, bold=True)
    for rule in shown["reasons"]:
        click.echo(f"  because of {rule}: {printable(explanations[rule])}")
    if shown["observed"]:
        click.echo(f"  observed only: {', '.join(shown['observed'])}")
    if shown["hidden"]:
        copies = f", in {shown['copies']} copies" if shown["copies"] > 1 else ""
        click.echo(f"  {shown['hidden']} people would be hidden from each other{copies}")
    if shown["owner"]:
        click.echo(f"  it came through {printable(shown['owner'])}")
    for finding in shown["findings"]:
        click.echo(f"  {preview.found(finding)}")
    _print_parts(shown["parts"])
    for failure in shown["failures"]:
        click.echo(f"  failed: {failure['detector']}: {failure['reason']}")
