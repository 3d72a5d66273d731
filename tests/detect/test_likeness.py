"""Names that one letter, or nothing visible, tells apart share a form; others do not."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dlp_gateway.detect.likeness import domain_forms, neighbour_forms, twin_forms
from dlp_gateway.mail.address import canonical_domain

WORD = st.text(string.ascii_lowercase, min_size=6, max_size=12)


@pytest.mark.parametrize(
    ("known", "other"),
    [
        ("acmecorp.example", "acmecrop.example"),
        ("acmecorp.example", "acmecorps.example"),
        ("acmecorp.example", "acmecor.example"),
        ("acmecorp.example", "acnecorp.example"),
        ("mail.acmecorp.example", "acnecorp.example"),
        ("modern-art.example", "modem-art.example"),
        ("paypal.example", "paypa1.example"),
        ("acmecorp.com", "acmecorp.co"),
        ("acme-corp.example", "acmecorp.example"),
        ("apple.example", canonical_domain("xn--pple-43d.example")),  # with a Cyrillic а
        ("gmail.com", "gmial.com"),
    ],
)
def test_domains_that_look_alike(known: str, other: str) -> None:
    """A letter changed, lost, added or moved; letters that look the same; a hasty .com."""
    assert domain_forms(known) & domain_forms(other)


@pytest.mark.parametrize(
    ("known", "other"),
    [
        ("acmecorp.example", "summit.example"),
        ("acmecorp.de", "acmecorp.dk"),
        ("abc.example", "abd.example"),
        ("shop1.example", "shop2.example"),
        ("region10-bank.example", "region11-bank.example"),
        ("mail.com", "gmail.com"),
        ("com", "co"),
        ("[192.0.2.1]", "[192.0.2.2]"),
    ],
)
def test_domains_that_do_not(known: str, other: str) -> None:
    """Short names, numbered ones, and the suffixes of one firm in two countries are no mistake."""
    assert not domain_forms(known) & domain_forms(other)


@pytest.mark.parametrize(
    ("known", "other", "alike"),
    [
        ("john.smith@firm.example", "john.smyth@firm.example", True),
        ("schmidt@firm.example", "schmit@firm.example", True),
        ("a.smithson@firm.example", "b.smithson@firm.example", False),
        ("asmithson@firm.example", "bsmithson@firm.example", False),
        ("john.smith@firm.example", "john.smyth@other.example", False),
        ("customer1@firm.example", "customer2@firm.example", False),
        ("anna@firm.example", "anne@firm.example", False),
    ],
)
def test_neighbours_at_one_domain(known: str, other: str, *, alike: bool) -> None:
    """A slip in a long name, not another initial or another number."""
    assert bool(neighbour_forms(known) & neighbour_forms(other)) == alike


@pytest.mark.parametrize(
    ("known", "other", "alike"),
    [
        (("anna.weiss@firm.example", ""), ("anna.weiss@free.example", ""), True),
        (("aw@firm.example", "Anna Weiß"), ("anna1@free.example", "Weiss, Anna"), False),
        (("aw@firm.example", "Anna Weiss"), ("anna1@free.example", "WEISS, Anna"), True),
        (("aw@firm.example", "Anna"), ("anna1@free.example", "Anna"), False),
        (("aw@firm.example", "aw@firm.example"), ("x@free.example", "aw@firm.example"), False),
        (("desk@firm.example", ""), ("desk@free.example", ""), False),
    ],
)
def test_twins(known: tuple[str, str], other: tuple[str, str], *, alike: bool) -> None:
    """The same mailbox elsewhere, or the same full name on another mailbox."""
    assert bool(twin_forms(*known) & twin_forms(*other)) == alike


@given(word=WORD, place=st.integers(0, 11), letter=st.sampled_from(string.ascii_lowercase))
def test_one_slip_is_found_wherever_it_is(word: str, place: int, letter: str) -> None:
    """Changing, adding or losing one letter of a domain leaves a shared form."""
    place = min(place, len(word) - 1)
    assume("rn" not in word and "vv" not in word and letter not in "rnv")
    for slip in (
        word[:place] + letter + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + word[place + 1 :],
    ):
        assume("rn" not in slip and "vv" not in slip and len(slip) > 5)
        assert domain_forms(f"{word}.example") & domain_forms(f"{slip}.example")


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_name_has_few_forms(address: str, name: str) -> None:
    """Hostile names cost little and raise nothing."""
    assert len(domain_forms(address)) <= 70
    assert len(neighbour_forms(address)) <= 70
    assert len(twin_forms(address, name)) <= 2
