"""Sets of IP networks: who is in them, whether they hold more than anybody can own, and what is one client."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address
from typing import Final

Networks = tuple[IPv4Network | IPv6Network, ...]

_MOST_IPV4: Final = 2**30  # a quarter of IPv4; RFC 1918 is far less
_MOST_IPV6: Final = 2**112  # a /16; the registries give providers a /19 at the most
_ALL_IPV4: Final = IPv4Network("0.0.0.0/0")
_MAPPED_IPV4: Final = IPv6Network("::ffff:0:0/96")  # RFC 4291 2.5.5.2
_PRIVATE_IPV6: Final = (IPv6Network("fc00::/7"), IPv6Network("fe80::/10"), IPv6Network("::1/128"))
_PRIVATE_IPV4: Final = tuple(  # RFC 1918, and link-local
    map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"))
)
_LOOPBACK: Final = IPv4Network("127.0.0.0/8")
_SITE: Final = 16  # bits; a private network wider than this is seldom that of the hosts that send mail
_PUBLIC_SITE: Final = 24  # bits; the least that is routed on the internet
_IPV6_SITE: Final = 48  # bits; what one site is given

#: Addresses that stand for every client where containers are reached through address translation: the bridges of Docker
#: (its pools are 172.17–31.0.0/16 and 192.168.0.0/16 in pieces) and Podman, slirp4netns, Docker Desktop, and the pods
#: and nodes of Kubernetes with flannel or k3s.
_TRANSLATED: Final = (
    *map(IPv4Network, ("172.16.0.0/12", "10.88.0.0/16", "10.0.2.0/24", "192.168.65.0/24")),
    *map(IPv4Network, ("10.42.0.0/16", "10.244.0.0/16")),
)


def client_address(peer: object) -> IPv4Address | IPv6Address | None:
    """Return the address in a socket's peer name, IPv4-mapped ones as IPv4; None if there is none.

    A client that is gone already has no peer name, one on a Unix socket has no address.
    """
    if not isinstance(peer, tuple):
        return None
    address = ip_address(peer[0].partition("%")[0])
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def network_of(client: IPv4Address | IPv6Address) -> str:
    """Return what counts as one client: an IPv4 address or an IPv6 /64, for that is what one host can have."""
    return str(client) if client.version == 4 else str(IPv6Network((int(client) >> 64 << 64, 64)))


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


def wide(networks: Networks) -> Networks:
    """Return those that are wider than one site: private beyond a /16, public beyond a /24, IPv6 beyond a /48."""
    return tuple(network for network in networks if _is_wide(network))


def translated(networks: Networks) -> Networks:
    """Return those that hold addresses by which containers see clients whose own address is lost."""
    return tuple(
        network
        for network in networks
        if any(mine.overlaps(bridge) for mine in _by_version((network,))[0] for bridge in _TRANSLATED)
    )


def overlapping(networks: Networks, others: Networks) -> Networks:
    """Return those of `networks` that share addresses with one of `others`."""
    four, six = _by_version(others)
    return tuple(
        network
        for network in networks
        if any(mine.overlaps(one) for mine in _by_version((network,))[0] for one in four)
        or any(mine.overlaps(one) for mine in _by_version((network,))[1] for one in six)
    )


def _is_wide(network: IPv4Network | IPv6Network) -> bool:
    four, six = _by_version((network,))
    if any(not one.subnet_of(_LOOPBACK) and one.prefixlen < _site(one) for one in four):
        return True
    return any(one.prefixlen < _IPV6_SITE for one in six)


def _site(network: IPv4Network) -> int:
    return _SITE if any(network.subnet_of(private) for private in _PRIVATE_IPV4) else _PUBLIC_SITE


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
