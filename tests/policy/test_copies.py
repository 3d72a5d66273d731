"""Who gets which copy, and that no copy shows an outsider to another, over headers and policies made at random."""

import base64
import re
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway import packs
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.mail.blind import betrayed
from dlp_gateway.mail.edit import (
    PruneAttendees,
    PruneOutsiders,
    PruneRecipients,
    RemoveBcc,
    RemoveSignatures,
    apply,
    from_json,
    to_json,
)
from dlp_gateway.mail.header import body_start
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy import load
from dlp_gateway.policy.copies import REWRITE_INCOMPLETE, Rewriting, Sights, checked, shown
from dlp_gateway.policy.model import Policy, Rewrite
from dlp_gateway.policy.verdict import Copy, Disposition, Verdict
from tests import strategies, work
from tests.policy.test_decide import ENVELOPE

POLICY: Final = load.parse(
    "version: 1\ninside: [corp.example, '*.corp.example']\npartners: [partner.example]\npacks: []\n",
    "policy.yaml",
    builtin=packs.builtin(),
)
SPLIT: Final = Rewrite(do="rewrite", how="split")
PRUNE: Final = Rewrite(do="rewrite")
BCC: Final = Rewrite(do="rewrite", how="bcc")
BLIND: Final = Rewrite(do="rewrite", how="blind")

MAIL: Final = (
    "From: Ann <ann@corp.example>\r\nTo: One <one@shop.example>, two@clinic.example, dora@corp.example\r\n"
    "Cc: three@home.example, pat@partner.example\r\nSubject: x\r\n\r\nbody\r\n"
)
EVERYBODY: Final = (
    "one@shop.example",
    "two@clinic.example",
    "dora@corp.example",
    "three@home.example",
    "pat@partner.example",
    "blind@far.example",
    "boss@corp.example",
)


def made(*rewrites: Rewrite, raw: str = MAIL, recipients: tuple[str, ...] = EVERYBODY) -> dict[str, list[str]]:
    """Return whom each recipient sees."""
    message = parse(raw.encode())
    rewriting = Rewriting(POLICY, replace(ENVELOPE, recipients=recipients), message)
    edits, copies = rewriting.edits(rewrites)
    copies = copies or (Copy(recipients=recipients, edits=edits),)
    return {one: list(shown(message, copy.edits)) for copy in copies for one in copy.recipients}


def test_split_shows_each_outsider_himself_and_insiders() -> None:
    """Insiders see all, partners and blind recipients nobody outside, and To and Cc stay To and Cc."""
    inside = ["dora@corp.example", "pat@partner.example"]
    everybody = [
        "one@shop.example",
        "two@clinic.example",
        "dora@corp.example",
        "three@home.example",
        "pat@partner.example",
    ]
    assert made(SPLIT) == {
        "one@shop.example": ["one@shop.example", *inside],
        "two@clinic.example": ["two@clinic.example", *inside],
        "dora@corp.example": everybody,
        "three@home.example": ["dora@corp.example", "three@home.example", "pat@partner.example"],
        "pat@partner.example": inside,
        "blind@far.example": inside,
        "boss@corp.example": everybody,
    }


def test_bcc_shows_nobody_but_the_author() -> None:
    """Insiders are hidden as well, and the author stands in To."""
    assert set(map(tuple, made(BCC).values())) == {("ann@corp.example",)}
    to_herself = MAIL.replace("To: ", "To: Ann <ann@corp.example>, ")
    assert set(map(tuple, made(BCC, raw=to_herself).values())) == {("ann@corp.example",)}


def test_what_hides_more_wins() -> None:
    """A split together with bcc shows each outsider himself alone; prune adds nothing to either."""
    both = made(SPLIT, BCC, PRUNE)
    assert both["one@shop.example"] == ["one@shop.example"]
    assert both["dora@corp.example"] == both["boss@corp.example"] == ["ann@corp.example"]
    assert made(SPLIT, PRUNE) == made(SPLIT)


def test_two_addresses_of_one_person_share_a_copy() -> None:
    """A tag names a folder, not another person; both get it, and see what the author wrote."""
    raw = MAIL.replace("one@shop.example", "one+news@shop.example")
    message = parse(raw.encode())
    recipients = ("One+News@shop.example", "one@shop.example", "two@clinic.example")
    _, copies = Rewriting(POLICY, replace(ENVELOPE, recipients=recipients), message).edits((SPLIT,))
    assert [copy.recipients for copy in copies] == [recipients[:2], recipients[2:]]
    assert shown(message, copies[0].edits)[0] == "one+news@shop.example"


def test_a_single_copy_is_no_split() -> None:
    """A mail server that sends each recipient his own gets each forwarded at once."""
    message = parse(MAIL.encode())
    edits, copies = Rewriting(POLICY, replace(ENVELOPE, recipients=("one@shop.example",)), message).edits((SPLIT,))
    assert copies == ()
    assert edits == (
        RemoveBcc(),
        PruneOutsiders(inside=POLICY.seen_by_all, kept=("one@shop.example",), to="ann@corp.example"),
    )


def test_signatures_go_from_the_copies_that_change_only() -> None:
    """Insiders' copies still verify."""
    raw = f"DKIM-Signature: v=1; h=from:to; b=x\r\n{MAIL}"
    message = parse(raw.encode())
    _, copies = Rewriting(POLICY, replace(ENVELOPE, recipients=EVERYBODY), message).edits((SPLIT,))
    assert {copy.recipients[0] for copy in copies if RemoveSignatures() not in copy.edits} == {"dora@corp.example"}


@pytest.mark.parametrize(
    ("raw", "holds"),
    [
        (MAIL, {}),
        (f"DKIM-Signature: v=1; h=from:to; b=x\r\n{MAIL}", {"signed"}),
        (MAIL.replace("Subject", "Content-Type: application/pkcs7-mime\r\nSubject"), {"protected"}),
        (
            MAIL.replace("Subject: x\r\n\r\nbody", "Content-Type: text/calendar\r\n\r\nATTENDEE:mailto:x@y.example"),
            {"calendar"},
        ),
        (
            "DKIM-Signature: v=1; h=from; bh=x; b=x\r\n"
            + MAIL.replace("Subject: x\r\n\r\nbody", "Content-Type: text/calendar\r\n\r\nATTENDEE:mailto:x@y.example"),
            {"calendar", "signed"},  # the invitation changes with the body, which every signature covers
        ),
        (f"DKIM-Signature: v=1; h=from; bh=x; b=x\r\n{MAIL}", {}),
        (
            MAIL.replace("Subject: x\r\n\r\nbody", "Content-Type: text/calendar\r\n\r\nATTENDEE:mailto:x@corp.example"),
            {},
        ),
    ],
)
def test_what_stands_in_the_way_holds_where_the_policy_says_so(raw: str, holds: set[str]) -> None:
    """A signature, a seal, an invitation: each has its own key."""
    rewriting = Rewriting(POLICY, ENVELOPE, parse(raw.encode()))
    free = {"signed": "strip", "protected": "rewrite", "calendar": "prune"}
    ways: dict[str, str] = dict.fromkeys(free, "hold")
    for key in free:
        rewrite = Rewrite.model_validate({"do": "rewrite", **free, key: ways[key]})
        assert rewriting.must_wait(rewrite) is (key in holds)


def test_conceals_blind_recipients_only() -> None:
    """The blind recipient goes from the trace, everybody else stays."""
    raw = f"X-Original-To: blind@far.example\r\n{MAIL}"
    message = parse(raw.encode())
    edits, copies = Rewriting(POLICY, replace(ENVELOPE, recipients=EVERYBODY), message).edits((BLIND,))
    assert copies == ()
    assert edits == (RemoveBcc(), PruneRecipients(hidden=("blind@far.example",), to=""))
    assert apply(raw.encode(), edits) == MAIL.encode()


@pytest.mark.parametrize("rewrite", [SPLIT, PRUNE])
def test_what_is_released_names_nobody_in_a_field_that_it_can_do_without(rewrite: Rewrite) -> None:
    """It waits for a reviewer all the same; a subject stays, and he reads it."""
    raw = MAIL.replace(
        "Subject: x", "Reply-To: two@clinic.example\r\nX-Odd: one@shop.example\r\nSubject: two@clinic.example"
    )
    message = parse(raw.encode())
    edits, copies = Rewriting(POLICY, replace(ENVELOPE, recipients=EVERYBODY), message).edits((rewrite,))
    got = checked(Verdict(disposition=Disposition.REWRITE, edits=edits, copies=copies), message)
    assert got.disposition is Disposition.HOLD
    for made in (got.edits, *(copy.edits for copy in got.copies)):
        assert from_json(to_json(made)) == made
        left = apply(raw.encode(), made)
        assert b"Reply-To" not in left
        assert b"X-Odd" not in left
        assert b"Subject: two@clinic.example" in left


def test_an_attendee_who_cannot_be_pruned_holds() -> None:
    """An invitation whose text names somebody outside is no complete rewrite."""
    calendar = (
        "Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nATTENDEE:mailto:dora@corp.example\r\n"
        "ATTENDEE:mailto:one@shop.example\r\nDESCRIPTION:with one@shop\r\n .example\r\nEND:VCALENDAR\r\n"
    )
    raw = MAIL.replace("Subject: x\r\n\r\nbody\r\n", calendar)
    message = parse(raw.encode())
    edits, copies = Rewriting(POLICY, replace(ENVELOPE, recipients=EVERYBODY), message).edits((SPLIT,))
    got = checked(Verdict(disposition=Disposition.REWRITE, edits=edits, copies=copies), message)
    assert (got.disposition, got.reasons[-1].rule) == (Disposition.HOLD, REWRITE_INCOMPLETE)
    clean = parse(raw.replace("one@shop\r\n .example", "you").encode())
    assert checked(Verdict(disposition=Disposition.REWRITE, edits=edits, copies=copies), clean).disposition == 1


@pytest.mark.parametrize(
    ("inside", "held"),
    [
        (b"SMTP:two@clinic.example\0", True),
        ("two@clinic.example".encode("utf-16-le"), True),
        (b"SMTP:one@shop.example\0", True),  # the others' copies must not show him either
        (b"SMTP:dora@corp.example\0 and pat@partner.example", False),
        (b"SMTP:stranger@else.example\0", False),
    ],
)
@pytest.mark.parametrize("rewrite", [SPLIT, PRUNE])
@pytest.mark.parametrize("far", [0, 10_000])
def test_what_outlook_wrapped_up_holds(*, rewrite: Rewrite, inside: bytes, held: bool, far: int) -> None:
    """No edit reaches into winmail.dat, so a mail in which it names somebody to hide waits for a reviewer."""
    raw = MAIL.replace(
        "Subject: x\r\n\r\nbody\r\n", "Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ).encode() + base64.encodebytes(b"\x78\x9f\x3e\x22" + bytes(far) + inside)
    message = parse(raw, briefly=far > 0)
    edits, copies = Rewriting(POLICY, replace(ENVELOPE, recipients=EVERYBODY), message).edits((rewrite,))
    got = checked(Verdict(disposition=Disposition.REWRITE, edits=edits, copies=copies), message)
    assert (got.disposition is Disposition.HOLD) is held


def test_who_is_blind_is_not_wrapped_up_either() -> None:
    """Where blind recipients are concealed, winmail.dat may not name one."""
    raw = (
        f"X-Original-To: blind@far.example\r\n{MAIL}".replace("Subject", "Content-Type: application/ms-tnef\r\nSubject")
        + "blind@far.example"
    )
    message = parse(raw.encode())
    edits, _ = Rewriting(POLICY, replace(ENVELOPE, recipients=EVERYBODY), message).edits((BLIND,))
    got = checked(Verdict(disposition=Disposition.REWRITE, edits=edits), message)
    assert got.disposition is Disposition.HOLD


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-7", "cp037", "iso-2022-jp"])
def test_invitations_in_odd_charsets_are_never_taken_for_pruned(charset: str) -> None:
    """Whatever can be read shows its guests; what cannot be written again as it was is held."""
    text = (
        "BEGIN:VCALENDAR\r\nATTENDEE:mailto:dora@corp.example\r\nATTENDEE:mailto:one@shop.example\r\n"
        "ATTENDEE:mailto:two@clinic.example\r\nEND:VCALENDAR\r\n"
    )
    octets = text.encode(charset) if charset != "utf-7" else text.replace("@", "+AEA-").encode()
    raw = MAIL.replace(
        "Subject: x\r\n\r\nbody\r\n",
        f"Content-Type: text/calendar; charset={charset}\r\nContent-Transfer-Encoding: base64\r\n\r\n",
    ).encode() + base64.encodebytes(octets)
    message = parse(raw)
    rewriting = Rewriting(POLICY, replace(ENVELOPE, recipients=EVERYBODY), message)
    assert rewriting.invites
    edits, copies = rewriting.edits((SPLIT,))
    got = checked(Verdict(disposition=Disposition.REWRITE, edits=edits, copies=copies), message)
    is_pruned = charset == "iso-2022-jp"  # which writes these letters as ASCII does
    assert (got.disposition is Disposition.HOLD) is not is_pruned


def _stands_in(address: str, text: str) -> bool:
    """Whether an address stands in text by itself: an independent and simple-minded reading."""
    return re.search(rf"(?<![\w.!#$%&'*+/=?^`{{|}}~-]){re.escape(address)}(?![\w-]|\.\w)", text) is not None


_rewrites = st.lists(
    st.sampled_from((SPLIT, PRUNE, BCC, BLIND, SPLIT, Rewrite(do="rewrite", how="split", to="undisclosed"))), min_size=1
)


_people = st.lists(strategies.addresses, min_size=1, max_size=5)


def _dense(to: list[str], cc: list[str], traced: list[str], free: str) -> bytes:
    """Return a mail in which the same people stand in lists, in traces, and perhaps in a field that no edit changes."""
    trace = "".join(f"Received: from a by b for <{one}>; x\r\nX-Original-To: {one}\r\n" for one in traced)
    header = f"{trace}From: ann@corp.example\r\nTo: {', '.join(to)}\r\nCc: {', '.join(cc)}\r\n{free}\r\n"
    return f"{header}Delivered-To: {(to + cc)[-1]}\r\n\r\nbody to {to[0]}\r\n".encode()


_mails = st.one_of(
    strategies.messages,
    *[st.builds(_dense, _people, _people, _people, st.sampled_from(("Subject: x", "X-Odd: for kim@kunde.example")))]
    * 2,
)


#: Who may be inside and who a partner, among the domains of `strategies`.
_INSIDE: Final = ("corp.example", "*.corp.example", "kunde.example", "*.client.example", "bücher.example")
_PARTNERS: Final = ("example.org", "xn--bcher-kva.example", "kunde.example")


@st.composite
def _policies(draw: st.DrawFn) -> Policy:
    """Return the policy of some house."""
    inside = draw(st.lists(st.sampled_from(_INSIDE), unique=True, min_size=1))
    partners = draw(st.lists(st.sampled_from(_PARTNERS), unique=True))
    return replace(POLICY, inside=DomainSet(tuple(inside)), partners=DomainSet(tuple(partners)))


@given(raw=_mails, rewrites=_rewrites, policy=st.one_of(st.just(POLICY), _policies()), data=st.data())
@settings(max_examples=300, deadline=None)
def test_no_copy_shows_an_outsider_to_another(
    raw: bytes, rewrites: list[Rewrite], policy: Policy, data: st.DataObject
) -> None:
    """(e, f) Everybody gets exactly one copy with the same body, and sees no outsider but himself, or it is held."""
    visible = sorted({canonical(one.address) for one in parse(raw).visible})
    candidates = [*visible, "blind@far.example", "boss@corp.example", "three@home.example"]
    recipients = data.draw(st.lists(st.sampled_from(candidates), unique=True, min_size=1))
    _assert_apart(raw, rewrites, tuple(recipients), policy)


@pytest.mark.parametrize("author", ["0@0", "ann@freelance.example"])
@pytest.mark.parametrize("rewrites", [[SPLIT], [PRUNE], [BCC], [SPLIT, BCC]])
def test_an_author_outside_stays_where_he_was_put(author: str, rewrites: list[Rewrite]) -> None:
    """(e) He stands in To where nobody else is left, and a second edit does not take him for one to hide."""
    raw = f"To: 0@example.org\r\nFrom: {author}\r\n\r\n".encode()
    recipients = ("0@example.org", "blind@far.example")
    _assert_apart(raw, rewrites, recipients)
    assert made(*rewrites, raw=raw.decode(), recipients=recipients)["blind@far.example"] == [author]


def _assert_apart(raw: bytes, rewrites: list[Rewrite], recipients: tuple[str, ...], policy: Policy = POLICY) -> None:
    message = parse(raw)
    visible = {canonical(one.address) for one in message.visible}
    envelope = replace(ENVELOPE, recipients=recipients)
    rewriting = Rewriting(policy, envelope, message)
    edits, copies = rewriting.edits(rewrites)
    verdict = Verdict(disposition=Disposition.REWRITE, edits=edits, copies=copies)
    copies = copies or (Copy(recipients=recipients, edits=edits),)
    assert sorted(chain.from_iterable(copy.recipients for copy in copies)) == sorted(recipients)
    is_held = checked(verdict, message).disposition is Disposition.HOLD
    outsiders = policy.outsiders(visible) if {one.how for one in rewrites} - {"blind"} else ()
    secret = {*outsiders, *betrayed(envelope, message, policy.seen_by_all)}
    for copy in copies:
        outgoing = apply(raw, copy.edits)
        assert outgoing[body_start(outgoing) :] == raw[message.body_start :]
        assert apply(outgoing, copy.edits) == outgoing
        header = outgoing[: body_start(outgoing)].decode("utf-8", "replace").casefold()
        outside_readers = {one for one in map(canonical, copy.recipients) if not policy.inside.contains(one)}
        if outside_readers and not is_held:
            hidden = secret - outside_readers if len(outside_readers) == 1 else secret
            assert [one for one in hidden if _stands_in(one, header)] == []


def split_and_seen(message: Message, people: tuple[str, ...]) -> tuple[Verdict, list[tuple[str, ...]]]:
    """Split a mail, check every copy, and return the verdict and what each copy shows."""
    edits, copies = Rewriting(POLICY, replace(ENVELOPE, recipients=people), message).edits((SPLIT,))
    got = checked(Verdict(disposition=Disposition.REWRITE, edits=edits, copies=copies), message)
    sights = Sights(message)
    return got, [sights.of(copy.edits) for copy in copies]


def to_guests(count: int) -> tuple[Message, tuple[str, ...]]:
    """Return a mail that shows so many people outside to each other, and to whom it goes."""
    people = tuple(f"g{number}@h{number}.example" for number in range(count))
    return parse(f"From: ann@corp.example\r\nTo: {', '.join(people)}\r\n\r\nbody".encode()), people


@pytest.mark.parametrize("count", [1, 2, 10, 100, 1175, pytest.param(10_000, marks=pytest.mark.slow)])
def test_very_many_are_split(count: int) -> None:
    """Each of ten thousand people outside gets a copy that shows nobody else."""
    message, people = to_guests(count)
    got, seen = split_and_seen(message, people)
    assert got.disposition is Disposition.REWRITE
    assert seen == ([] if count == 1 else [(person,) for person in people])


def test_cost_is_linear() -> None:
    """Each copy costs what stands in it, not what stands in the mail: twice the people, twice the work."""
    few, many = (work.lines(partial(split_and_seen, *to_guests(count))) for count in (200, 400))
    assert many < 2.2 * few


def test_invitations_too_large_to_check_are_held() -> None:
    """A thousand invitations of a thousand guests each are not written and read again while a client waits."""
    lines = "".join(f"ATTENDEE:mailto:guest{number}@home{number}.example\r\n" for number in range(3000))
    calendar = (
        f"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nATTENDEE:dora@corp.example\r\n{lines}END:VCALENDAR\r\n"
    )
    people = tuple(f"guest{number}@home{number}.example" for number in range(3000))
    message = parse(MAIL.replace("Subject: x\r\n\r\nbody\r\n", calendar).encode())
    edits = (RemoveBcc(), PruneOutsiders(inside=("corp.example",), kept=(), to=""), PruneAttendees(inside=(), kept=()))
    copies = tuple(Copy(recipients=(person,), edits=edits) for person in people)
    got = checked(Verdict(disposition=Disposition.REWRITE, edits=edits, copies=copies), message)
    assert got.disposition is Disposition.HOLD


def to_guests_and_colleagues(guests: int, colleagues: int, *fields: str) -> tuple[Message, tuple[str, ...]]:
    """Return a mail to so many people outside and inside, with further fields, and to whom outside it goes."""
    people = tuple(f"g{number}@h{number}.example" for number in range(guests))
    listed = ", ".join([*people, *(f"i{number}@corp.example" for number in range(colleagues))])
    header = "".join(f"{field}\r\n" for field in (f"From: ann@corp.example\r\nTo: {listed}", *fields))
    return parse(f"{header}\r\nbody".encode()), people


def test_what_copies_have_in_common_is_looked_at_once() -> None:
    """Two thousand addresses in a field that stays cost eighty copies no more time than ten."""
    few, many = (
        work.lines(partial(split_and_seen, *to_guests_and_colleagues(guests, 0, f"X: {'a@b, ' * 2_000}")))
        for guests in (10, 80)
    )
    assert many < 2 * few


def test_blind_recipients_are_looked_for_once() -> None:
    """A hundred blind people whom a trace names: what hides them in all copies is worked out for the first."""

    def cost(blind: int) -> int:
        hidden = tuple(f"b{number}@corp.example" for number in range(blind))
        message, people = to_guests_and_colleagues(100, 0, f"X-Rcpt-To: {' '.join(hidden)}")
        rewriting = Rewriting(POLICY, replace(ENVELOPE, recipients=(*people, *hidden)), message)

        def made() -> None:
            edits, copies = rewriting.edits((SPLIT, BLIND))
            verdict = Verdict(disposition=Disposition.REWRITE, edits=edits, copies=copies)
            assert checked(verdict, message) is verdict
            sights = Sights(message)
            assert {len(sights.of(copy.edits)) for copy in copies} <= {0, 1, 100}

        return work.lines(made)

    assert cost(200) < 1.5 * cost(100)


def test_copies_too_long_to_check_are_held() -> None:
    """A thousand copies in which thousands of colleagues stand are not read again while the client waits."""
    message, people = to_guests_and_colleagues(1_000, 9_000)
    got, seen = split_and_seen(message, people)
    assert got.disposition is Disposition.HOLD
    assert got.reasons[-1].rule == REWRITE_INCOMPLETE
    assert "too many and too long" in got.reasons[-1].explanation
    assert set(seen[-1]) == {one.address for one in message.visible}


def test_copies_of_usual_length_are_not_held() -> None:
    """Three hundred copies that two hundred colleagues share."""
    message, people = to_guests_and_colleagues(300, 200, "DKIM-Signature: " + "x" * 2_000)
    assert split_and_seen(message, people)[0].disposition is Disposition.REWRITE
