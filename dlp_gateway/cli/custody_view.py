"""Items in custody for reading, and as JSON with the names of the contract."""

import shutil
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from dlp_gateway import deposits
from dlp_gateway.cli import custody_table, preview, streams
from dlp_gateway.cli.custody_table import minute
from dlp_gateway.cli.preview import Made
from dlp_gateway.mail.parse import decode_field, parse
from dlp_gateway.mail.reply import printable
from quarantine.model import CUSTODIAN, DELIVERY, DEPOSITOR, Claim, Event, Item, State

if TYPE_CHECKING:
    from dlp_gateway.policy.model import Policy

#: Copies of a split mail that are printed; there is one for each recipient outside.
_COPIES: Final = 3
#: Actors who are no person.
_NOBODY: Final = frozenset({CUSTODIAN, DELIVERY, DEPOSITOR})
_LEAVES_WITH: Final = frozenset({"from", "to", "cc", "subject", "date", "reply-to"})


def item_json(item: Item) -> dict[str, Any]:
    """Return the item as `quarantine list --json` prints it."""
    return {
        "id": item.id,
        "state": item.state.value,
        "reverse_path": item.reverse_path,
        "recipients": [
            {
                "address": recipient.address,
                "state": recipient.state.value,
                "attempts": recipient.attempts,
                "reply": recipient.reply,
            }
            for recipient in item.recipients
        ],
        "subject": item.subject,
        "size": item.size,
        "reasons": list(item.reasons),
        "group": item.group,
        "created_at": item.created_at.isoformat(),
        "expires_at": _time(item.expires_at),
    }


def item_in_full(item: Item, events: tuple[Event, ...], copies: tuple[Claim, ...]) -> dict[str, Any]:
    """Return the item as `quarantine show --json` prints it: with what was done, and the header as it would leave."""
    return {
        **item_json(item),
        "events": [
            {
                "at": event.at.isoformat(),
                "actor": event.actor,
                "recipient": event.recipient,
                "before": event.before.value if event.before else None,
                "after": event.after.value,
                "reason": event.reason,
            }
            for event in events
        ],
        "copies": [
            {
                "recipients": [recipient.address for recipient in copy.recipients],
                "leaves_with": [
                    [field.name, decode_field(field.body)]
                    for field in parse(deposits.outgoing_header(copy)).fields
                    if field.name.lower() in _LEAVES_WITH
                ],
            }
            for copy in copies
        ],
    }


def made(copies: tuple[Claim, ...]) -> Iterator[Made]:
    """Yield each copy as it would leave."""
    for copy in copies:
        recipients = tuple(recipient.address for recipient in copy.recipients)
        yield Made(recipients=recipients, content=deposits.outgoing(copy))


def standing(events: Iterable[Event], recipients: tuple[str, ...]) -> str:
    """Say how an item, or the `recipients` of it that were named, came to stand as it does; no full stop."""
    named = {address.casefold() for address in recipients}
    changes = [
        event
        for event in events
        if event.before is not event.after and (not named or event.recipient.casefold() in named)
    ]
    if not changes:
        return "nothing is known of it"
    last = changes[-1]
    at, by = minute(last.at), "" if last.actor in _NOBODY else f" by {last.actor}"
    match last.after:
        case State.DUE if last.before is not None:
            return f"released already{by} at {at}"
        case State.DUE:
            return f"it waits for delivery since {at}"
        case State.FAILED:
            return f"it failed at {at}; release it to try again"
        case State.IN_DOUBT:
            return f"it is in doubt since {at}"
        case State.HELD:
            return f"it is held since {at}"
        case State.DELIVERED | State.DISCARDED | State.EXPIRED:
            return f"{last.after.value} already{by} at {at}"


def explained(reasons: Iterable[str], policy: "Policy | None") -> dict[str, str]:
    """Return the explanations of those reasons that are rules in force and have one."""
    from dlp_gateway.policy.explain import explanations

    known = explanations(policy) if policy is not None else {}
    return {reason: known[reason] for reason in reasons if known.get(reason)}


def _short(moment: str) -> str:
    return minute(datetime.fromisoformat(moment))


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def print_items(items: tuple[Item, ...]) -> None:
    """Print a table."""
    width = shutil.get_terminal_size().columns if streams.on_terminal(sys.stdout) else None
    for line in custody_table.lines(items, width):
        click.echo(line)


def print_item(shown: dict[str, Any]) -> None:
    """Print what `item_in_full` returned."""

    def line(name: str, value: object) -> None:
        click.echo(f"{click.style(name + ':', bold=True)} {printable(str(value), 2000)}")

    line("id", shown["id"])
    line("state", shown["state"])
    line("from", shown["reverse_path"] or "<>")
    line("subject", shown["subject"])
    line("size", f"{shown['size']} bytes")
    for reason in shown["reasons"]:
        explanation = shown["explanations"].get(reason, "")
        line("why", f"{reason}: {explanation}" if explanation else reason)
    for finding in shown.get("findings", ()):
        click.echo(printable(f"  {preview.found(finding)}", 1000))
    line("came in", _short(shown["created_at"]))
    line("expires", _short(shown["expires_at"]) if shown["expires_at"] else "never")
    click.secho("recipients:", bold=True)
    for recipient in shown["recipients"]:
        words = f"  {recipient['address']}  {recipient['state']}"
        click.echo(printable(words + (f"  ({recipient['reply']})" if recipient["reply"] else ""), 1000))
    for copy in shown["copies"][:_COPIES]:
        click.secho(f"leaves, for {len(copy['recipients'])} of them, with:", bold=True)
        for name, value in copy["leaves_with"]:
            click.echo(f"  {printable(name)}: {printable(value, 2000)}")
    if len(shown["copies"]) > _COPIES:
        click.echo(f"  … and in {len(shown['copies']) - _COPIES} more copies (--json, --preview)")
    click.secho("events:", bold=True)
    for event in shown["events"]:
        change = f"{event['before'] or 'new'} → {event['after']}"
        words = f"  {_short(event['at'])}  {event['actor']}  {change}  {event['recipient']}  {event['reason']}"
        click.echo(printable(words, 1000))
