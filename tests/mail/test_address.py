"""One address: comparing, writing, and what the SMTP door lets in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.mail.address import (
    DomainSet,
    canonical,
    canonical_domain,
    canonical_mailbox,
    domain_of,
    serialise,
    valid_forward_path,
    valid_reverse_path,
)
from tests import strategies


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("bob@example.org", "bob@example.org"),
        ("BOB@Example.ORG.", "bob@example.org"),
        ("<Bob@example.org>", "bob@example.org"),
        ("bob+news+more@example.org", "bob@example.org"),
        ("+bob@example.org", "+bob@example.org"),
        ('"bob"@example.org', "bob@example.org"),
        ('"b\\ob"@example.org', "bob@example.org"),
        ("@a.example,@b.example:bob@example.org", "bob@example.org"),
        ("bob@xn--bcher-kva.example", "bob@bücher.example"),
        ("bob@BÜCHER.example", "bob@bücher.example"),
        ("bob@bücher。example", "bob@bücher.example"),
        ("ｂｏｂ@ｅxample.org", "bob@example.org"),
        ("bo\u00adb\u200b@exam\u200dple.org", "bob@example.org"),
        ("STRASSE@example.org", "strasse@example.org"),
        ("Straße@example.org", "strasse@example.org"),
        ("bob@[IPv6:2001:DB8::1]", "bob@[ipv6:2001:db8::1]"),
        ("bob@xn--", "bob@xn--"),
        ("bob@xn--\u00fc", "bob@xn--ü"),
        ("bob", "bob"),
        ("", ""),
    ],
)
def test_canonical(written: str, expected: str) -> None:
    """Ways of writing one address have one canonical form."""
    assert expected == canonical(written)


@given(st.one_of(st.text(max_size=30), strategies.odd_addresses, st.text('@:<>"\\+. \u200bxn-', max_size=12)))
@settings(max_examples=500)
def test_canonical_is_idempotent(text: str) -> None:
    """The canonical form of a canonical form is itself."""
    assert canonical(text) == canonical(canonical(text))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("bob@partner.example", "bob@PARTNER.Example", True),
        ("bob@partner.example", "BOB@partner.example", True),
        ("bob@partner.example", '"Bob"@partner.example', True),
        ('"a b"@partner.example', '"A\\ B"@partner.example', True),
        ("bob@bücher.example", "bob@XN--BCHER-KVA.example", True),
        ("bob@[IPv6:2001:db8::1]", "bob@[ipv6:2001:DB8::1]", True),
        ("postmaster", "Postmaster", True),
        ("bob@partner.example", "bob+news@partner.example", False),
        ("bob+news@partner.example", "Bob+News@partner.example", True),
        ("bob@partner.example", "bob@mail.partner.example", False),
        ("strasse@partner.example", "straße@partner.example", False),
        ("k@partner.example", "\u212a@partner.example", False),
        ("bob@partner.example", "ｂｏｂ@partner.example", False),
    ],
)
def test_one_mailbox_written_in_two_ways(one: str, other: str, *, same: bool) -> None:
    """Case and quotes apart it is the same; a tag or another letter may name another mailbox, which gets its mail."""
    assert (canonical_mailbox(one) == canonical_mailbox(other)) is same


@given(
    st.text("AbSsß+.", min_size=1, max_size=6) | st.text('AbSsß+. "\\', max_size=6).map('"{}"'.format),
    st.sampled_from(("example.org", "Example.ORG", "BÜCHER.example", "xn--bcher-kva.example", "[192.0.2.1]")),
)
@settings(max_examples=500)
def test_a_mailbox_is_no_more_than_a_person(local: str, domain: str) -> None:
    """Of what the door lets in, two that are one mailbox are one to the policy, too; and its form is its own form."""
    path = f"{local}@{domain}"
    if valid_forward_path(path, smtputf8=True):
        assert canonical(canonical_mailbox(path)) == canonical(path)
        assert canonical_mailbox(canonical_mailbox(path)) == canonical_mailbox(path)


@given(strategies.odd_addresses)
def test_canonical_knows_no_case(address: str) -> None:
    """Upper and lower case are one address."""
    assert canonical(address) == canonical(address.upper())


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("a@Example.ORG.", "example.org"),
        ("<a@b.example>", "b.example"),
        ('"x@y"@b.example', "b.example"),
        ("root", ""),
        ("", ""),
    ],
)
def test_domain_of(address: str, domain: str) -> None:
    """The domain is what stands behind the last "@"."""
    assert domain == domain_of(address)


def test_labels_of_two_readings_never_meet() -> None:
    """What "xn--" hides is decoded only where it is a label; it cannot forge a dot or an ASCII name."""
    for label in ("xn--a.b-", "xn--corp-", "xn--0", "xn--" + "9" * 70):
        assert canonical_domain(f"{label}.example") == f"{label}.example"


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("corp.example", True),
        ("CORP.example.", True),
        ("alice@corp.example", True),
        ("<alice@corp.example>", True),
        ("sub.corp.example", False),
        ("sub.lab.example", True),
        ("deep.sub.lab.example", True),
        ("lab.example", False),
        ("notlab.example", False),
        ("notcorp.example", False),
        ("corp.example.org", False),
        ("xn--bcher-kva.example", True),
        ("Bücher.example", True),
        ("example", False),
        ("", False),
        ("alice@", False),
        ('"@corp.example"@example.org', False),
    ],
)
def test_domain_set(domain: str, *, expected: bool) -> None:
    """A bare domain means itself, a starred one all below it; addresses count by their domain."""
    assert expected == DomainSet(("corp.example", "*.lab.example", "bücher.example")).contains(domain)


def test_a_domain_of_many_labels_takes_no_time() -> None:
    """Only its end may be in a set, for no domain is longer than 255 octets."""
    domains = DomainSet(("*.corp.example",))
    assert domains.contains("x." * 500_000 + "corp.example")
    assert not domains.contains("x." * 500_000 + "example")


def test_domain_sets_compare_by_their_patterns() -> None:
    """Two sets of the same patterns are one value."""
    assert DomainSet(("a.example",)) == DomainSet(("a.example",))
    assert len({DomainSet(("a.example",)), DomainSet(("a.example",))}) == 1
    assert not DomainSet(()).contains("a.example")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("bob@example.org", b"bob@example.org"),
        ('"bob"@example.org', b"bob@example.org"),
        ('"b o\\b"@example.org', b'"b ob"@example.org'),
        ("b,ob@example.org", b'"b,ob"@example.org'),
        ('b"b@example.org', b'"b\\"b"@example.org'),
        ("a@b@example.org", b'"a@b"@example.org'),
        ("bob@[192.0.2.1]", b"bob@[192.0.2.1]"),
        ("bob@example.org.", b"bob@example.org"),
        ("bob@bücher.example", "bob@bücher.example".encode()),
        ("bob", None),
        ("@example.org", None),
        ('""@example.org', None),
        ("bob@", None),
        ("bob@ex ample", None),
        ("bob@-x.example", None),
        ("bob@a..example", None),
        ("bob@example.org\r\nBcc: x@y.example", None),
        ("bo\x00b@example.org", None),
        ("bo\u202eb@example.org", None),
        ("b" * 65 + "@example.org", None),
        ("bob@" + "x." * 130 + "example", None),
        ("", None),
    ],
)
def test_serialise(address: str, expected: bytes | None) -> None:
    """Addresses are written afresh, quoted where they must be; what can be none is refused."""
    assert expected == serialise(address)


@given(st.text(max_size=20).map(lambda text: f"{text}@example.org"))
@settings(max_examples=300)
def test_what_is_written_cannot_break_out(address: str) -> None:
    """Whatever is serialised is one line of printable characters that the door would let in again."""
    octets = serialise(address)
    if octets is not None:
        assert octets.decode().isprintable()
        assert valid_forward_path(octets.decode(), smtputf8=True)
        assert octets == serialise(octets.decode())


@given(st.text('ab".\\ @', max_size=8).map(lambda text: f"{text}@example.org"))
@settings(max_examples=300)
def test_what_the_door_lets_in_can_be_written(path: str) -> None:
    """No path that the door lets in is one that cannot be written afresh."""
    assert not valid_reverse_path(path) or serialise(path) is not None


@pytest.mark.parametrize(
    "path",
    [
        "bob@example.org",
        "<bob@example.org>",
        '"a b"@example.org',
        '"a@b"@example.org',
        '"a\\"b"@example.org',
        '"\\"\\""@example.org',
        "a.b-c_d+e@sub.example.org",
        "bob@[192.0.2.1]",
        "bob@[IPv6:2001:db8::1]",
        "bob@host_name.example",
        "bob@localhost",
        "l" * 64 + "@example.org",
    ],
)
def test_valid_paths(path: str) -> None:
    """The grammar of RFC 5321 4.1.2."""
    assert valid_forward_path(path)
    assert valid_reverse_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "<bob@example.org",
        "bob@example.org>",
        "<<bob@example.org>>",
        "bob@example.org\x00",
        "bob@example.org\r\nDATA",
        "bo\x7fb@example.org",
        "bob @example.org",
        "bob@example.org bob@example.org",
        "bob@example.org,amy@example.org",
        "bob",
        "@example.org",
        "bob@",
        ".bob@example.org",
        "bob.@example.org",
        "b..ob@example.org",
        "bob@.example.org",
        "bob@example..org",
        "bob@example.org.",
        "bob@-a.example",
        "bob@a-.example",
        "bob@" + "a" * 64 + ".example",
        '""@example.org',
        '"bob@example.org',
        'bob"@example.org',
        '"a"b@example.org',
        "@a.example:bob@example.org",
        "<@a.example,@b.example:bob@example.org>",
        "bob@[192.0.2.1",
        "bob@[text]",
        "l" * 65 + "@example.org",
        "bob@" + ".".join(["d" * 60] * 5),
        "müller@example.org",
        "bob@bücher.example",
        " ",
    ],
)
def test_refused_paths(path: str) -> None:
    """Unterminated, with controls, too long, or of another grammar; without SMTPUTF8 nothing but ASCII."""
    assert not valid_forward_path(path)
    assert not valid_reverse_path(path)


def test_paths_of_their_own() -> None:
    """The null reverse-path is none of RCPT's, "Postmaster" none of MAIL's; both are what RFC 5321 says."""
    assert [valid_reverse_path(path) for path in ("", "<>")] == [True, True]
    assert [valid_forward_path(path) for path in ("", "<>")] == [False, False]
    assert [valid_forward_path(path) for path in ("Postmaster", "<postMASTER>")] == [True, True]
    assert not valid_reverse_path("postmaster")


def test_smtputf8_paths() -> None:
    """Where SMTPUTF8 was asked for, letters of any script are let in; what is unseen never is."""
    assert valid_forward_path("müller@bücher.example", smtputf8=True)
    assert valid_reverse_path("<用户@例え.example>", smtputf8=True)
    assert not valid_forward_path("bo\u202eb@example.org", smtputf8=True)
    assert not valid_forward_path("bo\u0085b@example.org", smtputf8=True)
    assert not valid_forward_path("ü" * 33 + "@example.org", smtputf8=True)
