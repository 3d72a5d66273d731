"""What an administrator types, checked at once with the same rules as in the files: one sentence says what is wrong."""

from collections.abc import Callable
from typing import Any, Final

import click

_PORT: Final = 25


def checked(annotation: Any) -> Callable[[str], str]:  # noqa: ANN401  a type of the settings
    """Return what gives a text back if a setting of this type could hold it; raises `click.BadParameter`."""

    def check(text: str) -> str:
        from pydantic import TypeAdapter, ValidationError

        value = text.strip()
        try:
            TypeAdapter(annotation).validate_python(value)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            raise click.BadParameter(str(detail.get("ctx", {}).get("error", f"{detail['msg']}."))) from None
        return value

    return check


def own_domain(text: str) -> str:
    """Return a domain that can be our own."""
    from dlp_gateway.policy.file import OwnDomain

    return _dotted(checked(OwnDomain)(text), "corp.example")


def domain(text: str) -> str:
    """Return a domain, or `*.` and a domain."""
    from dlp_gateway.policy.patterns import DomainPattern

    return _dotted(checked(DomainPattern)(text), "partner.example")


def network(text: str) -> str:
    """Return a network or an address."""
    from dlp_gateway.notation import Network

    return checked(Network)(text)


def own_networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    """Return the networks of those who may send without a login."""
    from ipaddress import ip_network

    from dlp_gateway.networks import large_part_of_internet

    if large_part_of_internet(tuple(map(ip_network, networks))):
        raise click.BadParameter("This is a large part of the internet: never an open relay. Name your own networks.")
    return networks


def socket_address(text: str) -> str:
    """Return an IP address and a port."""
    from dlp_gateway.notation import SocketAddress

    return checked(SocketAddress)(text)


def host_name(text: str) -> str:
    """Return a host's full name."""
    from dlp_gateway.settings.values import HostName

    return _dotted(checked(HostName)(text), "gateway.corp.example")


def _dotted(name: str, example: str) -> str:
    """Return a name as other mail servers can look it up; one without a dot is more likely a slip of the hand."""
    if "." not in name.removeprefix("*."):
        raise click.BadParameter(f"This has no dot; a full name is needed, such as {example}.")
    return name


def mail_server(text: str) -> tuple[str, int]:
    """Return host and port of "mail.example.net:25", "[2001:db8::1]:25" or a host alone."""
    from dlp_gateway.settings.values import Host

    value = text.strip()
    host, colon, port = value.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        host, port = value, str(_PORT)
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
        raise click.BadParameter("A port is a number from 1 to 65535.")
    return checked(Host)(host.removeprefix("[").removesuffix("]")), int(port)


def mail_address(text: str) -> str:
    """Return an address to which mail can be sent."""
    from dlp_gateway.mail.address import valid_forward_path

    value = text.strip()
    if "@" not in value or "<" in value or not valid_forward_path(value):
        raise click.BadParameter("This is no mail address, such as you@corp.example.")
    return value


def colleague(inside: tuple[str, ...], text: str) -> str:
    """Return the address of somebody inside; nobody else is told what is held."""
    from dlp_gateway.mail.address import DomainSet

    address = mail_address(text)
    if not DomainSet(inside).contains(address):
        raise click.BadParameter(f"Reviewers must have an address in one of your own domains; {address} has none.")
    return address


def several(one: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    """Return what takes values between commas or blanks, at least one."""

    def split(text: str) -> tuple[str, ...]:
        values = tuple(dict.fromkeys(one(value) for value in text.replace(",", " ").split()))
        if not values:
            raise click.BadParameter("At least one is needed.")
        return values

    return split


def none_or(one: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return what takes nothing too, as ""."""
    return lambda text: one(text) if text.strip() else ""
