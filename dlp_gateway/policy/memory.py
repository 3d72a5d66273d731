"""How long the gateway remembers, for rules that look at more than one mail: the section `memory:` of a policy."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from dlp_gateway.document import Model
from dlp_gateway.notation import Duration, lasting

_MINUTE = timedelta(minutes=1)
_WEEK = timedelta(days=7)

Window = Annotated[Duration, lasting(timedelta(hours=1), _WEEK)]


class Storm(Model):
    """When answers to all close their thread."""

    senders: Annotated[int, Field(ge=2, le=1_000)] = Field(
        default=5, description="How many different people must have answered to many."
    )
    recipients: Annotated[int, Field(ge=2, le=1_000)] = Field(
        default=5, description="To how many outsiders an answer must go to be one to many."
    )
    within: Annotated[Duration, lasting(_MINUTE, timedelta(days=1))] = Field(
        default="1h", validate_default=True, description="Within which time; 1m to 1d."
    )
    closed: Annotated[Duration, lasting(_MINUTE, _WEEK)] = Field(
        default="6h", validate_default=True, description="How long the thread is closed then; 1m to 7d."
    )


class Groups(Model):
    """What makes a working group: outsiders whom mails showed to each other on three days."""

    exempt: bool = Field(default=True, description="Whether they are no unfamiliar outsiders.")
    within: Annotated[Duration, lasting(timedelta(days=7), timedelta(days=365))] = Field(
        default="60d", validate_default=True, description="Within which time the three days must lie; 7d to 365d."
    )
    largest: Annotated[int, Field(ge=3, le=100)] = Field(
        default=40, description="With more outsiders it is an audience, no group."
    )


class Memory(Model):
    """What is remembered, and for how long it counts. Nothing is kept for longer than the journal."""

    window: Window = Field(
        default="24h",
        validate_default=True,
        description="How far back is added up what one sender showed and sent; 1h to 7d.",
    )
    strike: Window = Field(
        default="24h",
        validate_default=True,
        description="How long a mass mail that was stopped or rewritten makes the next one suspect; 1h to 7d.",
    )
    storm: Storm = Field(default=Storm(), description="When answers to all close their thread.")
    groups: Groups = Field(default=Groups(), description="What makes a working group.")
    learning: Annotated[int, Field(ge=1, le=365)] = Field(
        default=10, description="On how many days a sender must have written before his recipients are judged."
    )
