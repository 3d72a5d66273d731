"""`dlp-gateway quarantine`: what lies in custody, and what shall become of it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dlp_gateway.cli import options
from dlp_gateway.errors import EX_CONFIG
from dlp_gateway.mail.reply import printable

if TYPE_CHECKING:
    from quarantine.model import Item, Query
    from quarantine.store import Store

_T = TypeVar("_T")
_STATES = ("held", "due", "delivered", "failed", "in-doubt", "discarded", "expired")


def _filters(function: options.Command) -> options.Command:
    """Add the options that choose items."""
    for option in reversed(
        (
            click.option("--state", type=click.Choice(_STATES), multiple=True, help="Recipients in this state."),
            click.option("--address", metavar="ADDRESS", help="The reverse-path or a recipient."),
            click.option("--reason", metavar="RULE", help="Kept because of this rule."),
            click.option("--older-than", metavar="AGE", help="Came in before this long ago, such as 2h or 3d."),
            click.option("--newer-than", metavar="AGE", help="Came in within this time, such as 2h or 3d."),
            click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True),
        )
    ):
        function = option(function)
    return function


@click.group("quarantine")
def command() -> None:
    """List, show, release, discard and export mail in custody.

    A mail is in custody because a rule held it, because it waits for its time, or because the smarthost could not take
    it yet. Whatever you do is written down with your login and the time.
    """


@command.command("list")
@options.config
@_filters
@options.as_json
def list_(config_path: str | None, as_json: bool, **filters: Any) -> None:  # noqa: ANN401, FBT001  click
    """List items, oldest first."""

    async def work(store: "Store") -> "tuple[Item, ...]":
        return await store.items(_query((), filters))

    items = _with_store(config_path, work)
    if as_json:
        for item in items:
            options.print_json(_as_json(item))
        return
    if not items:
        click.echo("Nothing in custody" + (" matches." if any(_given(filters)) else "."))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("id", "state", "from", "to", "subject", "why", "since"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"id", "state", "since"})
    for item in items:
        recipients = item.recipients[0].address if item.recipients else ""
        more = f" +{len(item.recipients) - 1}" if len(item.recipients) > 1 else ""
        row = (
            item.id,
            item.state.value,
            item.reverse_path or "<>",
            recipients + more,
            item.subject,
            ", ".join(item.reasons),
            f"{item.created_at:%Y-%m-%d %H:%M}Z",
        )
        table.add_row(*(escape(printable(cell)) for cell in row))
    Console().print(table)


@command.command()
@options.config
@click.argument("item_id", metavar="ID")
@options.as_json
def show(config_path: str | None, item_id: str, as_json: bool) -> None:  # noqa: FBT001  click passes flags by name
    """Show one item: why it is here, for whom, what would leave, and what was done with it.

    The text of the mail is not shown; `export` writes it to a file.
    """
    from dlp_gateway.mail.edit import apply, from_json
    from dlp_gateway.mail.parse import decode_field, parse

    async def work(store: "Store") -> dict[str, Any]:
        item = await _one(store, item_id)
        shown = _as_json(item)
        shown["events"] = [
            {
                "at": event.at.isoformat(),
                "actor": event.actor,
                "recipient": event.recipient,
                "before": event.before.value if event.before else None,
                "after": event.after.value,
                "reason": event.reason,
            }
            for event in await store.events(item_id)
        ]
        shown["copies"] = []
        try:
            copies = await store.copies(item_id)
        except KeyError:
            copies = ()
        for copy in copies:
            leaving = parse(apply(copy.content, from_json(copy.edits)))
            header = {
                field.name: decode_field(field.body)
                for field in leaving.fields
                if field.name.lower() in {"from", "to", "cc", "subject", "date", "reply-to"}
            }
            shown["copies"].append(
                {"recipients": [recipient.address for recipient in copy.recipients], "leaves_with": header}
            )
        return shown

    shown = _with_store(config_path, work)
    if as_json:
        options.print_json(shown)
    else:
        _print_item(shown)


def _print_item(shown: dict[str, Any]) -> None:
    """Print an item for reading."""

    def line(name: str, value: object) -> None:
        click.echo(f"{click.style(name + ':', bold=True)} {printable(str(value), 2000)}")

    line("id", shown["id"])
    line("state", shown["state"])
    line("from", shown["reverse_path"] or "<>")
    line("subject", shown["subject"])
    line("size", f"{shown['size']} bytes")
    line("why", ", ".join(shown["reasons"]))
    line("came in", shown["created_at"])
    line("expires", shown["expires_at"] or "never")
    click.secho("recipients:", bold=True)
    for recipient in shown["recipients"]:
        words = f"  {recipient['address']}  {recipient['state']}"
        click.echo(printable(words + (f"  ({recipient['reply']})" if recipient["reply"] else ""), 1000))
    for copy in shown["copies"]:
        click.secho(f"leaves, for {len(copy['recipients'])} of them, with:", bold=True)
        for name, value in copy["leaves_with"].items():
            click.echo(f"  {printable(name)}: {printable(value, 2000)}")
    click.secho("events:", bold=True)
    for event in shown["events"]:
        change = f"{event['before'] or 'new'} → {event['after']}"
        words = f"  {event['at']}  {event['actor']}  {change}  {event['recipient']}  {event['reason']}"
        click.echo(printable(words, 1000))


@command.command()
@options.config
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every item that the filters match, instead of IDs.")
@_filters
@click.option("--recipient", metavar="ADDRESS", multiple=True, help="Only to this recipient; repeat for more.")
@click.option("--original", is_flag=True, help="Send it as the author wrote it, without the policy's rewrite.")
@click.option("--why", metavar="TEXT", default="", help="A note for the record.")
@click.option("--dry-run", is_flag=True, help="Say what would be released, and release nothing.")
@options.as_json
def release(
    config_path: str | None,
    ids: tuple[str, ...],
    everything: bool,  # noqa: FBT001  click passes flags by name
    recipient: tuple[str, ...],
    original: bool,  # noqa: FBT001  click passes flags by name
    why: str,
    dry_run: bool,  # noqa: FBT001  click passes flags by name
    as_json: bool,  # noqa: FBT001  click passes flags by name
    **filters: Any,  # noqa: ANN401  click
) -> None:
    """Let mail go: the gateway delivers it within seconds, with its rewrite.

    Also tries again what the smarthost had refused, and what is in doubt. Releasing twice sends once.
    """
    from quarantine.model import State

    async def act(store: "Store", item: str, actor: str) -> int:
        return await store.release(
            item, actor=actor, reason=why, now=datetime.now(UTC), recipients=recipient, original=original
        )

    chosen = _Choice(config_path, ids, everything, filters, recipient, {State.HELD, State.FAILED, State.IN_DOUBT})
    _change(chosen, "released", act, dry_run=dry_run, as_json=as_json)


@command.command()
@options.config
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every item that the filters match, instead of IDs.")
@_filters
@click.option("--recipient", metavar="ADDRESS", multiple=True, help="Only for this recipient; repeat for more.")
@click.option("--why", metavar="TEXT", default="", help="A note for the record.")
@click.option("--dry-run", is_flag=True, help="Say what would be discarded, and discard nothing.")
@options.as_json
def discard(
    config_path: str | None,
    ids: tuple[str, ...],
    everything: bool,  # noqa: FBT001  click passes flags by name
    recipient: tuple[str, ...],
    why: str,
    dry_run: bool,  # noqa: FBT001  click passes flags by name
    as_json: bool,  # noqa: FBT001  click passes flags by name
    **filters: Any,  # noqa: ANN401  click
) -> None:
    """Drop mail: it will never be sent. What is already on its way is not called back."""
    from quarantine.model import State

    async def act(store: "Store", item: str, actor: str) -> int:
        return await store.discard(item, actor=actor, reason=why, now=datetime.now(UTC), recipients=recipient)

    chosen = _Choice(config_path, ids, everything, filters, recipient, {State.HELD, State.FAILED, State.DUE})
    _change(chosen, "discarded", act, dry_run=dry_run, as_json=as_json)


@command.command()
@options.config
@click.argument("item_id", metavar="ID")
@click.option("--out", metavar="FILE", default="-", show_default=True, help="Where to write the message (RFC 5322).")
@click.option("--edited", is_flag=True, help="As it would leave, with the policy's rewrite, instead of as it came.")
def export(config_path: str | None, item_id: str, out: str, edited: bool) -> None:  # noqa: FBT001  click
    """Write one message to a file that only you can read, or to standard output.

    It holds the full text, so treat the file as what the rules meant to protect.
    """
    from dlp_gateway.mail.edit import apply, from_json

    async def work(store: "Store") -> bytes:
        await _one(store, item_id)
        try:
            if not edited:
                return await store.content(item_id)
            first = (await store.copies(item_id))[0]
        except KeyError:
            raise click.ClickException(f"{item_id}: its content was erased when its time was over.") from None
        return apply(first.content, from_json(first.edits))

    content = _with_store(config_path, work)
    if out == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        with open(out, "xb", opener=_for_me_alone) as file:  # noqa: PTH123  pathlib has no opener
            file.write(content)
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror}.") from error


def _for_me_alone(path: str, flags: int) -> int:
    import os

    return os.open(path, flags, 0o600)


class _Choice:
    """The items that a command shall change."""

    def __init__(
        self,
        config_path: str | None,
        ids: tuple[str, ...],
        everything: bool,  # noqa: FBT001
        filters: dict[str, Any],
        recipients: tuple[str, ...],
        states: "set[Any]",
    ) -> None:
        if not ids and not everything:
            raise click.UsageError("Name the items, or write --all with filters (see `quarantine list`).")
        if everything and not any(_given(filters)):
            raise click.UsageError("--all needs at least one filter, such as --state held or --reason RULE.")
        self.config_path, self.ids, self.filters = config_path, ids, filters
        self.recipients, self.states = recipients, states

    def changes(self, item: "Item") -> int:
        """Return how many recipients of the item the command would change."""
        wanted = {address.casefold() for address in self.recipients}
        return sum(
            one.state in self.states and (not wanted or one.address.casefold() in wanted) for one in item.recipients
        )


def _change(
    chosen: _Choice,
    word: str,
    act: "Callable[[Store, str, str], Awaitable[int]]",
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Do it to each item, say what came of it, and exit 1 if an ID is unknown or had nothing to change."""
    from quarantine.audit import operating_system_actor

    actor = operating_system_actor()

    async def work(store: "Store") -> list[tuple[str, int]]:
        items = {item.id: item for item in await store.items(_query(chosen.ids, chosen.filters))}
        done = [(item, 0) for item in chosen.ids if item not in items]
        for item in items.values():
            done.append((item.id, chosen.changes(item) if dry_run else await act(store, item.id, actor)))
        return done

    done = _with_store(chosen.config_path, work)
    for item, count in done:
        if as_json:
            options.print_json({"id": item, "action": word, "recipients": count, "dry_run": dry_run})
        elif count:
            would = "would be " if dry_run else ""
            click.echo(f"{item}: {would}{word} for {count} recipient{'s' if count != 1 else ''}")
        else:
            click.echo(f"{printable(item)}: nothing to be {word} (unknown, or done already)", err=True)
    if not done and not as_json:
        click.echo("Nothing matches.", err=True)
    sys.exit(0 if done and all(count for _, count in done) else 1)


def _given(filters: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(filters[name] for name in ("state", "address", "reason", "older_than", "newer_than"))


def _query(ids: tuple[str, ...], filters: dict[str, Any]) -> "Query":
    from quarantine.model import Query, State

    now = datetime.now(UTC)
    older, newer = _age(filters["older_than"]), _age(filters["newer_than"])
    return Query(
        ids=ids,
        states=frozenset(State(word) for word in filters["state"]),
        address=filters["address"] or "",
        reason=filters["reason"] or "",
        created_before=now - older if older else None,
        created_after=now - newer if newer else None,
        limit=filters["limit"],
    )


def _age(text: str | None) -> timedelta | None:
    from dlp_gateway import notation

    if text is None:
        return None
    try:
        return notation.duration(text)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


async def _one(store: "Store", item_id: str) -> "Item":
    from quarantine.model import Query

    items = await store.items(Query(ids=(item_id,)))
    if not items:
        raise click.ClickException(f"{printable(item_id)}: no such item in custody.")
    return items[0]


def _with_store(config_path: str | None, work: "Callable[[Store], Awaitable[_T]]") -> _T:
    """Open custody with the private key, do the work, close it; problems end with 78, unusable custody with 69."""
    from quarantine.store import StoreError, StoreKeyError

    with options.problems_shown():
        settings = options.loaded(config_path)

    async def opened() -> _T:
        from dlp_gateway.processes import composition

        store = await composition.existing_custody(settings)
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(opened())
    except StoreKeyError as error:
        click.secho(str(error), fg="red", err=True)
        sys.exit(EX_CONFIG)
    except StoreError as error:
        options.unavailable(f"Custody cannot be used: {error}")


def _as_json(item: "Item") -> dict[str, Any]:
    """Return the item as the contract names its fields."""
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
        "expires_at": item.expires_at.isoformat() if item.expires_at else None,
    }
