"""Which organisation a domain belongs to."""

import pytest

from dlp_gateway.detect.organisations import is_public_suffix, organisation


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("example.com", "example.com"),
        ("Mail.Shop.Example.CO.UK.", "example.co.uk"),
        ("a.example", "a.example"),
        ("x.y.a.example", "a.example"),
        ("alice.github.io", "alice.github.io"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("bücher.example", "bücher.example"),
        ("", ""),
    ],
)
def test_registrable_domain(domain: str, expected: str) -> None:
    """An organisation is what one can register: a label below a public suffix, or the last two labels."""
    assert expected == organisation(domain)


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("com", True),
        ("Co.UK.", True),
        ("рф", True),
        ("anything.ck", True),  # by the rule *.ck
        ("www.ck", False),  # the exception to it
        ("example.com", False),
        ("github.io", False),  # somebody's own, who lends names below it
        ("localhost", False),
        ("corp", False),
        ("[192.0.2.1]", False),
        ("", False),
    ],
)
def test_public_suffix_belongs_to_nobody(domain: str, expected: object) -> None:
    """Only what registries hand out names under counts."""
    assert expected == is_public_suffix(domain)


def test_tenants_of_microsofts_count_singly() -> None:
    """Each customer has a name of his own below a domain that is Microsoft's."""
    names = ("alpha.onmicrosoft.com", "beta.mail.onmicrosoft.com", "alpha.mail.onmicrosoft.com", "onmicrosoft.com")
    assert [organisation(name) for name in names] == [
        "alpha.onmicrosoft.com",
        "beta.onmicrosoft.com",
        "alpha.onmicrosoft.com",
        "onmicrosoft.com",
    ]
