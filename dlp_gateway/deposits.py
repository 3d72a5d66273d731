"""What the gateway puts into custody: held, delayed and split mail, deferred recipients, DSNs. Pure."""

import json
from dataclasses import dataclass
from datetime import datetime

from dlp_gateway.mail import dsn
from dlp_gateway.mail.edit import AddTrace, Edit, RemoveBcc, apply, from_json, to_json
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.header import body_start
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import decode_field
from dlp_gateway.mail.reference import own_id
from dlp_gateway.mail.reply import Reply, printable
from dlp_gateway.policy.verdict import Copy
from quarantine.model import Claim, CopyDeposit, Deposit, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """What a later mail transaction must know of the first: kept as a copy's `options`."""

    body_8bit: bool
    smtputf8: bool

    def to_json(self) -> str:
        """Return the text that custody keeps."""
        return json.dumps({"body_8bit": self.body_8bit, "smtputf8": self.smtputf8})

    @classmethod
    def from_json(cls, text: str) -> "Transport":
        """Read what `to_json` wrote; checked again, since it comes back from a disk. Raises ValueError."""
        values = json.loads(text)
        match values:
            case {"body_8bit": bool(body_8bit), "smtputf8": bool(smtputf8)}:
                return cls(body_8bit=body_8bit, smtputf8=smtputf8)
        raise ValueError("custody returned transport options that the gateway did not write")


def subject_of(message: Message) -> str:
    """Return the decoded subject, printable and cut, or ""."""
    for field in message.named("Subject"):
        return printable(decode_field(field.body), 300)
    return ""


def whole(
    envelope: Envelope,
    message: Message,
    copies: tuple[Copy, ...],
    *,
    state: State,
    reasons: tuple[str, ...],
    due_at: datetime,
    expires_at: datetime | None,
) -> Deposit:
    """Return the deposit of a message for all its recipients: HELD for a reviewer, or DUE now or at a later time."""
    return _deposit(
        envelope,
        message,
        copies,
        item=envelope.id,
        state=state,
        reasons=reasons,
        due_at=due_at,
        expires_at=expires_at,
    )


def deferred(
    envelope: Envelope, message: Message, edits: tuple[Edit, ...], *, recipients: tuple[str, ...], due_at: datetime
) -> Deposit:
    """Return the deposit for recipients that the smarthost could not take now while it took others."""
    return _deposit(
        envelope,
        message,
        (Copy(recipients=recipients, edits=edits),),
        item=envelope.id,
        state=State.DUE,
        reasons=("deferred-by-smarthost",),
        due_at=due_at,
        expires_at=None,
    )


def outgoing(claim: Claim) -> bytes:
    """Return a copy as it leaves: with the edits kept beside it.

    An original that a reviewer asked for by name loses its Bcc fields, which would tell who else got it (RFC 5322
    3.6.3), and has our trace field all the same, which ends loops (RFC 5321 6.3).
    """
    return apply(claim.content, _edits(claim))


def outgoing_header(claim: Claim) -> bytes:
    """Return the header section of a copy as it leaves, blank line included, without touching its body."""
    return apply(claim.content[: body_start(claim.content)], _edits(claim))


def _edits(claim: Claim) -> tuple[Edit, ...]:
    edits = from_json(claim.edits)
    return tuple(edit for edit in edits if isinstance(edit, AddTrace | RemoveBcc)) if claim.original else edits


def undeliverable(
    *,
    reverse_path: str,
    content: bytes,
    failures: tuple[tuple[str, Reply], ...],
    hostname: str,
    smarthost: str,
    smtputf8: bool,
    now: datetime,
    due_at: datetime,
) -> Deposit | None:
    """Return the deposit of a DSN that tells the author whom his mail did not reach.

    None for a null reverse-path: a DSN is never answered by a DSN (RFC 5321 4.5.5). None too where no field can hold
    the author's address or the names of the hosts; the others get their mail all the same. `content` is the mail as it
    came from its author; `smarthost` is the name of the next hop that refused.
    """
    if not reverse_path:
        return None
    item = new_id()
    try:
        report = dsn.failed(
            original=content,
            reverse_path=reverse_path,
            failures=tuple(dsn.Failed(recipient=recipient, reply=reply) for recipient, reply in failures),
            hostname=hostname,
            postmaster=f"postmaster@{hostname}",
            moment=now,
            message_id=f"{item}@{hostname}",
            smarthost=smarthost,
        )
    except ValueError:
        return None
    return Deposit(
        id=item,
        content=report,
        subject="Undelivered mail",
        reverse_path="",
        reasons=("dsn",),
        group="",
        created_at=now,
        expires_at=None,
        copies=(
            CopyDeposit(
                reverse_path="",
                recipients=(reverse_path,),
                edits=to_json(()),
                options=Transport(body_8bit=not report.isascii(), smtputf8=smtputf8).to_json(),
                state=State.DUE,
                due_at=due_at,
            ),
        ),
    )


def _deposit(
    envelope: Envelope,
    message: Message,
    copies: tuple[Copy, ...],
    *,
    item: str,
    state: State,
    reasons: tuple[str, ...],
    due_at: datetime,
    expires_at: datetime | None,
) -> Deposit:
    return Deposit(
        id=item,
        content=message.raw,
        subject=subject_of(message),
        reverse_path=envelope.reverse_path,
        reasons=reasons,
        group=own_id(message),
        created_at=envelope.received_at,
        expires_at=expires_at,
        copies=tuple(
            CopyDeposit(
                reverse_path=envelope.reverse_path,
                recipients=copy.recipients,
                edits=to_json(copy.edits),
                options=Transport(body_8bit=envelope.body_8bit, smtputf8=envelope.smtputf8).to_json(),
                state=state,
                due_at=due_at,
            )
            for copy in copies
        ),
    )
