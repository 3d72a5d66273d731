"""Sets of IP networks, however they are written."""

from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.networks import Networks, large_part_of_internet, within


def networks(*written: str) -> Networks:
    """Return networks from their notation."""
    return tuple(map(ip_network, written))


@pytest.mark.parametrize(
    "written",
    [
        ("0.0.0.0/0",),
        ("0.0.0.0/1",),
        ("0.0.0.0/1", "128.0.0.0/1"),
        ("0.0.0.0/2", "64.0.0.0/32"),
        tuple(f"{number}.0.0.0/8" for number in range(256)),
        ("127.0.0.0/8", "::/0"),
        ("::/64",),
        ("::ffff:0:0/96",),
        ("::ffff:0:0/97", "128.0.0.0/1"),
        ("::/1", "8000::/1"),
        ("2000::/3",),
        ("2000::/12",),
        ("2a00::/16", "2b00::/128"),
    ],
)
def test_large_part_of_the_internet_in_any_notation(written: tuple[str, ...]) -> None:
    """In one network or in many, in IPv4, in IPv6, or IPv4 written as IPv6."""
    assert large_part_of_internet(networks(*written))


@pytest.mark.parametrize(
    "written",
    [
        (),
        ("192.0.2.1",),
        ("0.0.0.0/2",),
        ("0.0.0.0/2", "10.0.0.0/8", "0.0.0.0/3"),
        ("2a00::/16",),
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "::1/128", "fc00::/7", "fe80::/10"),
    ],
)
def test_networks_that_can_be_ones_own(written: tuple[str, ...]) -> None:
    """Up to the bound, overlaps once, and all private networks together."""
    assert not large_part_of_internet(networks(*written))


@pytest.mark.parametrize(
    ("written", "address", "expected"),
    [
        (("10.0.0.0/8",), "10.1.2.3", True),
        (("10.0.0.0/8",), "11.1.2.3", False),
        (("10.0.0.0/8",), "::ffff:10.1.2.3", True),
        (("::ffff:10.0.0.0/104",), "10.1.2.3", True),
        (("::ffff:10.0.0.0/104",), "::ffff:11.1.2.3", False),
        (("2001:db8::/32", "10.0.0.0/8"), "2001:db8::1", True),
        (("2001:db8::/32",), "10.1.2.3", False),
        ((), "10.1.2.3", False),
    ],
)
def test_address_is_found_in_its_network(written: tuple[str, ...], address: str, expected: object) -> None:
    """An IPv4 address is the same in either version's notation."""
    assert expected == within(ip_address(address), networks(*written))


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_ipv4_written_as_ipv6_means_the_same(number: int, length: int) -> None:
    """Neither answer depends on the notation."""
    plain = ip_network((number, length), strict=False)
    mapped = ip_network(f"::ffff:{plain.network_address}/{96 + length}")
    assert large_part_of_internet((plain,)) == large_part_of_internet((mapped,)) == (length < 2)
    assert within(IPv4Address(number), (mapped,))
