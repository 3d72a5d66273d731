"""What this machine tells of itself to whoever sets the gateway up: its name, its domain, its networks."""

import socket
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from dlp_gateway.detect.organisations import is_public_suffix, organisation
from dlp_gateway.settings import is_host_name

_ROUTES: Final = Path("/proc/net/route")
_MOST: Final = 16

#: Ends of names that machines have among themselves, and mail does not (RFC 6762, RFC 8375, and habit).
_NOT_OF_MAIL: Final = frozenset({"local", "localdomain", "internal", "lan", "home", "arpa", "localhost"})


def hostname() -> str:
    """Return this machine's full name, "" if it has none that other servers would accept."""
    name = socket.getfqdn().rstrip(".").lower()
    return name if is_host_name(name) and "." in name and not name.startswith("localhost.") else ""


def own_domain(name: str) -> str:
    """Return the domain that a host of this name most likely belongs to, "" if none can be told."""
    domain = organisation(name) if "." in name else ""
    unfit = domain.rpartition(".")[2] in _NOT_OF_MAIL or is_public_suffix(domain)
    return "" if not domain or unfit else domain


def networks(routes: Path = _ROUTES) -> tuple[str, ...]:
    """Return the IPv4 networks that this machine is in (Linux's table of routes: those without a gateway)."""
    try:
        lines = routes.read_text(encoding="ascii", errors="replace").splitlines()[1:]
    except OSError:
        return ()
    found: dict[str, None] = {}
    for line in lines:
        match line.split():
            case [_, destination, "00000000", _, _, _, _, mask, *_] if len(destination) == len(mask) == 8:
                found[_network(destination, mask)] = None
    return tuple(one for one in found if one)[:_MOST]


def _network(destination: str, mask: str) -> str:
    """Return a network from two numbers in hexadecimal, least octet first; "" for what is none."""
    try:
        octets, bits = (bytes.fromhex(one)[::-1] for one in (destination, mask))
        network = IPv4Network((octets, int.from_bytes(bits).bit_count()))
    except ValueError:
        return ""
    return "" if network.prefixlen in {0, 32} or network.is_link_local else str(network)
