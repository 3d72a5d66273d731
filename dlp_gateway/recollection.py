"""What of a message is remembered, and what is remembered that concerns it: what passes between memory and journal."""

from dataclasses import dataclass, field
from datetime import datetime

from dlp_gateway.detect.base import Facts
from dlp_gateway.policy.memory import Memory

#: Types of identifiers and tokens of their values, see `detect.sent`.
Values = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What of a message is compared with what is remembered, and remembered of it. All addresses are canonical.

    `message_id` is a digest of a mail to several that has none. `recipients` are the envelope's, in order; `outside`
    the places of those among them who are not inside, `addressed` those of them who are outsiders; `shown` the
    outsiders in To and Cc. `answered` are the ids that it answers, nearest first; `is_answer` says that it answers
    something, by them or by its subject, and `is_ours` that the nearest was written in our house. `names` are display
    names, by address. `authors` of a mail that we pass on for an outsider are those in From, and () of any other.
    `announced` is its number among the mails under way, 0 if it has none.
    """

    id: str
    at: datetime
    message_id: str
    answered: tuple[str, ...]
    topic: str
    is_answer: bool
    is_ours: bool
    reverse_path: str
    login: str
    client: str
    recipients: tuple[str, ...]
    outside: tuple[int, ...]
    addressed: tuple[str, ...]
    shown: tuple[str, ...]
    names: tuple[tuple[str, str], ...]
    authors: tuple[str, ...] = ()
    announced: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What the rules in force want to know; what none asks for is not looked up. `mass_send`: see `Policy`."""

    memory: Memory
    mass_send: int
    threads: bool
    exposure: bool
    groups: bool
    strangers: bool
    look_alikes: bool
    sent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """What is remembered that concerns a message; `thread` names the thread to the journal, b"" if it is new."""

    facts: Facts = field(default_factory=Facts)
    thread: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of a mail to several: `is_objected` if its audience was hidden, or it was stopped as a mass mail.

    `is_stopped`: the latter. `is_exposed`: it leaves and shows strangers to each other. `is_kept`: it is in custody, so
    that is not known yet.
    """

    is_objected: bool
    is_exposed: bool
    is_kept: bool
    is_stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is learned from a mail once it has left: whom the sender knows, a group that works together, values sent.

    `is_group`: its author shows outsiders of several organisations to each other, so few that they may be one;
    `is_exposed`: outsiders who are none; `is_hidden`: the copy that leaves shows nobody. `values` are types and tokens,
    see `detect.sent`.
    """

    sending: Sending
    is_group: bool
    is_exposed: bool
    is_hidden: bool
    values: Values
