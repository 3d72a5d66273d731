"""Which organisation a domain belongs to."""

import pytest

from dlp_gateway.detect.organisations import organisation


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
