"""Mail that we pass on: whose it is, whether it is of a list of ours, and who of ours is to be told."""

from dataclasses import replace

import pytest

from dlp_gateway.mail.address import DomainSet
from dlp_gateway.mail.parse import parse
from dlp_gateway.mail.redistribution import is_of_list, owner, passed_on_authors
from tests import work
from tests.mail.test_blind import ENVELOPE

OURS = DomainSet(("corp.example",))
LIST = "List-Post: <mailto:members@corp.example>"


def mail(*fields: str) -> bytes:
    """Return a mail of these fields."""
    return "\r\n".join([*fields, "", "body", ""]).encode()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("From: kim@mail.example",), True),
        (("From: kim@mail.example, lee@mail.example",), True),
        (("From: ann@corp.example",), False),
        (("From: kim@mail.example, ann@corp.example",), True),
        (("From: kim@mail.example, ann@corp.example", "Sender: kim@mail.example"), True),
        (("From: kim@mail.example, ann@corp.example", "Sender: members@corp.example"), True),
        (("From: kim@mail.example, ann@corp.example", "Sender: ann@corp.example"), False),
        (("From: ann@corp.example", "From: kim@mail.example"), True),
        (("Sender: kim@mail.example",), True),
        (("From: Undisclosed:;", "Sender: kim@mail.example"), True),
        (("From: Undisclosed:;", "Sender: ann@corp.example"), False),
        (("From: Kim via Members <members@corp.example>", "Cc: Kim <kim@mail.example>"), True),
        (("From: Ann via Members <members@corp.example>", "Cc: Kim <kim@mail.example>"), False),
        (("From: Ann via Members <members@corp.example>", "Cc: Ann <ann@corp.example>"), False),
        (('From: "kim@mail.example (via members list)" <members@corp.example>',), True),
        (('From: "ann@corp.example (via members list)" <members@corp.example>',), False),
        (("From: \"'Kim' via Desk\" <desk@corp.example>", "X-Original-Sender: kim@mail.example"), True),
        (("From: \"'Ann' via Desk\" <desk@corp.example>", "X-Original-Sender: ann@corp.example"), False),
        (("Subject: no author",), False),
        (("From: Kim via Members <members@corp.example>", "Reply-To: kim@mail.example"), True),
        (("From: =?utf-8?q?Kim_=C3=BCber_Liste?= <members@corp.example>", "Reply-To: kim@mail.example"), True),
        (("From: Kim via Members <members@corp.example>", "Reply-To: members@corp.example"), False),
        (("From: Ann <ann@corp.example>", "Reply-To: agency@mail.example"), False),
        (("From: members@corp.example", "X-Original-From: Kim <kim@mail.example>"), True),
        (("From: members@corp.example", "X-Original-From: ann@corp.example"), False),
    ],
)
def test_knows_whose_mail_it_is(fields: tuple[str, ...], expected: bool) -> None:  # noqa: FBT001  a table
    """By From, and by what list software leaves where it replaced that."""
    assert bool(passed_on_authors(ENVELOPE, parse(mail(*fields)), OURS, ())) is expected


@pytest.mark.parametrize(
    ("reverse_path", "fields", "lists", "expected"),
    [
        ("members-bounces@corp.example", (LIST,), ("members@corp.example",), True),
        ("members-bounces+kim=mail.example@corp.example", (LIST,), ("members@corp.example",), True),
        ("members@corp.example", ("List-Id: Members <members.corp.example>",), ("members@corp.example",), True),
        ("x-bounces@lists.corp.example", ("List-Id: <x.lists.corp.example>",), ("lists.corp.example",), True),
        ("members-bounces@corp.example", (), ("members@corp.example",), False),
        ("membership@corp.example", (LIST,), ("members@corp.example",), False),
        ("membersonly@corp.example", (LIST,), ("members@corp.example",), False),
        ("kim@mail.example", (LIST,), ("members@corp.example",), False),
        ("srs0=x=y=mail.example=kim@corp.example", (LIST,), ("corp.example",), False),
        ("members-bounces@corp.example", (LIST,), (), False),
        ("", (LIST,), ("members@corp.example",), False),
    ],
)
def test_a_list_is_known_by_two_signs(
    reverse_path: str, fields: tuple[str, ...], lists: tuple[str, ...], *, expected: bool
) -> None:
    """Its fields and its reverse-path: the fields alone may come from anybody."""
    envelope = replace(ENVELOPE, reverse_path=reverse_path)
    assert is_of_list(envelope, parse(mail("From: kim@mail.example", *fields)), lists) is expected


@pytest.mark.parametrize(
    ("reverse_path", "fields", "expected"),
    [
        ("members@corp.example", (), "members@corp.example"),
        ("members-bounces@corp.example", (), "members-owner@corp.example"),
        ("members-bounces+kim=mail.example@corp.example", (), "members-owner@corp.example"),
        ("members-bounces@corp.example", ("List-Owner: <mailto:ann@corp.example>",), "ann@corp.example"),
        ("members@corp.example", ("List-Owner: <mailto:lee@mail.example>",), "members@corp.example"),
        ("kim@mail.example", ("Sender: desk@corp.example",), "desk@corp.example"),
        ("kim@mail.example", (LIST, "To: other@corp.example"), "members@corp.example"),
        ("kim@mail.example", ("Delivered-To: customers@corp.example", "To: x@y.example"), "customers@corp.example"),
        ("srs0=x=y=mail.example=kim@corp.example", ("To: Desk <desk@corp.example>",), "desk@corp.example"),
        ("", ("Resent-From: bob@corp.example",), "bob@corp.example"),
        ("", ("To: x@y.example",), ""),
    ],
)
def test_tells_whom_to_tell(reverse_path: str, fields: tuple[str, ...], expected: str) -> None:
    """The address of ours through which it came, never an outsider's."""
    envelope = replace(ENVELOPE, reverse_path=reverse_path)
    assert owner(envelope, parse(mail("From: kim@mail.example", *fields)), OURS) == expected


def test_cost_is_linear() -> None:
    """Hundreds of From fields beside thousands in Cc: twice as many of both take twice the work, not four times."""

    def asked(count: int) -> int:
        froms = "".join(f"From: {number} via x <a{number}.{count}@corp.example>\r\n" for number in range(count))
        copied = ", ".join(f"b{number}@corp.example" for number in range(10 * count))
        message = parse(f"{froms}Cc: {copied}\r\n\r\nx".encode())
        return work.lines(lambda: passed_on_authors(ENVELOPE, message, DomainSet(("corp.example",)), ()))

    assert asked(200) < 2.2 * asked(100)
