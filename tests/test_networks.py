"""Sets of IP networks, however they are written."""

from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.networks import Networks, large_part_of_internet, overlapping, translated, wide, within


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


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (("10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/16", "172.16.0.0/12"), ("10.0.0.0/8", "172.16.0.0/12")),
        (("127.0.0.0/8", "::1/128", "169.254.0.0/16"), ()),
        (("192.0.2.0/24", "203.0.0.0/20", "100.64.0.0/10"), ("203.0.0.0/20", "100.64.0.0/10")),
        (("2001:db8::/32", "2001:db8:1::/48", "fd00::/8"), ("2001:db8::/32", "fd00::/8")),
        (("::ffff:10.0.0.0/104", "::ffff:10.0.0.0/112"), ("::ffff:a00:0/104",)),
    ],
)
def test_networks_wider_than_a_site(written: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """More than one site can have; private networks may be larger than public ones."""
    assert wide(networks(*written)) == networks(*expected)


def test_networks_behind_which_containers_see_everybody() -> None:
    """The bridges of Docker, Podman and Kubernetes, in whichever notation, and networks that hold them."""
    held = ("172.17.0.0/16", "172.20.0.1/32", "10.0.0.0/8", "10.88.0.0/16", "192.168.65.1/32", "::ffff:172.17.0.1/128")
    free = ("10.1.0.0/16", "192.168.1.0/24", "127.0.0.0/8", "2001:db8::/48")
    assert translated(networks(*held, *free)) == networks(*held)


def test_networks_that_share_addresses_with_others() -> None:
    """In either direction: a part of them, or more than them."""
    others = networks("192.0.2.0/24", "2001:db8::/32")
    mine = networks("192.0.0.0/16", "192.0.2.7/32", "198.51.100.0/24", "2001:db8:1::/48", "::ffff:192.0.2.0/120")
    assert overlapping(mine, others) == networks(
        "192.0.0.0/16", "192.0.2.7/32", "2001:db8:1::/48", "::ffff:192.0.2.0/120"
    )
