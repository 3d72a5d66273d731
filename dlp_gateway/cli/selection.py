"""Which items in custody a command is about: options for IDs and filters, and custody opened for a reviewer."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from dlp_gateway import notation
from dlp_gateway.cli import options
from dlp_gateway.errors import EX_CONFIG
from dlp_gateway.mail.reply import printable
from quarantine.model import Item, Query, State
from quarantine.store import StoreError, StoreKeyError

if TYPE_CHECKING:
    from quarantine.store import Store

_T = TypeVar("_T")
_BEGINNING: Final = 6  # characters of an id that are enough, if no other begins so


def _age(_context: click.Context, _option: click.Parameter, value: str | None) -> timedelta | None:
    """Return how long ago, such as 2h or 3d."""
    try:
        return None if value is None else notation.duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


_FILTERS: Final = (
    click.option(
        "--state",
        "states",
        type=click.Choice([state.value for state in State]),
        multiple=True,
        help="Recipients in this state; repeat.",
    ),
    click.option("--address", metavar="ADDRESS", default="", help="The reverse-path or a recipient."),
    click.option("--reason", metavar="RULE", default="", help="Kept because of this rule."),
    click.option("--older-than", metavar="AGE", callback=_age, help="Came in before this long ago, such as 2h or 3d."),
    click.option("--newer-than", metavar="AGE", callback=_age, help="Came in within this time, such as 2h or 3d."),
    click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="At most so many."),
)

_SELECTION: Final = (
    click.argument("ids", metavar="[ID]...", nargs=-1),
    click.option("--all", "everything", is_flag=True, help="Every item that the filters match, instead of IDs."),
    click.option("--recipient", "recipients", metavar="ADDRESS", multiple=True, help="Only this recipient; repeat."),
)


class NotMeantError(Exception):
    """What was written tells no item, or several; the text says which, without its full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The items of a `query`, and in them the `recipients` named, or all if none is."""

    query: Query
    recipients: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The IDs that were named."""
        return self.query.ids

    def untold(self, item: Item) -> tuple[str, ...]:
        """Return the recipients who were named and are none of the item's."""
        theirs = {one.address.casefold() for one in item.recipients}
        return tuple(address for address in self.recipients if address.casefold() not in theirs)

    def count(self, item: Item, states: frozenset[State]) -> int:
        """Return how many of the item's recipients are meant and in one of these states."""
        named = {address.casefold() for address in self.recipients}
        return sum(one.state in states and (not named or one.address.casefold() in named) for one in item.recipients)


def filters(function: options.Command) -> options.Command:
    """Add the options that filter items; the command gets them as `query`."""

    @wraps(function)
    def called(
        *,
        states: tuple[State, ...],
        address: str,
        reason: str,
        older_than: timedelta | None,
        newer_than: timedelta | None,
        limit: int,
        **others: Any,  # noqa: ANN401  the command's own options
    ) -> None:
        now = datetime.now(UTC)
        query = Query(
            states=frozenset(State(word) for word in states),
            address=address,
            reason=reason,
            created_before=now - older_than if older_than else None,
            created_after=now - newer_than if newer_than else None,
            limit=limit,
        )
        function(query=query, **others)

    return _with_options(called, _FILTERS)


def selection(function: options.Command) -> options.Command:
    """Add IDs, `--all` with filters, and `--recipient`; the command gets them as `chosen`."""

    @wraps(function)
    def called(
        *,
        ids: tuple[str, ...],
        everything: bool,
        recipients: tuple[str, ...],
        query: Query,
        **others: Any,  # noqa: ANN401  the command's own options
    ) -> None:
        if bool(ids) == everything:
            raise click.UsageError("Name the items, or write --all with filters (see `quarantine list`).")
        if everything and not is_filtered(query):
            raise click.UsageError("--all needs at least one filter, such as --state held or --reason RULE.")
        function(chosen=Selection(query=replace(query, ids=ids), recipients=recipients), **others)

    return _with_options(filters(called), _SELECTION)


def _with_options(
    function: options.Command, added: tuple[Callable[[options.Command], options.Command], ...]
) -> options.Command:
    for option in reversed(added):
        function = option(function)
    return function


def is_filtered(query: Query) -> bool:
    """Tell whether anything but the limit narrows the query."""
    return replace(query, limit=1) != Query(limit=1)


async def meant(store: "Store", given: str) -> str:
    """Return the id that somebody wrote, its beginning perhaps; raises `NotMeantError`.

    Ids are in small letters; who copies one brings blanks along.
    """
    beginning = given.strip().lower()
    found = await store.ids(beginning, limit=2) if beginning else ()
    if beginning in found:
        return beginning
    if not found or len(beginning) < _BEGINNING:
        raise NotMeantError("no such item in custody")
    if len(found) > 1:
        raise NotMeantError("several items begin so; write more of it")
    return found[0]


async def one(store: "Store", given: str) -> Item:
    """Return the item, or end with a sentence."""
    try:
        items = await store.items(Query(ids=(await meant(store, given),)))
    except NotMeantError as error:
        raise click.ClickException(f"{printable(given)}: {error}.") from error
    if not items:
        raise click.ClickException(f"{printable(given)}: no such item in custody.")
    return items[0]


def with_store(config_path: str | None, work: "Callable[[Store], Awaitable[_T]]", *, as_json: bool = False) -> _T:
    """Open custody with the private key, do the work, close it; problems end with 78, unusable custody with 69."""
    with options.problems_shown(as_json=as_json):
        settings = options.loaded(config_path)

    async def opened() -> _T:
        from dlp_gateway.processes import review

        store = await review.custody(settings)
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
