"""Who is told of mail that was stopped, changed or decided about, in which language, and how often."""

from datetime import timedelta
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Discriminator, Field, Tag

from dlp_gateway.document import Model
from dlp_gateway.mail.address import serialise
from dlp_gateway.notation import Duration, lasting
from dlp_gateway.policy.patterns import DomainPattern, Line

Language = Literal["en", "de", "fr", "nl", "es", "it"]
Kind = Literal["held", "rewritten", "released", "discarded", "expired", "delayed"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


def _mailbox(value: str) -> str:
    if not value.isascii() or serialise(value) is None:
        raise ValueError("A mail address is needed here, such as security@corp.example.")
    return value


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class NoticeLimit(Model):
    """How many notices an hour; what is over it is counted, and told in one summary when the hour is over."""

    each: int = Field(default=20, ge=1, le=1_000, description="Notices to one address, and urgent ones to reviewers.")
    together: int = Field(default=1_000, ge=1, le=100_000, description="Notices to all together.")


class Notices(Model):
    """What authors, owners of group addresses and reviewers are told by mail. Only people inside are told anything."""

    authors: Annotated[
        Annotated[Literal["on", "off"], Tag("word")] | Annotated[tuple[Kind, ...], Field(min_length=1), Tag("list")],
        Discriminator(lambda value: "word" if isinstance(value, str) else "list"),
    ] = Field(
        default="on",
        description="Whether authors are told, and owners of addresses that pass on mail of outsiders: `on`, `off`, or "
        "of which of held, rewritten, released, discarded, expired and delayed.",
    )
    sender: Mailbox | None = Field(
        default=None, description="The address in From; left out: postmaster at our own host name."
    )
    contact: Line = Field(
        default="",
        max_length=200,
        description="Whom authors may ask: a name, an address, a link; left out: the sender.",
    )
    language: Language = Field(default="en", description="The language where nothing tells which one an author reads.")
    languages: dict[DomainPattern, Language] = Field(
        default={}, description="The same by domain of the address, such as {fr.corp.example: fr}."
    )
    owners: dict[Mailbox, Mailbox] = Field(
        default={},
        max_length=1_000,
        description="Who is told of mail of outsiders that an address of ours passes on, by that address, such as "
        "{customers@corp.example: kim@corp.example}; left out: the address itself.",
    )
    limit: NoticeLimit = Field(default=NoticeLimit(), description="How many notices an hour.")
    reviewers: tuple[Mailbox, ...] = Field(
        default=(), max_length=50, description="Who is told what waits for a decision; addresses inside."
    )
    digest: Annotated[Duration, lasting(timedelta(minutes=1))] = Field(
        default=timedelta(days=1), description="How often reviewers are told, if anything waits."
    )

    @property
    def kinds(self) -> frozenset[Kind]:
        """What authors are told of."""
        return frozenset(KINDS if self.authors == "on" else () if self.authors == "off" else self.authors)
