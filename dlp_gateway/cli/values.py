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
    from dlp_gateway.policy.load import OwnDomain

    return checked(OwnDomain)(text)


def domain(text: str) -> str:
    """Return a domain, or `*.` and a domain."""
    from dlp_gateway.policy.patterns import DomainPattern

    return checked(DomainPattern)(text)


def network(text: str) -> str:
    """Return a network or an address."""
    from dlp_gateway.notation import Network

    return checked(Network)(text)


def socket_address(text: str) -> str:
    """Return an IP address and a port."""
    from dlp_gateway.notation import SocketAddress

    return checked(SocketAddress)(text)


def host_name(text: str) -> str:
    """Return a host's name."""
    from dlp_gateway.settings.values import HostName

    return checked(HostName)(text)


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
