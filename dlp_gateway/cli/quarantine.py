"""`dlp-gateway quarantine`: what lies in custody, and what shall become of it."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from dlp_gateway import deposits
from dlp_gateway.cli import custody_view, options, preview, streams
from dlp_gateway.cli.selection import (
    NotMeantError,
    Selection,
    filters,
    is_filtered,
    meant,
    one,
    selection,
    with_store,
)
from dlp_gateway.mail.reply import printable
from quarantine.model import FINAL, Item, Query, State

if TYPE_CHECKING:
    from dlp_gateway.policy.model import Policy
    from quarantine.model import Claim
    from quarantine.store import Store

_WAITING: Final = frozenset(State) - FINAL
_RELEASABLE: Final = frozenset({State.HELD, State.FAILED, State.IN_DOUBT})
_DISCARDABLE: Final = frozenset({State.HELD, State.FAILED, State.DUE})
_CONFIRMABLE: Final = frozenset({State.IN_DOUBT})

_why: Final = click.option("--why", metavar="TEXT", default="", help="A note for the record.")
_dry_run: Final = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


@click.group("quarantine")
def command() -> None:
    """List, show, release, discard and export mail in custody.

    A mail is in custody because a rule held it, because it waits for its time, or because the smarthost could not take
    it yet. Whatever you do is written down with your login and the time.

    \b
    A review:
      dlp-gateway quarantine list --state held
      dlp-gateway quarantine show ID
      dlp-gateway quarantine release ID --why "asked the author"
      dlp-gateway quarantine discard ID
    """  # noqa: D301  a backspace is how click is told to leave lines as they are


@command.command("list")
@options.config
@filters
@click.option("--all", "everything", is_flag=True, help="Also what is over: delivered, discarded, expired.")
@options.as_json
def list_(*, config_path: str | None, query: Query, everything: bool, as_json: bool) -> None:
    """List items, oldest first: without a filter what waits for a decision or for delivery; --all lists the rest too.

    --json lists everything, as programs ask for. A terminal shows a line for each, shortened, or some lines where it is
    narrow; what is piped is whole.
    """
    waiting = not everything and not as_json and not is_filtered(query)
    asked = replace(query, states=_WAITING) if waiting else query

    async def work(store: "Store") -> tuple[Item, ...]:
        return await store.items(asked)

    items = with_store(config_path, work, as_json=as_json)
    if as_json:
        for item in items:
            options.print_json(custody_view.item_json(item))
    elif items:
        custody_view.print_items(items)
    else:
        nothing = "waits; --all lists what is over" if waiting else "matches" if is_filtered(query) else ""
        click.echo(" ".join(filter(None, ("Nothing in custody", nothing))) + ".")
    _say_if_more(len(items), query)


@command.command()
@options.config
@click.argument("item_id", metavar="ID")
@click.option("--preview", "with_preview", is_flag=True, help="Show the mail as each kind of recipient will see it.")
@options.as_json
def show(*, config_path: str | None, item_id: str, with_preview: bool, as_json: bool) -> None:
    """Show one item: why it is here, for whom, what would leave, and what was done with it.

    Rules are explained as the policy in force has them. The text of the mail is not shown, but with `--preview`: then
    header and text as insiders, outsiders and blind recipients will see them, what is changed in the header, and what
    the policy in force finds in it, and where. `export` writes the mail to a file.
    """

    async def work(store: "Store") -> dict[str, Any]:
        item = await one(store, item_id)
        try:
            copies = await store.copies(item.id)
        except KeyError:  # erased, its time was over
            copies = ()
        full = custody_view.item_in_full(item, await store.events(item.id), copies)
        full["explanations"] = custody_view.explained(item.reasons, policy)
        if with_preview and policy is not None and copies:
            full["findings"] = _findings(item, copies[0].content, policy)
            full["preview"] = list(preview.views(copies[0].content, custody_view.made(copies), policy))
        return full

    policy = _policy(config_path, needed=with_preview, as_json=as_json)
    shown = with_store(config_path, work, as_json=as_json)
    if as_json:
        options.print_json(shown)
    else:
        custody_view.print_item(shown)
        preview.show(shown.get("preview", ()))


def _policy(config_path: str | None, *, needed: bool, as_json: bool) -> "Policy | None":
    """Return the policy in force: it explains its rules, and says who is inside; None if wrong and not needed."""
    from dlp_gateway.errors import ConfigurationError
    from dlp_gateway.processes import policies

    with options.problems_shown(as_json=as_json):
        try:
            return policies.load(options.found_config(config_path))[1]
        except ConfigurationError:
            if needed:
                raise
            return None


def _findings(item: Item, content: bytes, policy: "Policy") -> list[dict[str, Any]]:
    """Return what the policy in force finds in a mail, without what is remembered of earlier ones."""
    from dlp_gateway.detect.base import Facts
    from dlp_gateway.inspection.examination import examine
    from dlp_gateway.mail.envelope import Envelope
    from dlp_gateway.mail.parse import parse
    from dlp_gateway.processes import policies

    envelope = Envelope(
        id=item.id,
        reverse_path=item.reverse_path,
        recipients=tuple(recipient.address for recipient in item.recipients),
        client="127.0.0.1",
        login="",
        body_8bit=True,
        smtputf8=True,
        received_at=item.created_at,
    )
    inspection, _ = examine(policies.recipe(policy), envelope, parse(content), Facts())
    return [asdict(finding) for finding in inspection.findings]


@command.command()
@options.config
@selection
@click.option(
    "--original",
    is_flag=True,
    help="Send it as the author wrote it, without the policy's rewrite; Bcc fields stay out.",
)
@_why
@_dry_run
@options.as_json
def release(
    *, config_path: str | None, chosen: Selection, original: bool, why: str, dry_run: bool, as_json: bool
) -> None:
    """Let mail go: the gateway delivers it within seconds, with its rewrite.

    Also tries again what the smarthost had refused, and what is in doubt. Releasing twice sends once. An ID may be cut
    short, to six characters or more, where no other begins so.

    \b
    Examples:
      dlp-gateway quarantine release ID --recipient bob@home.example
      dlp-gateway quarantine release --all --reason reply-all --newer-than 2h --dry-run
    """  # noqa: D301  a backspace is how click is told to leave lines as they are

    async def act(store: "Store", item: str, actor: str) -> int:
        return await store.release(
            item, actor=actor, reason=why, now=datetime.now(UTC), recipients=chosen.recipients, original=original
        )

    _carry_out("released", _RELEASABLE, act, chosen, config_path, dry_run=dry_run, as_json=as_json)


@command.command()
@options.config
@selection
@_why
@_dry_run
@options.as_json
def discard(*, config_path: str | None, chosen: Selection, why: str, dry_run: bool, as_json: bool) -> None:
    """Drop mail: it will never be sent. What is already on its way is not called back."""

    async def act(store: "Store", item: str, actor: str) -> int:
        return await store.discard(item, actor=actor, reason=why, now=datetime.now(UTC), recipients=chosen.recipients)

    _carry_out("discarded", _DISCARDABLE, act, chosen, config_path, dry_run=dry_run, as_json=as_json)


@command.command()
@options.config
@selection
@_why
@_dry_run
@options.as_json
def delivered(*, config_path: str | None, chosen: Selection, why: str, dry_run: bool, as_json: bool) -> None:
    """End a doubt: you saw in the smarthost's log that it has the mail, so it is not sent again."""

    async def act(store: "Store", item: str, actor: str) -> int:
        return await store.confirm(item, actor=actor, reason=why, now=datetime.now(UTC), recipients=chosen.recipients)

    _carry_out("delivered", _CONFIRMABLE, act, chosen, config_path, dry_run=dry_run, as_json=as_json)


@command.command()
@options.config
@click.argument("item_id", metavar="ID")
@click.option("--out", metavar="FILE", default="-", show_default=True, help="Where to write the message (RFC 5322).")
@click.option("--edited", is_flag=True, help="As it would leave, with the policy's rewrite, instead of as it came.")
@click.option("--recipient", metavar="ADDRESS", default="", help="With --edited: whose copy, of a mail that is split.")
def export(*, config_path: str | None, item_id: str, out: str, edited: bool, recipient: str) -> None:
    """Write one message to a file that only you can read, or to standard output.

    It holds the full text, so treat the file as what the rules meant to protect. A file that exists is not overwritten,
    and a terminal gets nothing: the message may hold control characters.
    """
    printed = streams.standard_output() if out == streams.STANDARD else None

    async def work(store: "Store") -> bytes:
        item = await one(store, item_id)
        try:
            if not edited:
                return await store.content(item.id)
            copies = await store.copies(item.id)
        except KeyError:
            copies = ()
        if not copies:
            raise click.ClickException(f"{item.id}: its content was erased when its time was over.")
        return deposits.outgoing(_copy_of(copies, recipient))

    content = with_store(config_path, work)
    if printed is not None:
        printed.write(content)
    else:
        streams.write_bytes(out, content)


def _copy_of(copies: "tuple[Claim, ...]", recipient: str) -> "Claim":
    """Return the copy that a recipient gets, or the only one; a usage error if there is none or no telling which."""
    found = [copy for copy in copies if not recipient or recipient in {one.address for one in copy.recipients}]
    if not found:
        raise click.UsageError("It is for nobody of that address; see `quarantine show`.")
    if len(found) > 1:
        raise click.UsageError(f"It is split into {len(found)} copies; say whose you want with --recipient.")
    return found[0]


def _carry_out(
    word: str,
    states: frozenset[State],
    act: "Callable[[Store, str, str], Awaitable[int]]",
    chosen: Selection,
    config_path: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Do it to the chosen items, or only say what would be done, and end with the exit status."""

    async def work(store: "Store") -> list[_Done]:
        return await _change(store, chosen, states, None if dry_run else act)

    _tell(word, with_store(config_path, work, as_json=as_json), chosen, dry_run=dry_run, as_json=as_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """How many recipients of an item changed, and why none did, or not all who were named: a sentence's middle."""

    item: str
    count: int = 0
    problem: str = ""


async def _change(
    store: "Store",
    chosen: Selection,
    states: frozenset[State],
    act: "Callable[[Store, str, str], Awaitable[int]] | None",
) -> list[_Done]:
    """Act on each item, or only count; those whom nothing names come first."""
    from quarantine.audit import operating_system_actor

    done: list[_Done] = []
    ids: dict[str, None] = {}
    for given in dict.fromkeys(chosen.ids):
        try:
            ids[await meant(store, given)] = None
        except NotMeantError as error:
            done.append(_Done(item=given, problem=str(error)))
    if chosen.ids and not ids:
        return done
    actor = operating_system_actor()
    for item in await store.items(replace(chosen.query, ids=tuple(ids))):
        count = await act(store, item.id, actor) if act else chosen.count(item, states)
        untold = chosen.untold(item) if chosen.ids or not count else ()
        problem = f"it is not for {', '.join(untold)}" if untold else ""
        if not count and not problem:
            problem = custody_view.standing(await store.events(item.id), chosen.recipients)
        done.append(_Done(item=item.id, count=count, problem=problem))
    return done


def _tell(word: str, done: list[_Done], chosen: Selection, *, dry_run: bool, as_json: bool) -> None:
    """Say what came of each item, and exit 1 if nothing matches, or if any could not be done as it was said."""
    for one_ in done:
        if as_json:
            why = {"problem": one_.problem} if one_.problem else {}
            options.print_json({"id": one_.item, "action": word, "recipients": one_.count, "dry_run": dry_run, **why})
            continue
        if one_.count:
            would = "would be " if dry_run else ""
            click.echo(f"{one_.item}: {would}{word} for {one_.count} recipient{'s' if one_.count != 1 else ''}")
        if one_.problem:
            nothing = "" if one_.count else f"nothing to be {word}: "
            click.echo(printable(f"{one_.item}: {nothing}{one_.problem}.", 1000), err=True)
    if not done and not as_json:
        click.echo("Nothing matches.", err=True)
    _say_if_more(len(done), chosen.query)
    sys.exit(0 if done and all(one_.count and not one_.problem for one_ in done) else 1)


def _say_if_more(count: int, query: Query) -> None:
    if count >= query.limit:
        click.echo(f"These are the oldest {query.limit}; there may be more (--limit).", err=True)
