"""Edits: what goes, what stays to the octet, and that no header section invented here shows a hidden address."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.mail import header
from dlp_gateway.mail.address import canonical
from dlp_gateway.mail.edit import (
    AddTrace,
    Edit,
    PruneAttendees,
    PruneOutsiders,
    PruneRecipients,
    RemoveBcc,
    RemoveSignatures,
    apply,
    dkim_covers_recipients,
    exposed,
    from_json,
    to_json,
)
from dlp_gateway.mail.parse import parse
from tests import strategies
from tests.work import LINEAR, growth, lines

AUTHOR = "alice@corp.example"
MAIL = b"""\
Received: from a.example by b.example with ESMTP id 1\r
\tfor <bob@out.example>; Sat, 21 Nov 2026 22:00:00 +0000\r
From: Alice <alice@corp.example>\r
To: "Bob, B" <bob@out.example>, =?utf-8?q?D=C3=A4ve?= <dave@corp.example>,\r
 Group: x+tag@out2.example, EVE@corp.example;\r
Cc: carol@out.example (Carol)\r
Bcc: zed@out.example\r
X-Original-To: BOB@out.example\r
Subject:   kept as  it is \r
X-Odd:\tstays\r
\r
To: bob@out.example\r
\r\xff\x00 body\r
"""
HIDDEN = ("bob@out.example", "x@out2.example", "carol@out.example")
PRUNE = PruneRecipients(hidden=HIDDEN, to=AUTHOR)


def pruned(raw: str, hidden: tuple[str, ...] = HIDDEN, to: str = AUTHOR) -> str:
    """Return what a header section becomes."""
    return apply(raw.encode() + b"\r\nbody", (PruneRecipients(hidden=hidden, to=to),)).decode().removesuffix("\r\nbody")


def test_prunes() -> None:
    """Outsiders go from every recipient field, insiders stay, everything else stays to the octet."""
    expected = b"""\
Received: from a.example by b.example with ESMTP id 1; Sat, 21 Nov 2026 22:00:00 +0000\r
From: Alice <alice@corp.example>\r
To: =?utf-8?b?RMOkdmU=?= <dave@corp.example>, EVE@corp.example\r
Bcc: zed@out.example\r
Subject:   kept as  it is \r
X-Odd:\tstays\r
\r
To: bob@out.example\r
\r\xff\x00 body\r
"""
    assert expected == apply(MAIL, (PRUNE,))


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("To: bob@out.example\r\n", f"To: {AUTHOR}\r\n"),
        ("To: bob@out.example\r\nTo: x@out2.example\r\n", f"To: {AUTHOR}\r\n"),
        ("To: bob@out.example\r\nTO: i@corp.example\r\n", "TO: i@corp.example\r\n"),
        ("Cc: bob@out.example\r\n", f"To: {AUTHOR}\r\n"),
        ("Cc: bob@out.example, i@corp.example\r\n", "Cc: i@corp.example\r\n"),
        ("To: undisclosed-recipients:;\r\nCc: bob@out.example\r\n", "To: undisclosed-recipients:;\r\n"),
        ("To : BOB@OUT.example.\r\n", f"To: {AUTHOR}\r\n"),
        ("Resent-To: bob@out.example\r\nTo: i@corp.example\r\n", "To: i@corp.example\r\n"),
        ("Apparently-To: bob@out.example\r\n", ""),
        ("Mail-Followup-To: bob@out.example, i@corp.example\r\n", "Mail-Followup-To: i@corp.example\r\n"),
        ("Delivered-To: bob+tag@out.example\r\n", ""),
        ('To: "bob@out.example" <i@corp.example>\r\n', "To: i@corp.example\r\n"),
        ("To: i@corp.example (bob@out.example)\r\n", "To: i@corp.example\r\n"),
        ("To: =?utf-8?q?bob=40out.example?= <i@corp.example>\r\n", "To: i@corp.example\r\n"),
        ("To: bob@out.example: i@corp.example;\r\n", "To: i@corp.example\r\n"),
        ("To: <@out.example:bob@out.example>, i@corp.example\r\n", "To: i@corp.example\r\n"),
        ("To: =?utf-8?b?Ym9iQG91dC5leGFtcGxl?=, i@corp.example\r\n", "To: i@corp.example\r\n"),
        ("To: bob@out.example, \x01\x02, <i@corp.example\r\n", "To: i@corp.example\r\n"),
        ('To: bob@out.example, "a b"@corp.example\r\n', 'To: "a b"@corp.example\r\n'),
        ("To: i@corp.example,\r\n   j@corp.example\r\n", "To: i@corp.example,\r\n   j@corp.example\r\n"),
        ("Received: by a.example for bob@out.example; date\r\n", "Received: by a.example; date\r\n"),
        (
            "Received: by a.example id 1 for\r\n <Bob@Out.example> (x); date\r\n",
            "Received: by a.example id 1; date\r\n",
        ),
        (
            "Received: by a.example for <i@corp.example>; date\r\n",
            "Received: by a.example for <i@corp.example>; date\r\n",
        ),
    ],
)
def test_prunes_each_form(section: str, expected: str) -> None:
    """Each way of naming a hidden address goes, and a field that names none stays to the octet."""
    assert expected == pruned(section)


def test_undisclosed() -> None:
    """Without an address for To, or with a hidden one, it becomes an empty group."""
    for to in ("", "bob@out.example"):
        assert pruned("To: bob@out.example\r\n", to=to) == "To: undisclosed-recipients:;\r\n"


@pytest.mark.parametrize("name", ["Subject", "Reply-To", "References", "X-Campaign", "Comments", "List-Unsubscribe"])
def test_leaves_what_the_author_wrote_and_says_so(name: str) -> None:
    """A hidden address in a field of the author's stays and is reported, so that the mail is held."""
    raw = f"To: bob@out.example\r\n{name}: about <bob@out.example>\r\n\r\n".encode()
    edited = apply(raw, (PRUNE,))
    assert exposed(edited, HIDDEN) == (name,)
    assert f"{name}: about <bob@out.example>\r\n".encode() in edited


def test_folds_long_lists() -> None:
    """Rewritten fields are folded within 78 characters and read back the same."""
    insiders = [f"Person Number {number} <person{number}@corp.example>" for number in range(200)]
    edited = apply(f"To: bob@out.example, {', '.join(insiders)}\r\n\r\n".encode(), (PRUNE,))
    assert max(map(len, edited.splitlines())) <= 78
    assert [f"person{number}@corp.example" for number in range(200)] == [one.address for one in parse(edited).visible]
    assert {f"Person Number {number}" for number in range(200)} == {one.name for one in parse(edited).visible}


def test_removes_bcc() -> None:
    """Bcc and Resent-Bcc go, in whatever case and however often."""
    raw = b"BCC: a@out.example,\r\n b@out.example\r\nX: y\r\nbcc : c\r\nResent-Bcc:\r\nX-Bcc: stays\r\n\r\nBcc: body"
    assert apply(raw, (RemoveBcc(),)) == b"X: y\r\nX-Bcc: stays\r\n\r\nBcc: body"


@pytest.mark.parametrize(
    "field",
    [
        b"B\0cc: a@out.example\r\n",
        b"\xef\xbb\xbfBcc: a@out.example,\r\n b@out.example\r\n",
        b"Bcc\xa0: a@out.example,\r\n\tgroup: b@out.example;\r\n",
        b"Bcc\x0b: a@out.example\r\n",
        b" Bcc: a@out.example\r\n",
        b" \xc2\xadResent-\x01BCC : a@out.example\r\n",
        b" Bcc: a@out.example\r\n Bcc: b@out.example\r\nno field\r\nBcc\0: c@out.example\r\n",
    ],
)
def test_removes_disguised_bcc(field: bytes) -> None:
    """What is Bcc only to clients that drop what does not print goes too, with its folded lines; other lines stay."""
    raw = field + b"From: a@corp.example\r\n\r\nB\0cc: body"
    edited = apply(raw, (RemoveBcc(),))
    assert edited.removeprefix(b"no field\r\n") == b"From: a@corp.example\r\n\r\nB\0cc: body"
    assert apply(edited, (RemoveBcc(),)) == edited


def test_removes_broken_signatures_only() -> None:
    """A signature that covers recipients goes, one that does not stays; an ARC chain goes as a whole."""
    raw = (
        b"DKIM-Signature: v=1; h=From:Subject:\r\n  TO : date; b=x\r\nDKIM-Signature: v=1; h=from:subject; b=y\r\n"
        b"ARC-Seal: i=1; b=s\r\nARC-Message-Signature: i=1; h=cc; b=m\r\nARC-Authentication-Results: i=1; none\r\n\r\n"
    )
    assert dkim_covers_recipients(parse(raw))
    edited = apply(raw, (RemoveSignatures(),))
    assert edited == b"DKIM-Signature: v=1; h=from:subject; b=y\r\n\r\n"
    assert not dkim_covers_recipients(parse(edited))


@pytest.mark.parametrize("name", ["To", "cc", "Resent-To", "RESENT-CC", "Bcc", "Resent-Bcc"])
def test_signatures_over_any_recipient_field_break(name: str) -> None:
    """Bcc fields leave no mail, so a signature over one breaks as well."""
    raw = f"DKIM-Signature: v=1; h=From:{name}; b=x\r\n\r\n".encode()
    assert dkim_covers_recipients(parse(raw))
    assert apply(raw, (RemoveSignatures(),)) == b"\r\n"


def test_a_signature_without_list_counts_as_broken() -> None:
    """Who cannot tell what is signed must assume the worst."""
    assert dkim_covers_recipients(parse(b"DKIM-Signature: v=1; bh=to\r\n\r\n"))


LONG = b"To: bob@out.example\r\nCc: eve@corp.example\r\nX-Rcpt-To: <zed>\r\n" + b"A: b\r\n" * 50_000 + b"\r\nbody"


def test_no_list_stays_in_a_header_that_is_too_long_to_search() -> None:
    """Where nobody can look for addresses in reasonable time, no recipient field stays, and the mail is held."""
    edited = apply(LONG, (PRUNE,))
    assert edited.startswith(b"To: alice@corp.example\r\nA: b\r\n")
    assert exposed(edited, HIDDEN) == ("other",)
    assert edited == apply(edited, (PRUNE,))


def test_a_list_that_is_too_odd_to_read_may_name_anybody() -> None:
    """Behind the bound of reading word by word, a list counts as naming a hidden address."""
    raw = b"To: eve@corp.example, " + b"a(b)@(c)" * 20_000 + b"\r\n\r\n"
    assert exposed(raw, HIDDEN) == ("To",)
    assert exposed(apply(raw, (PRUNE,)), HIDDEN) == ()


@pytest.mark.parametrize("unit", [b"To: a@b.example\r\n", b"To: (\r\n", b"A:\r\n", b"Received: x\r\n", b"x\r\n"])
def test_edits_take_linear_time(unit: bytes) -> None:
    """A header section of 400 kB of any unit costs no more than its length."""

    def work(raw: bytes) -> None:
        exposed(apply(raw, (RemoveBcc(), PRUNE, RemoveSignatures())), HIDDEN)

    assert growth(work, lambda count: unit * count + b"\r\nbody", 400_000 // len(unit)) < LINEAR


def test_one_who_stands_there_many_times_takes_no_time() -> None:
    """His places in a list are noted as they come."""
    raw = b"To: " + b"a@b," * 60_000 + b"\r\n\r\nbody"
    assert apply(raw, (PruneRecipients(hidden=("a@b",), to=""),)) == b"To: undisclosed-recipients:;\r\n\r\nbody"


def test_adds_a_trace_once() -> None:
    """The trace field stands on top, and only once if the same edit is made again."""
    edit = AddTrace(field=b"Received: by gw.example;\r\n\tdate\r\n")
    once = apply(MAIL, (edit,))
    assert once == edit.field + MAIL
    assert once == apply(once, (edit,))


def test_leaves_a_mail_without_header_alone() -> None:
    """Where there is no field there is nothing to prune."""
    for raw in (b"", b"\r\n", b"\r\nTo: bob@out.example\r\n", b"just text"):
        assert raw == apply(raw, (RemoveBcc(), PRUNE, RemoveSignatures()))


def hidden_of(raw: bytes) -> tuple[str, ...]:
    """Return the outsiders among the visible recipients, as the policy would choose them."""
    visible = {canonical(one.address) for one in parse(raw).visible}
    return tuple(sorted(address for address in visible if not address.endswith("corp.example")))


@given(strategies.messages)
@settings(max_examples=150, deadline=None)
def test_no_header_shows_a_hidden_address(raw: bytes) -> None:
    """(e, g) After the edit nothing shows a hidden address, or `exposed` names the field; the body is identical."""
    hidden = hidden_of(raw)
    edits: tuple[Edit, ...] = (RemoveBcc(), RemoveSignatures(), PruneRecipients(hidden=hidden, to=AUTHOR))
    edited = apply(raw, edits)
    start, edited_start = header.body_start(raw), header.body_start(edited)
    assert raw[start:] == edited[edited_start:]
    assert edited == apply(edited, edits)
    assert not set(hidden_of(edited)) & set(hidden)
    if not exposed(edited, hidden):
        section = edited[:edited_start].lower()
        assert not [address for address in hidden if f"<{address}>".encode() in section]


@given(strategies.messages)
@settings(max_examples=100, deadline=None)
def test_insiders_stay(raw: bytes) -> None:
    """(f) Everyone whose address is not hidden is still there, in the same order and the same fields."""
    hidden = hidden_of(raw)
    edited = apply(raw, (PruneRecipients(hidden=hidden, to=""),))
    stay = [(one.field, canonical(one.address)) for one in parse(raw).visible if canonical(one.address) not in hidden]
    assert stay == [(one.field, canonical(one.address)) for one in parse(edited).visible]


@given(strategies.header_sections, strategies.odd_addresses)
@settings(max_examples=100, deadline=None)
def test_touches_nothing_else(section: bytes, address: str) -> None:
    """A header section that does not name the hidden address stays to the octet."""
    hidden = (canonical(address),)
    if not exposed(section, hidden):
        assert section == apply(section, (PruneRecipients(hidden=hidden, to=AUTHOR), RemoveSignatures()))


@given(strategies.messages, st.integers(0, 5), st.sampled_from((AUTHOR, "ann@freelance.example")))
@settings(max_examples=100, deadline=None)
def test_what_a_short_edit_hides_is_what_a_list_hides(raw: bytes, place: int, to: str) -> None:
    """Everybody outside but one, told by domains or one by one, is the same header, whoever wrote it."""
    hidden = hidden_of(raw)
    kept = hidden[place : place + 1]
    inside = ("corp.example", "*.corp.example")
    by_domain = apply(raw, (PruneOutsiders(inside=inside, kept=kept, to=to),))
    rest = tuple(address for address in hidden if address not in kept)
    assert by_domain == apply(raw, (PruneRecipients(hidden=rest, to=to),))
    assert by_domain == apply(by_domain, (PruneOutsiders(inside=inside, kept=kept, to=to),))


def test_keeps_one_of_a_thousand_at_once() -> None:
    """A thousand copies of a mail to a thousand people outside: the list is read for the first, and for no other."""
    people = [f"guest{number}@home{number}.example" for number in range(1000)]
    raw = f"From: {AUTHOR}\r\nTo: {', '.join(people)}, dora@corp.example\r\n\r\nbody".encode()

    def copy(person: str) -> bytes:
        return apply(raw, (PruneOutsiders(inside=("corp.example",), kept=(person,), to=AUTHOR),))

    first, *others = (lines(partial(copy, person)) for person in people)
    assert max(others) < first / 100
    for person in people:
        assert copy(person) == f"From: {AUTHOR}\r\nTo: {person}, dora@corp.example\r\n\r\nbody".encode()


EDITS = (
    AddTrace(field=b"Received: by gw.example;\r\n\tdate\r\n"),
    RemoveBcc(),
    RemoveSignatures(),
    PRUNE,
    PruneRecipients(hidden=(), to=""),
    PruneOutsiders(inside=("corp.example", "*.corp.example"), kept=("a@b.example",), to=AUTHOR),
    PruneOutsiders(inside=(), kept=(), to=""),
    PruneAttendees(inside=("corp.example",), kept=()),
)


@given(st.lists(st.sampled_from(EDITS)))
def test_json_reads_back(edits: list[Edit]) -> None:
    """What custody keeps is what comes out of it."""
    assert tuple(edits) == from_json(to_json(tuple(edits)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        '[{"edit": "burn"}]',
        '[{"edit": "remove-bcc", "more": 1}]',
        '[{"edit": "add-trace"}]',
        '[{"edit": "add-trace", "field": "X: y"}]',
        '[{"edit": "add-trace", "field": "X: y\\r\\n\\r\\nbody"}]',
        '[{"edit": "add-trace", "field": "X: y\\r\\nZ: y\\r\\n"}]',
        '[{"edit": "add-trace", "field": "X: \\u1234\\r\\n"}]',
        '[{"edit": "prune-recipients", "hidden": "a@b.example", "to": ""}]',
        '[{"edit": "prune-recipients", "hidden": [1], "to": ""}]',
        '[{"edit": "prune-recipients", "hidden": ["A@b.example"], "to": ""}]',
        '[{"edit": "prune-recipients", "hidden": [], "to": "a@b.example\\r\\nX: y"}]',
        '[{"edit": "prune-recipients", "hidden": [], "to": null}]',
        '[{"edit": "prune-outsiders", "inside": ["corp.example"], "kept": []}]',
        '[{"edit": "prune-outsiders", "inside": ["a@b.example"], "kept": [], "to": ""}]',
        '[{"edit": "prune-outsiders", "inside": [], "kept": ["A@b.example"], "to": ""}]',
        '[{"edit": "prune-outsiders", "inside": [], "kept": [], "to": "nobody"}]',
        '[{"edit": "prune-attendees", "inside": [1], "kept": []}]',
        '[{"edit": "prune-attendees", "inside": [], "kept": "a@b.example"}]',
        "[" * 100_000,
    ],
)
def test_json_is_checked(text: str) -> None:
    """Anything else is refused, and the refusal does not quote it."""
    with pytest.raises(ValueError, match=r"^edits: not (?:JSON|an array|an edit)$"):
        from_json(text)
