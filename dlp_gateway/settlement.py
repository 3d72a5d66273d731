"""How an attempt at a copy out of custody ends: the state of each recipient, and the DSNs to its author. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dlp_gateway.deposits import Transport
from dlp_gateway.mail.dsn import Action, Original
from dlp_gateway.mail.edit import Edited
from dlp_gateway.mail.reply import Reply
from dlp_gateway.ports import Delivery
from dlp_gateway.reporter import Outcome, Reporter
from quarantine.model import Claim, Deposit, Recipient, Settlement, State


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """`owner` names this process in leases, `hostname` and `smarthost` the two hosts in a DSN.

    `retry_in_doubt`: what may have arrived is sent again. The wait between attempts is `first`, then twice the one
    before, at most `longest`; after `max_age` it is given up, and after `warn_after` the author is told that it takes
    long (no time at all: never).
    `is_dead` tells of an owner whether his process is surely gone, so that nobody waits for the end of its leases.
    `keep` is how long content stays after every recipient reached a final state; `poll` how often custody is asked.
    """

    owner: str
    hostname: str
    smarthost: str
    first: timedelta
    longest: timedelta
    max_age: timedelta
    retry_in_doubt: bool
    keep: timedelta
    warn_after: timedelta = timedelta()
    is_dead: Callable[[str], bool] = lambda _: False
    poll: timedelta = timedelta(seconds=1)

    def wait(self, attempts: int) -> timedelta:
        """Return how long to wait after `attempts` attempts before this one."""
        return min(self.first * (1 << min(attempts, 20)), self.longest)


#: Of a mail that could not be read.
NOTHING_KNOWN: Final = Edited(b"", b"", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the smarthost said to a copy, or we for it, and its `content` as it was to leave, if it is known.

    Not `counted`: nothing was sent for a reason of ours, which is no step towards giving it up.
    """

    delivery: Delivery
    content: Edited = NOTHING_KNOWN
    counted: bool = True


def answered_alike(claim: Claim, reply: Reply) -> Delivery:
    """Return the delivery in which all recipients of a copy have the same reply."""
    return Delivery(replies=tuple((recipient.address, reply) for recipient in claim.recipients))


def settlements(
    claim: Claim, attempt: Attempt, options: DeliveryOptions, now: datetime, *, gives_up: bool
) -> tuple[Settlement, ...]:
    """Return how it ended for each recipient, in the order of the claim.

    `gives_up`: whether who was tried for `max_age` is given up, and not tried again.
    """
    replies = dict(attempt.delivery.replies)
    return tuple(
        _settlement(recipient, replies[recipient.address], attempt, options, now, gives_up=gives_up)
        for recipient in claim.recipients
    )


def _settlement(
    recipient: Recipient,
    reply: Reply,
    attempt: Attempt,
    options: DeliveryOptions,
    now: datetime,
    *,
    gives_up: bool,
) -> Settlement:
    words = str(reply)
    if recipient.address in attempt.delivery.unknown and not options.retry_in_doubt:
        return Settlement(recipient=recipient.id, state=State.IN_DOUBT, reply=words, due_at=now + options.first)
    if reply.positive:
        return Settlement(recipient=recipient.id, state=State.DELIVERED, reply=words)
    if not attempt.counted:
        due_at = now + options.first
        return Settlement(recipient=recipient.id, state=State.DUE, reply=words, due_at=due_at, counted=False)
    wait = options.wait(recipient.attempts)
    if reply.permanent or (gives_up and now + wait > recipient.due_since + options.max_age):
        return Settlement(recipient=recipient.id, state=State.FAILED, reply=words)
    told = bool(options.warn_after) and now > recipient.due_since + options.warn_after
    return Settlement(recipient=recipient.id, state=State.DUE, reply=words, due_at=now + wait, told_of_delay=told)


def reports(
    claim: Claim,
    attempt: Attempt,
    settled: tuple[Settlement, ...],
    options: DeliveryOptions,
    now: datetime,
) -> tuple[Deposit, ...]:
    """Return the DSNs about who failed, waits long or was taken, if there is anybody to tell (RFC 5321 4.5.5)."""
    replies = dict(attempt.delivery.replies)
    outcomes = []
    for recipient, settlement in zip(claim.recipients, settled, strict=True):
        action = _action(recipient, settlement, attempt.delivery)
        if action is not None and recipient.address:  # one that is damaged cannot be named
            outcomes.append(
                Outcome(
                    recipient=recipient.address,
                    action=action,
                    reply=replies[recipient.address],
                    retried_until=recipient.due_since + options.max_age if action is Action.DELAYED else None,
                    host=attempt.delivery.host,
                )
            )
    if not outcomes or not claim.reverse_path:
        return ()
    transport = _transport(claim)
    original = Original(
        content=bytes(attempt.content),
        reverse_path=claim.reverse_path,
        arrived_at=claim.created_at,
        envelope_id=transport.dsn.envelope_id,
        ret=transport.dsn.ret,
        returnable=transport.returnable,
    )
    reporter = Reporter(hostname=options.hostname, smarthost=options.smarthost)
    return reporter.deposits(claim.item, original, transport.dsn, outcomes, now=now, due_at=now)


def _action(recipient: Recipient, settled: Settlement, delivery: Delivery) -> Action | None:
    """Return what there is to tell of a recipient, None if nothing."""
    match settled.state:
        case State.FAILED:
            return Action.FAILED
        case State.DUE if settled.told_of_delay and not recipient.told_of_delay:
            return Action.DELAYED
        case State.DELIVERED if not delivery.notifies:
            return Action.RELAYED
        case _:
            return None


def _transport(claim: Claim) -> Transport:
    """Return what was asked about DSNs; where that cannot be read, nothing was."""
    try:
        return Transport.from_json(claim.options)
    except ValueError:
        return Transport(body_8bit=False, smtputf8=False)
