"""What the gateway puts into custody: held, delayed and split mail, deferred recipients, DSNs. Pure."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dlp_gateway.mail import dsn
from dlp_gateway.mail.edit import AddTrace, Edit, Edited, RemoveBcc, apply, edited, from_json, to_json
from dlp_gateway.mail.envelope import NOTHING_ASKED, DsnRequest, Envelope, Notify, RecipientRequest, Ret, new_id
from dlp_gateway.mail.header import body_start
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import decode_field, parse
from dlp_gateway.mail.reference import own_id
from dlp_gateway.mail.reply import printable
from dlp_gateway.policy.verdict import Copy
from quarantine.model import Claim, CopyDeposit, Deposit, State

#: The reason under which reviewers find our own DSNs.
DSN: Final = "dsn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """What a later mail transaction must know of the first: kept as a copy's `options`.

    `dsn` is what was asked about DSNs for the copy's recipients. `returnable`: a DSN of ours may bring the whole mail
    back to the reverse-path, since who reads that is inside.
    """

    body_8bit: bool
    smtputf8: bool
    dsn: DsnRequest = NOTHING_ASKED
    returnable: bool = False

    def to_json(self) -> str:
        """Return the text that custody keeps."""
        asked = {
            address: {"notify": None if one.notify is None else str(one.notify), "original": one.original}
            for address, one in self.dsn.recipients.items()
        }
        return json.dumps(
            {
                "body_8bit": self.body_8bit,
                "smtputf8": self.smtputf8,
                "ret": self.dsn.ret,
                "envelope_id": self.dsn.envelope_id,
                "recipients": asked,
                "returnable": self.returnable,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Transport":
        """Read what `to_json` wrote; checked again, since it comes back from a disk. Raises ValueError.

        Rows from before DSNs could be asked for have the first two values only.
        """
        match json.loads(text):
            case {"body_8bit": bool(body_8bit), "smtputf8": bool(smtputf8), **rest}:
                return cls(
                    body_8bit=body_8bit,
                    smtputf8=smtputf8,
                    dsn=_asked(rest) if rest else NOTHING_ASKED,
                    returnable=rest.get("returnable") is True,
                )
        raise _foreign()


def _asked(values: dict[object, object]) -> DsnRequest:
    match values:
        case {"ret": str() | None as ret, "envelope_id": str(envelope_id), "recipients": dict(recipients)}:
            return DsnRequest(
                ret=None if ret is None else Ret(ret),
                envelope_id=envelope_id,
                recipients={address: _asked_for_one(one) for address, one in recipients.items()},
            )
    raise _foreign()


def _asked_for_one(value: object) -> RecipientRequest:
    match value:
        case {"notify": None, "original": str(original)}:
            return RecipientRequest(original=original)
        case {"notify": str(written), "original": str(original)} if (notify := Notify.read(written)) is not None:
            return RecipientRequest(notify=notify, original=original)
    raise _foreign()


def _foreign() -> ValueError:
    return ValueError("custody returned transport options that the gateway did not write")


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
    returnable: bool,
) -> Deposit:
    """Return the deposit of a message for all its recipients: HELD for a reviewer, or DUE now or at a later time.

    `returnable` as in `Transport`.
    """
    return _deposit(
        envelope,
        message,
        copies,
        item=envelope.id,
        state=state,
        reasons=reasons,
        due_at=due_at,
        expires_at=expires_at,
        returnable=returnable,
    )


def deferred(
    envelope: Envelope,
    message: Message,
    edits: tuple[Edit, ...],
    *,
    recipients: tuple[str, ...],
    due_at: datetime,
    returnable: bool,
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
        returnable=returnable,
    )


def outgoing(claim: Claim) -> bytes:
    """Return a copy as it leaves: with the edits kept beside it.

    An original that a reviewer asked for by name loses its Bcc fields, which would tell who else got it (RFC 5322
    3.6.3), and has our trace field all the same, which ends loops (RFC 5321 6.3).
    """
    return bytes(leaving(claim))


def leaving(claim: Claim) -> Edited:
    """Do what `outgoing` does, without a copy of the body unless that is touched."""
    return edited(claim.content, _edits(claim))


def outgoing_header(claim: Claim) -> bytes:
    """Return the header section of a copy as it leaves, blank line included, without touching its body."""
    return apply(claim.content[: body_start(claim.content)], _edits(claim))


def _edits(claim: Claim) -> tuple[Edit, ...]:
    edits = from_json(claim.edits)
    return tuple(edit for edit in edits if isinstance(edit, AddTrace | RemoveBcc)) if claim.original else edits


def notification(
    original: dsn.Original,
    reports: tuple[dsn.Report, ...],
    *,
    hostname: str,
    now: datetime,
    due_at: datetime,
    explanation: dsn.Explanation | None = None,
) -> Deposit | None:
    """Return the deposit of a DSN that tells the author what became of his recipients.

    None for a null reverse-path: a DSN is never answered by a DSN (RFC 5321 4.5.5). None too where no field can hold
    the author's address or the names of the hosts; the others get their mail all the same.
    """
    if not original.reverse_path or not reports:
        return None
    item = new_id()
    try:
        content = dsn.compose(
            original,
            reports,
            hostname=hostname,
            postmaster=f"postmaster@{hostname}",
            moment=now,
            message_id=f"{item}@{hostname}",
            explanation=explanation,
        )
    except ValueError:
        return None
    transport = Transport(
        body_8bit=not content.isascii(),
        smtputf8=not all(map(str.isascii, (original.reverse_path, *(one.recipient for one in reports)))),
        # RFC 3461 6.1: nobody is told what becomes of a DSN.
        dsn=DsnRequest(recipients={original.reverse_path: RecipientRequest(notify=Notify.NEVER)}),
    )
    return Deposit(
        id=item,
        content=content,
        subject=subject_of(parse(content)),
        reverse_path="",
        reasons=(DSN,),
        group="",
        created_at=now,
        expires_at=None,
        copies=(
            CopyDeposit(
                reverse_path="",
                recipients=(original.reverse_path,),
                edits=to_json(()),
                options=transport.to_json(),
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
    returnable: bool,
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
                options=Transport(
                    body_8bit=envelope.body_8bit,
                    smtputf8=envelope.smtputf8,
                    dsn=envelope.dsn.only(copy.recipients),
                    returnable=returnable,
                ).to_json(),
                state=state,
                due_at=due_at,
            )
            for copy in copies
        ),
    )
