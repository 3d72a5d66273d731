"""The scanner of address lists: exact counts in every way of writing, and nothing that switches it off."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.mail.address import canonical
from dlp_gateway.mail.address_list import Mailbox, scan
from dlp_gateway.mail.edit import PruneRecipients, apply, exposed
from dlp_gateway.mail.message import Defect
from dlp_gateway.mail.parse import parse
from tests import strategies
from tests.work import LINEAR, growth

COUNTS = (1, 2, 3, 9, 10, 11, 40, 99, 100, 101, 499, 1000)


def addresses(body: str | bytes) -> list[str]:
    """Return the addresses that the scanner reads."""
    octets = body if isinstance(body, bytes) else body.encode()
    return [mailbox.address for mailbox in scan(octets).mailboxes]


def written(count: int, way: object) -> list[str]:
    """Return `count` distinct mailboxes written in one way."""
    return [way(f"User{number}", f"user{number}@kunde{number}.example") for number in range(count)]  # type: ignore[operator]


@pytest.mark.parametrize("way", [*strategies.WAYS, strategies.hidden_in_word], ids=lambda way: way.__name__)
@pytest.mark.parametrize("count", COUNTS)
def test_counts_exactly_in_every_way_of_writing(count: int, way: object) -> None:
    """N mailboxes count N, whatever the way of writing and the separator."""
    for separator in (", ", ",", ";", ",\r\n ", ", , ", " ; "):
        assert count == len(addresses(separator.join(written(count, way))))


def test_counts_every_number_up_to_a_thousand() -> None:
    """N = 1 … 1000 mailboxes, the ways of writing mixed, count N."""
    ways = strategies.WAYS
    elements = [ways[number % len(ways)](f"U{number}", f"u{number}@k{number}.example") for number in range(1000)]
    counts = [len(addresses(", ".join(elements[:count]))) for count in range(1, 1001, 7)]
    assert list(range(1, 1001, 7)) == counts


@pytest.mark.parametrize("count", COUNTS)
def test_counts_members_of_groups(count: int) -> None:
    """Names of groups, empty groups and nested ones count nothing; their members do."""
    members = written(count, strategies.quoted)
    some, others = ", ".join(members[: count // 2]), ",".join(members[count // 2 :])
    text = f"undisclosed-recipients:;, Customers: {some};, Rest (of: them): {others};"
    assert count == len(addresses(text))


@pytest.mark.parametrize("count", COUNTS)
def test_counts_over_all_fields(count: int) -> None:
    """Several fields of each name that shows recipients, in any case, folded, with blanks before the colon, add up."""
    names = ("To", "TO", "to ", "Cc", "cC\t", "Resent-To", "resent-cc", "RESENT-TO", "Apparently-to")
    fields = [
        f"{names[number % len(names)]}: {element}\r\n"
        for number, element in enumerate(written(count, strategies.angled))
    ]
    message = parse("".join(fields).encode() + b"Bcc: nobody@kunde.example\r\n\r\nbody")
    assert count == len(message.visible)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a@b.example", ["a@b.example"]),
        ("u@d.example <u@d.example>", ["u@d.example"]),
        ("U@D.example <u@d.example>", ["u@d.example"]),
        ("a@b.example, , ,c@d.example,", ["a@b.example", "c@d.example"]),
        ("a@b.example; c@d.example", ["a@b.example", "c@d.example"]),
        ('"Smith, John" <a@b.example>', ["a@b.example"]),
        ('"not@me.example" <a@b.example>', ["a@b.example"]),
        ('"x@y.example, z@y.example" <a@b.example>', ["a@b.example", "x@y.example", "z@y.example"]),
        ('"x@y.example and z@y.example" <a@b.example>', ["a@b.example", "x@y.example", "z@y.example"]),
        ('"a@b.example <a@b.example>" <a@b.example>', ["a@b.example"]),
        ("=?utf-8?q?x=40y.example_z=40y.example?= <a@b.example>", ["a@b.example", "x@y.example", "z@y.example"]),
        ("a@b.example (x@y.example z@y.example)", ["a@b.example", "x@y.example", "z@y.example"]),
        ("a@b.example (x@y.example) (z@y.example)", ["a@b.example", "x@y.example", "z@y.example"]),
        ("A <a@b.example> (=?utf-8?q?x=40y.example_z=40y.example?=)", ["a@b.example", "x@y.example", "z@y.example"]),
        ("not@me.example <a@b.example>", ["a@b.example"]),
        ("=?utf-8?q?not=40me.example?= <a@b.example>", ["a@b.example"]),
        ("<a@b.example", ["a@b.example"]),
        ("<a@b.example, <c@d.example, e@f.example", ["a@b.example", "c@d.example", "e@f.example"]),
        ("a@b.example <c@d.example> e@f.example", ["c@d.example", "e@f.example"]),
        ("one <a@b.example> two <c@d.example>", ["a@b.example", "c@d.example"]),
        ("a@b.example c@d.example", ["a@b.example", "c@d.example"]),
        ("a@b.example c@d.example <e@f.example>", ["e@f.example", "a@b.example", "c@d.example"]),
        ("=?utf-8?q?a=40b.example?=", ["a@b.example"]),
        ("=?utf-8?b?YUBiLmV4YW1wbGUsIGNAZC5leGFtcGxl?=", ["a@b.example", "c@d.example"]),
        ("=?utf-8?b?YUBiLmV4YW1wbGUsIGNAZC5leGFtcGxl?= <e@f.example>", ["e@f.example", "a@b.example", "c@d.example"]),
        ("=?utf-8?q?a?=@b.example", ["a@b.example"]),
        ("=?utf-8?q?a=40b?=.example", ["a@b.example"]),
        ('"a@b.example"', ["a@b.example"]),
        ('"a@b.example", "c@d.example"', ["a@b.example", "c@d.example"]),
        ("(a@b.example)", ["a@b.example"]),
        ("(x, a@b.example) c@d.example", ["a@b.example", "c@d.example"]),
        ("(comment) c@d.example (not@me.example)", ["c@d.example"]),
        ("(unclosed a@b.example, c@d.example", ["a@b.example", "c@d.example"]),
        ('"unclosed <a@b.example>, c@d.example', ["a@b.example", "c@d.example"]),
        ("((((((((((a@b.example, c@d.example", ["a@b.example", "c@d.example"]),
        ("a(one)@(two)b(three).example", ["a@b.example"]),
        ("a . b @ c . example", ["a.b@c.example"]),
        ('"john smith"@b.example', ['"john smith"@b.example']),
        ('"a,b"@b.example, c@d.example', ['"a,b"@b.example', "c@d.example"]),
        ("a@[192.0.2.1], b@[IPv6:2001:db8::1]", ["a@[192.0.2.1]", "b@[IPv6:2001:db8::1]"]),
        ("<@one.example,@two.example:a@b.example>", ["a@b.example"]),
        ("<@one.example, a@b.example, c@d.example>", ["a@b.example", "c@d.example"]),
        ("a@b@c.example", ["a@b", "b@c.example"]),
        ("John [SMTP:a@b.example]", ["a@b.example"]),
        ("mailto:a@b.example", ["a@b.example"]),
        ("'a@b.example'", ["a@b.example"]),
        ("a\N{FULLWIDTH COMMERCIAL AT}b.example", ["a@b.example"]),
        ("müller@bücher.example", ["müller@bücher.example"]),
        ("a@b.example\x00, c@d\x00.example", ["a@b.example", "c@d.example"]),
        ("a@b.example\\, c@d.example", ["a@b.example\\,", "c@d.example"]),
        ("x:y:a@b.example;;;z:c@d.example", ["a@b.example", "c@d.example"]),
        ("undisclosed-recipients:;", []),
        ("", []),
        (" , ; : <> () ", []),
        ("root", []),
        *(
            (element, ["a@b.example"])
            for element in (
                "a@b.example <>",
                "a @ b.example < >",
                '"a@b.example" <>',
                "\"'a@b.example'\" <>",
                "=?utf-8?q?a=40b.example?= <>",
                "=?utf-8?q?a=EF=BC=A0b.example?= <>",
                '"a@b.example" </O=CORP/OU=EXCHANGE/CN=RECIPIENTS/CN=A>',
                "a@b.example <X400:C=DE;A= ;P=CORP;S=A>",
                "a@b.example<undisclosed-recipients:;",
                "(a@b.example) <>",
                "A (a@b.example) <>",
                "<> (a@b.example)",
                "a@b.example <@b.example>",
                "a@b.example <(c)>",
                "a@b.example <<>>",
                "a@b.example <",
                "Customers: a@b.example <>;",
                '"a@b.example": <>;',
                "(a@b.example): ;",
            )
        ),
        ("a@b.example <> <c@d.example>", ["a@b.example", "c@d.example"]),
        ("A (a@b.example) <> c@d.example", ["a@b.example", "c@d.example"]),
        ("\"'a@b.example'\"", ["a@b.example"]),
    ],
)
def test_reads(body: str, expected: list[str]) -> None:
    """Each oddity yields exactly these addresses; where two readings are possible, those of both."""
    assert sorted(expected) == sorted(addresses(body))


@pytest.mark.parametrize("body", ["root", "<>", "a b", "a@b.example c", "<a@b.example", "a@b@c.example"])
def test_records_what_is_no_mailbox(body: str) -> None:
    """An element that is no proper mailbox is recorded."""
    assert Defect.BAD_ADDRESS in scan(body.encode()).defects


def test_decodes_names() -> None:
    """Display names are decoded, unquoted, and taken from a comment if there is nothing else."""
    body = (
        b'=?utf-8?q?J=C3=BCrgen?= <a@b.example>, "B \\"C\\"" <c@d.example>, e@f.example (Old Style), G H <g@h.example>'
    )
    expected = [
        ("a@b.example", "Jürgen"),
        ("c@d.example", 'B "C"'),
        ("e@f.example", "Old Style"),
        ("g@h.example", "G H"),
    ]
    assert [Mailbox(*pair) for pair in expected] == list(scan(body).mailboxes)


def test_stops_at_the_limit() -> None:
    """Behind the limit nothing is read, and that is said."""
    result = scan(b", ".join(b"u%d@k.example" % number for number in range(30)), 20)
    assert len(result.mailboxes) == 20
    assert Defect.TOO_MANY_RECIPIENTS in result.defects


@pytest.mark.parametrize("body", [b"a@b.example", b"a@b.example, ; ,"])
def test_a_list_as_long_as_the_limit_is_whole(body: bytes) -> None:
    """A list that ends at the limit is not reported as cut."""
    assert Defect.TOO_MANY_RECIPIENTS not in scan(body, 1).defects


HOSTILE = (
    *(
        b'"',
        b'"\\',
        b'"a",',
        b'"a',
        b'""@',
        b'"".',
        b"(",
        b"(a",
        b"(\\",
        b"(,a@b)",
        b"a(b)",
        b"(a)@",
        b"<",
        b"<@a,",
        b"<@a",
    ),
    *(
        b"<a@b ",
        b"<>",
        b"><",
        b"@",
        b"a@",
        b"a@b ",
        b"a@b@",
        b"'@",
        b"a@b,\x00",
        b",",
        b":;",
        b"a:",
        b"a.",
        b"a .",
        b"a . @",
    ),
    *(b"a@b <>", b"a@b<>,", b'"a@b" <x>', b"(a@b) <> ", b"a@b <x;", b"(a@b,c@d):"),
    *(b"=?", b"=?a?q?", b"=?a?q?x?=", b"=?utf-8?q?a=40b?= ", b"[", b"[a", b"a ", b" ", b"\t\r\n", b"\\", b"\xff"),
    b"\xe3\x80\x82@",
)


@pytest.mark.parametrize("unit", HOSTILE)
def test_takes_linear_time(unit: bytes) -> None:
    """200 kB of any unit cost no more than their length."""
    assert growth(scan, unit.__mul__, 200_000 // len(unit)) < LINEAR


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_never_raises(body: bytes) -> None:
    """Arbitrary octets yield addresses that each hold an "@", never an error."""
    assert all("@" in mailbox.address for mailbox in scan(body).mailboxes)


@given(st.binary(max_size=60), st.sampled_from((b", ", b";", b",\r\n ")), strategies.addresses)
@settings(max_examples=300)
def test_no_odd_element_switches_it_off(junk: bytes, separator: bytes, address: str) -> None:
    """An address in angle brackets on either side of any junk is found, if no quoted string or comment swallows it."""
    element = f"<{address}>".encode()
    tame = junk.translate(None, b'"()\\')
    found = [canonical(one) for one in addresses(element + separator + tame)]
    behind = [canonical(one) for one in addresses(tame + separator + element)]
    assert canonical(address) in found
    assert canonical(address) in behind


NAMED = (
    "{}",
    '"{}"',
    "\"'{}'\"",
    "({})",
    "A ({})",
    '"A {}" (B)',
    "=?utf-8?b?{base64}?=",
    "A =?utf-8?b?{base64}?=",
    "{}:",
)
NO_ADDRESSES = (
    "<>",
    "< >",
    "<x>",
    "</O=CORP/CN=X>",
    "<X400:C=DE;A= ;S=X>",
    "<undisclosed-recipients:;",
    "<x@>",
    "<@x>",
)


@given(
    st.sampled_from(NAMED),
    strategies.addresses,
    st.sampled_from(NO_ADDRESSES),
    st.sampled_from(("", " ", "\r\n ")),
    st.sampled_from(("", " x", " <c@d.example>", " c@d.example", ", c@d.example")),
)
@settings(max_examples=300)
def test_what_stands_before_brackets_without_an_address_counts_and_can_be_hidden(
    named: str, address: str, angle: str, space: str, behind: str
) -> None:
    """It is all that a client has to show."""
    name = named.format(address, base64=base64.b64encode(address.encode()).decode())
    body = f"{name}{space}{angle}{behind}"
    found = {canonical(one) for one in addresses(body)}
    assert {canonical(address), *(["c@d.example"] if "c@d" in behind else [])} <= found
    hidden = (canonical(address),)
    pruned = apply(f"To: {body}\r\n\r\n".encode(), (PruneRecipients(hidden=hidden, to=""),))
    assert exposed(pruned, hidden) == ()
    assert canonical(address) not in {canonical(one.address) for one in parse(pruned).visible}


@given(st.lists(strategies.mailboxes, max_size=8))
@settings(max_examples=200)
def test_counts_what_composers_write(elements: list[str]) -> None:
    """Any mixture of the ways of writing counts exactly."""
    assert len(elements) == len(addresses(", ".join(elements)))
