"""Between entries and rows: seals an entry under the journal's key, and opens rows into entries."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from sqlalchemy import Row

from dlp_gateway.detect.redistribution import OUTSIDERS as PASSED_ON
from dlp_gateway.journal.sealing import JournalKey
from dlp_gateway.ledger import Account
from dlp_gateway.mail.address import canonical
from dlp_gateway.mail.reply import printable
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import Entry, Passage
from quarantine.crypto import MessageKey, PublicKey

Rows: TypeAlias = list[dict[str, Any]]

#: Addresses whose digests are kept: most people write and are written to again.
_KEPT: Final = 65_536

#: Outcomes of a recipient whose copy left, or is about to: those of a split mail lie in custody and are due.
LEFT: Final = ("forwarded", "custody")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedEntry:
    """The rows of one entry."""

    entry: dict[str, Any]
    passages: Rows


def sealed(entry: Entry, number: int, key: JournalKey, public: PublicKey) -> SealedEntry:
    """Seal an entry; `number` tells two entries of one message apart."""
    name = f"{entry.id}.{number}"
    lists = {shown: place for place, shown in enumerate(dict.fromkeys(passage.shown for passage in entry.passages))}
    texts = {
        "message_id": entry.message_id,
        "reverse_path": entry.reverse_path,
        "client": entry.client,
        "login": entry.login,
        "shown": list(lists),
        "owner": entry.owner,
    }
    return SealedEntry(
        entry={
            "id": name,
            "message": entry.id,
            "key": key.id,
            "received_at": entry.received_at,
            "disposition": entry.disposition.label,
            "reasons": written_rules(entry.reasons),
            "observed": written_rules(entry.observed),
            "findings": _written_counts(entry.findings),
            "measured": _written_counts(entry.measured),
            "message_id_index": message_id_index(public, entry.message_id),
            "reverse_path_index": address_index(public, entry.reverse_path),
            "sealed": key.key.seal_text(f"{name} entry", json.dumps(texts)),
            "hidden": entry.hidden,
            "language": entry.language,
            "automatic": entry.automatic,
            "untold": _is_news(entry),
            "told": "",
        },
        passages=[
            {
                "entry": name,
                "number": place,
                "recipient_index": address_index(public, passage.recipient),
                "outcome": passage.outcome,
                "shown": lists[passage.shown],
                "sealed": key.key.seal_text(
                    f"{name} passage {place}", json.dumps([passage.recipient, printable(passage.reply)])
                ),
            }
            for place, passage in enumerate(entry.passages)
        ],
    )


def opened(row: Row[Any], passages: Sequence[Row[Any]], key: MessageKey) -> Entry:
    """Open one entry; raises `DamagedError`."""
    texts = json.loads(key.open_text(f"{row.id} entry", row.sealed))
    shown = [tuple(addresses) for addresses in texts["shown"]]
    return Entry(
        id=row.message,
        message_id=texts["message_id"],
        received_at=row.received_at,
        reverse_path=texts["reverse_path"],
        client=texts["client"],
        login=texts["login"],
        disposition=Disposition[row.disposition.upper()],
        reasons=tuple(row.reasons.split("\n")[1:-1]),
        observed=tuple(row.observed.split("\n")[1:-1]),
        findings=tuple((kind, count) for kind, count in json.loads(row.findings)),
        passages=tuple(_passage(passage, shown, key) for passage in passages),
        hidden=row.hidden,
        language=row.language,
        automatic=row.automatic,
        owner=texts.get("owner", ""),
        measured=tuple(tuple(counts) for counts in json.loads(row.measured or "[]")),
    )


def opened_account(row: Row[Any], key: MessageKey, public: PublicKey) -> Account:
    """Open what a notice needs of one entry, `row.people` recipients strong; raises `DamagedError`."""
    texts = json.loads(key.open_text(f"{row.id} entry", row.sealed))
    owner = texts.get("owner", "")
    return Account(
        entry=row.id,
        id=row.message,
        author=texts["reverse_path"],
        # An address has two lives: whoever owns it may also write, and is told of both as often as anybody.
        whom=public.index("owner", canonical(owner)) if owner else row.reverse_path_index,
        message_id=texts["message_id"],
        received_at=row.received_at,
        disposition=Disposition[row.disposition.upper()],
        reasons=tuple(row.reasons.split("\n")[1:-1]),
        recipients=row.people,
        hidden=row.hidden,
        language=row.language,
        automatic=row.automatic,
        told=row.told,
        owner=owner,
        passed_on=dict(json.loads(row.findings)).get(PASSED_ON, 0),
    )


def _is_news(entry: Entry) -> bool:
    """Tell whether an author will want to know: his mail is on its way, and custody's log does not tell of it."""
    return entry.disposition is Disposition.REWRITE and any(one.outcome in LEFT for one in entry.passages)


def _passage(row: Row[Any], shown: list[tuple[str, ...]], key: MessageKey) -> Passage:
    recipient, reply = json.loads(key.open_text(f"{row.entry} passage {row.number}", row.sealed))
    return Passage(recipient=recipient, shown=shown[row.shown], outcome=row.outcome, reply=reply)


def written_rules(rules: tuple[str, ...]) -> str:
    """Return rule ids as they are stored, each between line feeds, so that one can be searched for whole."""
    return "\n" + "".join([f"{rule}\n" for rule in rules])


@lru_cache(maxsize=1024)  # there are few kinds, and most mails have few of them
def _written_counts(counts: tuple[tuple[str | int, ...], ...]) -> str:
    return json.dumps(counts)


@lru_cache(maxsize=_KEPT)
def address_index(public: PublicKey, address: str) -> bytes:
    """Return the digest by which an address is found, however it is written."""
    return public.address_index(canonical(address))


def message_id_index(public: PublicKey, message_id: str) -> bytes:
    """Return the digest by which a message is found; b"" if it has no Message-ID."""
    return public.index("message-id", message_id) if message_id else b""
