"""Sets of IP networks: who is in them, and whether they are more of the internet than anybody can call their own."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses
from typing import Final

Networks = tuple[IPv4Network | IPv6Network, ...]

_MOST_IPV4: Final = 2**30  # a quarter of IPv4; RFC 1918 is far less
_MOST_IPV6: Final = 2**112  # a /16; the registries give providers a /19 at the most
_ALL_IPV4: Final = IPv4Network("0.0.0.0/0")
_MAPPED_IPV4: Final = IPv6Network("::ffff:0:0/96")  # RFC 4291 2.5.5.2
_PRIVATE_IPV6: Final = (IPv6Network("fc00::/7"), IPv6Network("fe80::/10"), IPv6Network("::1/128"))


def within(address: IPv4Address | IPv6Address, networks: Networks) -> bool:
    """Whether an address is in one of the networks; an IPv4-mapped IPv6 address counts as IPv4, in both."""
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    four, six = _by_version(networks)
    return any(address in network for network in (four if address.version == 4 else six))


def large_part_of_internet(networks: Networks) -> bool:
    """Whether the networks together hold more than a quarter of IPv4, or more than a /16 of public IPv6."""
    four, six = _by_version(networks)
    public = (network for network in six if not any(network.subnet_of(private) for private in _PRIVATE_IPV6))
    return sum(n.num_addresses for n in four) > _MOST_IPV4 or sum(n.num_addresses for n in public) > _MOST_IPV6


@lru_cache(maxsize=256)  # asked at each connection, and by rules for each message
def _by_version(networks: Networks) -> tuple[tuple[IPv4Network, ...], tuple[IPv6Network, ...]]:
    """Return the networks without overlaps; what lies in ::ffff:0:0/96 is IPv4, and what holds it holds all of IPv4."""
    four = [network for network in networks if isinstance(network, IPv4Network)]
    six = []
    for network in networks:
        if isinstance(network, IPv4Network):
            continue
        if network.subnet_of(_MAPPED_IPV4):
            four.append(IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96)))
            continue
        six.append(network)
        if network.supernet_of(_MAPPED_IPV4):
            four.append(_ALL_IPV4)
    return tuple(collapse_addresses(four)), tuple(collapse_addresses(six))
