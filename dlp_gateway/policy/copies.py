"""What each recipient gets after a rewrite: which addresses vanish from which copy, and the check that they did."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from dlp_gateway.mail import calendar, header, mime, tnef
from dlp_gateway.mail.address import DomainSet, canonical, serialise
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.blind import betrayed
from dlp_gateway.mail.edit import (
    Edit,
    PruneAttendees,
    PruneOutsiders,
    PruneRecipients,
    RemoveBcc,
    RemoveFields,
    RemoveSignatures,
    apply,
    dkim_covers_body,
    dkim_covers_recipients,
    hides,
)
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.exposure import OTHER, Hidden, exposed
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse, whole
from dlp_gateway.mail.protection import hides_recipients
from dlp_gateway.policy.model import Policy, Rewrite
from dlp_gateway.policy.verdict import Copy, Disposition, Reason, Verdict

REWRITE_INCOMPLETE: Final = "rewrite-incomplete"

#: Octets of invitations in all copies that are written and read again to check them; a mail beyond is held.
_CALENDARS_CHECKED: Final = 100_000_000
#: And octets of their header sections, and of what Outlook wrapped up; each takes half a microsecond. A thousand copies
#: with the usual fields and two hundred people inside in each take half of this.
_SECTIONS_CHECKED: Final = 16_000_000
#: What a mail is not the same without, or not sent without, and lines that are no fields ("other").
_NEEDED: Final = frozenset(
    {"from", "sender", "subject", "date", "message-id", "in-reply-to", "references", "mime-version", "to", "cc"}
    | {"resent-from", "resent-sender", "resent-date", "resent-message-id", "received", "return-path", OTHER}
)
#: What is done to every mail, whatever is decided: its authors' Bcc stays here.
ALWAYS: Final[tuple[Edit, ...]] = (RemoveBcc(),)
_STILL_THERE: Final = "An address that had to be hidden still stands somewhere in this message."
_TOO_MUCH: Final = "Its copies are too many and too long to be looked through for addresses that had to be hidden."
_INVITATION: Final = frozenset({"Attendee", "Organizer"})


@dataclass(frozen=True)
class Rewriting:
    """A message that rules may rewrite: whom that hides, and what stands in the way."""

    policy: Policy
    envelope: Envelope
    message: Message

    @cached_property
    def outsiders(self) -> tuple[str, ...]:
        """The visible recipients outside, canonical and in order."""
        return self.policy.outsiders(recipient.address for recipient in self.message.visible)

    @cached_property
    def involved(self) -> tuple[str, ...]:
        """All outsiders to whom the mail goes or whom it shows, canonical."""
        return self.policy.outsiders((*self.outsiders, *self.envelope.recipients))

    @cached_property
    def betrayed(self) -> tuple[str, ...]:
        """The blind recipients whom the header names."""
        return tuple(betrayed(self.envelope, self.message, self.policy.seen_by_all))

    @cached_property
    def signed(self) -> bool:
        """Whether a DKIM signature covers what is rewritten: fields, and of a mail with an invitation the body."""
        return bool(self.outsiders) and (
            dkim_covers_recipients(self.message) or (self.invites and dkim_covers_body(self.message))
        )

    @cached_property
    def invites(self) -> bool:
        """Whether an invitation in the body shows somebody outside."""
        listed = (one.address for one in self.message.visible if one.field in _INVITATION)
        return bool(self.policy.outsiders(listed))

    @cached_property
    def protected(self) -> bool:
        """Whether a signed or encrypted part shows recipients under its seal."""
        return bool(self.outsiders) and hides_recipients(self.message, Hidden(self.outsiders))

    def must_wait(self, rewrite: Rewrite) -> bool:
        """Whether the action holds this mail instead of rewriting it at once."""
        return rewrite.how != "blind" and (
            (rewrite.signed == "hold" and self.signed)
            or (rewrite.calendar == "hold" and self.invites)
            or (rewrite.protected == "hold" and self.protected)
        )

    def hidden(self, rewrites: Iterable[Rewrite]) -> tuple[str, ...]:
        """Return who is hidden from others by these rewrites together."""
        hows = {rewrite.how for rewrite in rewrites}
        found = dict.fromkeys(self.betrayed if "blind" in hows else ())
        if hows - {"blind"}:
            found |= dict.fromkeys(self._everybody() if "bcc" in hows else self.outsiders)
        return tuple(found)

    def edits(self, rewrites: Iterable[Rewrite]) -> tuple[tuple[Edit, ...], tuple[Copy, ...]]:
        """Return the edits of these rewrites together, and the copies if one of them splits the mail.

        What hides more wins: with `bcc` insiders are hidden too, with `split` everybody outside gets a copy of his own.
        Blind recipients' fields leave no mail at all (RFC 5322 3.6.3).
        """
        rewrites = tuple(rewrites)
        always = ALWAYS
        if not rewrites:
            return always, ()
        hows = {rewrite.how for rewrite in rewrites}
        everybody = "bcc" in hows
        if self.betrayed:  # a copy that hides some people must not name others
            always += (PruneRecipients(hidden=self.betrayed, to=""),)
        hidden = self.hidden(rewrite for rewrite in rewrites if rewrite.how != "blind")
        if not hidden:
            return always, ()
        undisclosed = any(one.to == "undisclosed" for one in rewrites if one.how != "blind")
        to = "" if undisclosed else self._author(hidden)
        further = (RemoveSignatures(),) if self.signed or (everybody and dkim_covers_recipients(self.message)) else ()
        inside = () if everybody else self.policy.seen_by_all
        calendars = self.invites or (everybody and any(one.field in _INVITATION for one in self.message.visible))

        author = tuple(filter(None, (canonical(self._author(())),))) if everybody else ()

        def edits_for(person: str) -> tuple[Edit, ...]:
            kept = (*author, person) if person else author
            attendees = (PruneAttendees(inside=inside, kept=kept),) if calendars else ()
            return (*always, PruneOutsiders(inside=inside, kept=kept, to=to), *attendees, *further)

        if "split" in hows:
            copies = tuple(self._copies(edits_for, edits_for("") if everybody else always))
            # A single copy needs no custody: it leaves at once, like any other rewritten mail.
            return (copies[0].edits, ()) if len(copies) == 1 else (edits_for(""), copies)
        people = dict.fromkeys(map(canonical, self.envelope.recipients))
        if calendars and len(people) == 1:  # as calendar services send them; without himself nobody can answer
            return edits_for(*people), ()
        # Held or not, as with signatures: what a reviewer releases shows nobody either.
        attendees = (PruneAttendees(inside=inside, kept=author),) if calendars else ()
        return (*always, PruneRecipients(hidden=hidden, to=to), *attendees, *further), ()

    def _copies(self, edits_for: Callable[[str], tuple[Edit, ...]], for_insiders: tuple[Edit, ...]) -> Iterator[Copy]:
        """Yield each recipient's copy: outsiders see themselves and insiders, insiders all, blind ones insiders only.

        Several addresses of one person (tags) share his copy. A partner, who may be seen by all, sees nobody outside.
        """
        shown = frozenset(self.outsiders)
        groups: dict[str, list[str]] = {}
        insiders: list[str] = []
        for recipient in self.envelope.recipients:
            person = canonical(recipient)
            if self.policy.inside.contains(person):
                insiders.append(recipient)
            else:
                groups.setdefault(person if person in shown else "", []).append(recipient)
        if insiders:
            yield Copy(recipients=tuple(insiders), edits=for_insiders)
        for person, recipients in groups.items():
            yield Copy(recipients=tuple(recipients), edits=edits_for(person))

    def _everybody(self) -> tuple[str, ...]:
        """Return all visible recipients but the author, who may stand in To himself."""
        shown = dict.fromkeys(canonical(recipient.address) for recipient in self.message.visible)
        author = canonical(self._author(()))
        return tuple(address for address in shown if address != author)

    def _author(self, hidden: tuple[str, ...]) -> str:
        """Return the one author's address, or "" if there is none, more than one, or he is himself to be hidden."""
        mailboxes = [mailbox for field in self.message.named("From") for mailbox in scan(field.body).mailboxes]
        if len(mailboxes) != 1:
            return ""
        address = mailboxes[0].address
        return "" if canonical(address) in hidden or serialise(address) is None else address


def checked(verdict: Verdict, message: Message) -> Verdict:
    """Return the verdict, or one that holds: a half-made rewrite is never forwarded; a reviewer sees what is left.

    Each copy's header is written and searched for everybody who must not stand in it, and so are its invitations and
    what Outlook wrapped up, which no edit changes. A field in which one stands that mail can do without, such as
    Reply-To, is taken out of what a reviewer may release.
    """
    if not verdict.copies and not hides(verdict.edits):
        return verdict  # nobody is hidden
    made = tuple(copy.edits for copy in verdict.copies) or (verdict.edits,)
    check = _Check(message, blind=(one for edits in made[:1] for edit in edits for one in _named(edit)))
    if all(map(check.is_clean, made)):
        return verdict
    reason = incomplete(_TOO_MUCH if check.gave_up else _STILL_THERE)
    held = replace(verdict, disposition=max(verdict.disposition, Disposition.HOLD), reasons=(*verdict.reasons, reason))
    if not (names := check.dispensable(verdict.edits)):
        return held
    further = RemoveFields(names=names)
    return replace(
        held,
        edits=(*held.edits, further),
        copies=tuple(replace(copy, edits=(*copy.edits, further)) for copy in held.copies),
    )


def shown(message: Message, edits: tuple[Edit, ...]) -> tuple[str, ...]:
    """Return the addresses that a copy made by these edits shows, as written, each once and in order."""
    return Sights(message).of(edits)


class Sights:
    """What the copies of one message show.

    Where they are too many and too long to be read again, which is then held (see `checked`), all that the message
    shows counts.
    """

    def __init__(self, message: Message) -> None:
        self._message = message
        self._all = tuple(dict.fromkeys([one.address for one in message.visible]))
        self._same = dict(zip(self._all, self._all, strict=True))  # so that each is in memory once for all copies
        self._left = _SECTIONS_CHECKED

    def of(self, edits: tuple[Edit, ...]) -> tuple[str, ...]:
        """Return the addresses that a copy made by these edits shows, as written, each once and in order."""
        if not hides(edits) or self._left < 0:
            return self._all
        header = apply(self._section, tuple(edit for edit in edits if not isinstance(edit, PruneAttendees)))
        self._left -= len(header)
        shown = [recipient.address for recipient in parse(header).visible]
        visible = {self._same.get(address, address): None for address in shown}
        attendees = self._attendees
        for edit in edits:
            if isinstance(edit, PruneAttendees):
                domains, kept = DomainSet(edit.inside), frozenset(edit.kept)
                attendees = tuple(one for one in attendees if domains.contains(one) or canonical(one) in kept)
        return tuple(visible | dict.fromkeys(attendees))

    @cached_property
    def _section(self) -> bytes:
        return self._message.raw[: self._message.body_start]

    @cached_property
    def _attendees(self) -> tuple[str, ...]:
        return tuple(one.address for one in self._message.visible if one.field in _INVITATION)


def incomplete(why: str) -> Reason:
    """Return the reason to hold a mail whose rewrite would hide too little."""
    return Reason(rule=REWRITE_INCOMPLETE, disposition=Disposition.HOLD, enforced=True, explanation=why)


def _named(edit: Edit) -> tuple[str, ...]:
    return edit.hidden if isinstance(edit, PruneRecipients) else ()


class _Check:
    """Looks at the copies of one message as strangers would."""

    def __init__(self, message: Message, blind: Iterable[str]) -> None:
        self._message = message
        self._blind = tuple(blind)
        self._section = message.raw[: message.body_start]
        self._outside: dict[tuple[str, ...], Hidden] = {}
        self._named: dict[tuple[str, ...], Hidden] = {}
        self._left = _CALENDARS_CHECKED
        self._sections_left = _SECTIONS_CHECKED

    @property
    def gave_up(self) -> bool:
        """Whether there was too much to look at."""
        return self._left < 0 or self._sections_left < 0

    def is_clean(self, edits: tuple[Edit, ...]) -> bool:
        """Whether a copy made by these edits shows none of those whom they hide."""
        hidden = [self._hidden(edit) for edit in edits if isinstance(edit, PruneRecipients | PruneOutsiders)]
        if not any(hidden):
            return True
        section = apply(self._section, tuple(edit for edit in edits if not isinstance(edit, PruneAttendees)))
        self._sections_left -= len(section) + sum(map(len, self._wrapped))
        if self._sections_left < 0 or any(exposed(section, one) for one in hidden):
            return False
        if any(one.stands_in(name) for name in self._wrapped for one in hidden):
            return False
        if not self._invites:
            return True
        self._left -= len(self._message.raw)
        if self._left < 0 or any(map(calendar.is_too_long, self._message.parts)):
            return False
        raw = apply(self._message.raw, edits)
        visible = parse(raw, briefly=True).visible
        parts, _ = mime.leaves(raw, header.read(raw), kept=calendar.OCTETS)
        calendars = [calendar.unfolded(part) for part in parts if calendar.is_calendar(part)]
        return not any(
            any(shown.address in one for shown in visible) or any(map(one.stands_in, calendars)) for one in hidden
        )

    def dispensable(self, edits: tuple[Edit, ...]) -> tuple[str, ...]:
        """Return the names of fields, no mail needs them, in which somebody stands whom these edits hide."""
        section = apply(self._section, tuple(edit for edit in edits if not isinstance(edit, PruneAttendees)))
        hidden = (self._hidden(edit) for edit in edits if isinstance(edit, PruneRecipients | PruneOutsiders))
        names = dict.fromkeys(name.lower() for one in hidden for name in exposed(section, one))
        return tuple(name for name in names if name not in _NEEDED and not name.startswith("content-"))

    @cached_property
    def _invites(self) -> bool:
        return any(one.field in _INVITATION for one in self._message.visible)

    @cached_property
    def _wrapped(self) -> tuple[str, ...]:
        """The texts in TNEF that name somebody whom the header or an invitation shows, or who gets the mail blind."""
        if not any(map(tnef.is_tnef, self._message.parts)):
            return ()
        anybody = Hidden((*self._blind, *(one.address for one in self._message.visible)))
        return tuple(
            name
            for part in whole(self._message).parts
            if tnef.is_tnef(part)
            for name in tnef.names(part)
            if anybody.stands_in(name)
        )

    def _hidden(self, edit: PruneRecipients | PruneOutsiders) -> Hidden:
        if isinstance(edit, PruneRecipients):
            if edit.hidden not in self._named:
                self._named[edit.hidden] = Hidden(edit.hidden)
            return self._named[edit.hidden]
        if edit.inside not in self._outside:
            domains = DomainSet(edit.inside)
            shown = (canonical(one.address) for one in self._message.visible)
            self._outside[edit.inside] = Hidden(address for address in shown if not domains.contains(address))
        return self._outside[edit.inside].but(*edit.kept)
