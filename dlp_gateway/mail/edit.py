"""Edits of header bytes: pure values, `bytes → bytes`, kept beside the original in custody; the body is never touched."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTrace:
    """Put one trace field (complete, with final CRLF) on top of the header section."""

    field: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveBcc:
    """Take out every Bcc and Resent-Bcc field; they leave no mail at all (RFC 5322 3.6.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRecipients:
    """Take every address of `hidden` (canonical, see `mail.address.canonical`) out of all recipient fields.

    Insiders stay. If no recipient remains in `To`, it becomes `to` (an addr-spec, re-serialised) or, if `to` is "",
    `undisclosed-recipients:;`.
    """

    hidden: tuple[str, ...]
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveSignatures:
    """Take out the DKIM-Signature (and ARC) fields that a change of recipient fields breaks (RFC 6376 3.7, `h=`)."""


Edit = AddTrace | RemoveBcc | PruneRecipients | RemoveSignatures
