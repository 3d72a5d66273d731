"""Between values and rows: seals deposits into rows, and opens rows into items, recipients and claims."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

from sqlalchemy import Row

from quarantine.contents import LARGE
from quarantine.crypto import SCHEMA, DamagedError, MessageKey, Opener, Sealer
from quarantine.model import (
    DEPOSITOR,
    Claim,
    Deposit,
    Event,
    Item,
    Recipient,
    State,
    first_expiry,
    most_urgent,
    require_sound,
)
from quarantine.store import StoreError

Rows: TypeAlias = list[dict[str, Any]]

#: Opens a sealed text of one item, which is called by its name; "" if there is none any more.
Reader: TypeAlias = Callable[[str, bytes | None], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRows:
    """What a take writes, by table."""

    payloads: Rows = field(default_factory=list)
    copies: Rows = field(default_factory=list)
    recipients: Rows = field(default_factory=list)
    events: Rows = field(default_factory=list)


def sealed_rows(deposits: Iterable[Deposit], sealer: Sealer) -> SealedRows:
    """Seal deposits; raises ValueError for one that has no recipients, or a state that nothing is taken in with."""
    rows = SealedRows()
    for deposit in deposits:
        require_sound(deposit)
        _seal(deposit, sealer, rows)
    return rows


def _seal(deposit: Deposit, sealer: Sealer, rows: SealedRows) -> None:
    key, sealed_key = sealer.new_key(deposit.id)
    index = sealer.public.address_index
    rows.payloads.append(
        {
            "id": deposit.id,
            "schema": SCHEMA,
            "key_id": sealer.public.id,
            "size": len(deposit.content),
            "reasons": written_reasons(deposit.reasons),
            "group_index": sealer.public.index("group", deposit.group) if deposit.group else b"",
            "reverse_path_index": index(deposit.reverse_path),
            "created_at": deposit.created_at,
            "expires_at": deposit.expires_at,
            "sealed_key": sealed_key,
            "subject": key.seal_text("subject", deposit.subject),
            "reverse_path": key.seal_text("reverse_path", deposit.reverse_path),
            "content": (key.seal if len(deposit.content) < LARGE else key.seal_in_pieces)("content", deposit.content),
        }
    )
    taken = 0
    for copy_number, copy in enumerate(deposit.copies, 1):
        rows.copies.append(
            {
                "item": deposit.id,
                "number": copy_number,
                "reverse_path": key.seal_text("reverse_path", copy.reverse_path),
                "edits": key.seal_text("edits", copy.edits),
                "options": key.seal_text("options", copy.options),
            }
        )
        for number, address in enumerate(copy.recipients, taken + 1):
            rows.recipients.append(
                {
                    "item": deposit.id,
                    "number": number,
                    "copy": copy_number,
                    "address": key.seal_text("address", address),
                    "address_index": index(address),
                    "state": copy.state,
                    "original": False,
                    "attempts": 0,
                    "due_at": copy.due_at,
                    "due_since": deposit.created_at,
                    "changed_at": deposit.created_at,
                    "handing_over": False,
                    "told_of_delay": False,
                }
            )
            rows.events.append(
                {
                    "item": deposit.id,
                    "recipient": number,
                    "at": deposit.created_at,
                    "actor": DEPOSITOR,
                    "before": None,
                    "after": copy.state,
                    "reason": None,
                }
            )
        taken += len(copy.recipients)


def written_reasons(reasons: tuple[str, ...]) -> str:
    """Return rule ids as they are stored, each between line feeds, so that one can be searched for whole."""
    return "\n" + "".join(f"{reason}\n" for reason in reasons)


def read_reasons(written: str) -> tuple[str, ...]:
    """Return what `written_reasons` wrote."""
    return tuple(written.split("\n")[1:-1])


def item_key(payload: Row[Any], opener: Opener) -> MessageKey | None:
    """Return the key of an item, or None if it was erased; raises `StoreError` if it is not ours to open."""
    if payload.sealed_key is None:
        return None
    if payload.schema > SCHEMA:
        raise StoreError("a message was sealed by a newer version of the gateway; install that version")
    if payload.key_id != opener.public.id:
        raise DamagedError("a message was sealed to another key than the custody's")
    return opener.key(payload.id, payload.sealed_key)


def reader(key: MessageKey | None) -> Reader:
    """Return what opens the texts of an item with its key, None if there is none any more; it raises `DamagedError`."""
    return partial(_opened, key)


def _opened(key: MessageKey | None, name: str, sealed: bytes | None) -> str:
    return "" if key is None or sealed is None else key.open_text(name, sealed)


def _lenient_reader(payload: Row[Any], opener: Opener) -> Reader:
    """Return what opens the texts of an item as far as that can be done, and is "" for the others."""
    try:
        key = item_key(payload, opener)
    except DamagedError:
        key = None
    return partial(_legible, key)


def _legible(key: MessageKey | None, name: str, sealed: bytes | None) -> str:
    try:
        return _opened(key, name, sealed)
    except DamagedError:
        return ""


def reply(row: Row[Any], opener: Opener) -> str:
    """Return the next hop's last word on a recipient, or ""; a damaged one is not worth losing the rest."""
    return _text(row.item, "reply", row.reply, opener)


def _text(item_id: str, name: str, sealed: bytes | None, opener: Opener) -> str:
    try:
        return opener.open_text(item_id, name, sealed)
    except DamagedError:
        return ""


def recipient(row: Row[Any], read: Reader, opener: Opener) -> Recipient:
    """Open one recipient."""
    return Recipient(
        id=row.number,
        copy=row.copy,
        address=read("address", row.address),
        state=State(row.state),
        attempts=row.attempts,
        due_at=row.due_at,
        reply=reply(row, opener),
        due_since=row.due_since,
        told_of_delay=row.told_of_delay,
    )


def item(payload: Row[Any], recipients: Sequence[Row[Any]], opener: Opener) -> Item:
    """Open one item; a damaged one is shown without its texts, so that the others can still be seen."""
    try:
        return _item(payload, recipients, reader(item_key(payload, opener)), opener)
    except DamagedError:
        return _item(payload, recipients, reader(None), opener)


def _item(payload: Row[Any], recipients: Sequence[Row[Any]], read: Reader, opener: Opener) -> Item:
    return Item(
        id=payload.id,
        state=most_urgent(State(row.state) for row in recipients),
        reverse_path=read("reverse_path", payload.reverse_path),
        subject=read("subject", payload.subject),
        size=payload.size,
        reasons=read_reasons(payload.reasons),
        group=payload.group_index.hex(),
        created_at=payload.created_at,
        expires_at=first_expiry(payload.expires_at, [(State(row.state), row.changed_at) for row in recipients]),
        recipients=tuple(recipient(row, read, opener) for row in recipients),
    )


def claim(
    payload: Row[Any],
    copy: Row[Any],
    recipients: Sequence[Row[Any]],
    read: Reader,
    opener: Opener,
    *,
    content: bytes,
    original: bool,
    owner: str,
    until: datetime,
) -> Claim:
    """Open one copy for delivery, with the payload's content as it is open; raises what `read` raises."""
    return Claim(
        item=payload.id,
        copy=copy.number,
        reverse_path=read("reverse_path", copy.reverse_path),
        edits=read("edits", copy.edits),
        original=original,
        options=read("options", copy.options),
        content=content,
        created_at=payload.created_at,
        recipients=tuple(recipient(row, read, opener) for row in recipients),
        owner=owner,
        until=until,
    )


def damaged_claim(
    payload: Row[Any],
    copy: Row[Any],
    recipients: Sequence[Row[Any]],
    opener: Opener,
    *,
    original: bool,
    owner: str,
    until: datetime,
) -> Claim:
    """Open what can be opened of a copy that `claim` cannot open."""
    read = _lenient_reader(payload, opener)
    opened = claim(payload, copy, recipients, read, opener, content=b"", original=original, owner=owner, until=until)
    return replace(opened, damaged=True)


def events(found: Sequence[Row[Any]], opener: Opener) -> tuple[Event, ...]:
    """Open one item's events."""
    if not found:
        return ()
    read = _lenient_reader(found[0], opener)
    return tuple(
        Event(
            at=row.at,
            actor=row.actor,
            item=row.id,
            recipient=read("address", row.address),
            before=None if row.before is None else State(row.before),
            after=State(row.after),
            reason=_text(row.id, "reason", row.reason, opener),
        )
        for row in found
    )
