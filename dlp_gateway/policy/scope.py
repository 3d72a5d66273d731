"""Whose mail a rule is about, and when: scopes by sender, team, login, host and recipients' domains, and dates.

A scope is asked in two ways. Whether a rule that is limited to it applies: then whatever may belong counts, the author
in From as well as the reverse-path, one recipient of many, a team whose members nobody knows now. And whether a rule
steps back for it: then only what surely belongs counts. So a doubt never makes a verdict milder.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from ipaddress import ip_address
from typing import Annotated, Final

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from dlp_gateway import document
from dlp_gateway.document import Model
from dlp_gateway.mail.address import canonical, is_one_of
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.networks import Networks, within
from dlp_gateway.notation import Network
from dlp_gateway.policy.groups import Group
from dlp_gateway.policy.patterns import Line, MailboxPattern

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ZONED: Final = re.compile(rf"{_DATE.pattern}T[0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}})?(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})")
_AUTHORS: Final = 100  # mailboxes of one originator field that are looked at
_ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")  # RFC 4512 2.5
_FILTER: Final = 2_000  # characters


# --- dates ------------------------------------------------------------------------------------------------------------


def _moment(value: object, *, end: bool) -> datetime:
    """Return a date (in UTC, `end`: the end of that day) or a time with its zone, in UTC; raise `ValueError`."""
    text = value if isinstance(value, str) else ""
    try:
        if _DATE.fullmatch(text):
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day + timedelta(days=1) if end else day
        if _ZONED.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # 30 February, or beyond the calendar
        pass
    raise ValueError("A date is needed, such as 2026-12-24, or a time with its zone, as 2026-12-24T18:00:00+01:00.")


def moment_written(moment: datetime, *, end: bool = False) -> str:
    """Return a bound of time as it is written in a policy, the day alone where it is a whole one."""
    if moment.time() == time():
        return (moment - timedelta(days=1) if end else moment).date().isoformat()
    return moment.isoformat()


_MOMENT_SCHEMA: Final = WithJsonSchema({"type": "string", "pattern": f"^(?:{_DATE.pattern}|{_ZONED.pattern})$"})
Beginning = Annotated[datetime, BeforeValidator(lambda value: _moment(value, end=False)), _MOMENT_SCHEMA]
End = Annotated[datetime, BeforeValidator(lambda value: _moment(value, end=True)), _MOMENT_SCHEMA]


class Timed(Model):
    """What may be in force for a time only."""

    from_: Beginning | None = Field(
        default=None, alias="from", description="In force from this day (UTC) or time with zone; left out: always was."
    )
    until: End | None = Field(
        default=None, description="In force to the end of this day (UTC), or until this time; left out: for good."
    )

    @pydantic.model_validator(mode="after")
    def _in_order(self) -> "Timed":
        if self.from_ is not None and self.until is not None and self.from_ >= self.until:
            raise document.wrong("until", "This is never in force: `until` comes before `from`.")
        return self

    def is_in_force(self, at: datetime) -> bool:
        """Whether it is at this time."""
        return (self.from_ is None or self.from_ <= at) and not self.is_over(at)

    def is_over(self, at: datetime) -> bool:
        """Whether it will never be in force again."""
        return self.until is not None and self.until <= at


# --- teams ------------------------------------------------------------------------------------------------------------


def _filter(value: str) -> str:
    depth = 0
    for character in value:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
    if depth or not value.startswith("(") or not value.endswith(")") or not value.isprintable():
        raise ValueError(
            "A filter is needed, such as (memberOf=cn=hr,ou=groups,dc=corp,dc=example); mind its brackets."
        )
    return value


def _attribute(value: str) -> str:
    if not _ATTRIBUTE.fullmatch(value):
        raise ValueError("This must be the name of an attribute, such as member.")
    return value


class Query(Model):
    """Who is in a team, as a directory knows it."""

    filter: Annotated[str, Field(max_length=_FILTER), AfterValidator(_filter)] = Field(
        description="Which entries: of the people, or with `members` of their groups (RFC 4515)."
    )
    members: Annotated[str, AfterValidator(_attribute)] | None = Field(
        default=None, description="The attribute in which groups name the entries of their members, such as member."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Some of our own people; `members` is None while nobody knows them, `query` says where a directory has them."""

    members: Group | None
    query: Query | None = None

    def may_have(self, address: str) -> bool:
        """Whether a canonical address belongs to it, or may."""
        return self.members is None or self.surely_has(address)

    def surely_has(self, address: str) -> bool:
        """Whether a canonical address is known to belong to it."""
        return self.members is not None and "@" in address and self.members.has_all((address,))


def _known_team(value: str, info: ValidationInfo) -> str:
    teams: frozenset[str] | None = (info.context or {}).get("teams")
    if teams is None or value in teams:
        return value
    raise ValueError(f"There is no such team{document.suggestion(value, teams)}")


TeamName = Annotated[str, AfterValidator(_known_team)]


# --- scopes -----------------------------------------------------------------------------------------------------------


class Only(Model):
    """Whose mail it is about; all that is written must hold."""

    sender: tuple[MailboxPattern, ...] | None = Field(
        default=None, min_length=1, description="The reverse-path or the author is, or is in, one of these."
    )
    team: tuple[TeamName, ...] | None = Field(
        default=None, min_length=1, description="The reverse-path or the author is somebody of one of these `teams`."
    )
    client: tuple[Network, ...] | None = Field(
        default=None, min_length=1, description="The sending host is in one of these networks."
    )
    login: tuple[Line, ...] | None = Field(
        default=None, min_length=1, description="The client logged in as one of these."
    )
    recipients: tuple[MailboxPattern, ...] | None = Field(
        default=None, min_length=1, description="One of the recipients is, or is in, one of these."
    )

    @pydantic.field_validator("team", mode="before")
    @classmethod
    def _one_team(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @pydantic.model_validator(mode="after")
    def _something(self) -> "Only":
        empty = [name for name in sorted(self.model_fields_set) if getattr(self, name) is None]
        if empty or not self.model_fields_set:
            raise document.wrong(
                next(iter(empty), ""),
                "A scope without effect: fill in `sender`, `team`, `client`, `login` or `recipients`.",
            )
        return self


class Scope(Timed):
    """Other parameters of packs for the mail of some."""

    only: tuple[Only, ...] = Field(min_length=1, description="Whose mail it is about: one block, or a list of them.")
    set: dict[str, object] = Field(min_length=1, description="Parameters of packs, such as bulk-visible.outsiders: 20.")

    @pydantic.field_validator("only", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, dict) else value


@dataclass(frozen=True)
class Correspondence:
    """Who writes to whom: what scopes and exceptions look at, and nothing of what was found."""

    envelope: Envelope
    message: Message
    teams: Mapping[str, Team] = field(default_factory=dict)

    def may_be(self, only: Only) -> bool:
        """Whether the mail is, or may be, one of the scope's."""
        return (
            (only.sender is None or any(is_one_of(one, only.sender) for one in self._senders))
            and (only.team is None or any(self.teams[name].may_have(one) for name in only.team for one in self._people))
            and self._comes_from(only.client, only.login)
            and (only.recipients is None or any(is_one_of(one, only.recipients) for one in self.envelope.recipients))
        )

    def surely_is(self, only: Only) -> bool:
        """Whether the mail is one of the scope's, by its envelope alone and for all of its recipients."""
        recipients = self.envelope.recipients
        return (
            (only.sender is None or is_one_of(self.envelope.reverse_path, only.sender))
            and (only.team is None or self.is_of(only.team))
            and self._comes_from(only.client, only.login)
            and (
                only.recipients is None or (recipients != () and all(is_one_of(r, only.recipients) for r in recipients))
            )
        )

    def is_of(self, teams: tuple[str, ...]) -> bool:
        """Whether the reverse-path surely belongs to somebody of one of these teams."""
        return any(self.teams[name].surely_has(self._people[0]) for name in teams)

    def is_from(self, networks: Networks) -> bool:
        """Whether the sending host is in one of these networks."""
        try:
            return within(ip_address(self.envelope.client), networks)
        except ValueError:
            return False  # a local client, or a file given to `scan`

    def is_login(self, logins: tuple[str, ...]) -> bool:
        """Whether the client logged in as one of these."""
        return self.envelope.login != "" and self.envelope.login in logins

    def _comes_from(self, client: Networks | None, login: tuple[str, ...] | None) -> bool:
        return (client is None or self.is_from(client)) and (login is None or self.is_login(login))

    @cached_property
    def _senders(self) -> tuple[str, ...]:
        """The reverse-path, then the authors that From and Sender name (RFC 5322 3.6.2)."""
        fields = (one for name in ("From", "Sender") for one in self.message.named(name))
        authors = (mailbox.address for one in fields for mailbox in scan(one.body, _AUTHORS).mailboxes)
        return tuple(dict.fromkeys((self.envelope.reverse_path, *authors)))

    @cached_property
    def _people(self) -> tuple[str, ...]:
        return tuple(map(canonical, self._senders))
