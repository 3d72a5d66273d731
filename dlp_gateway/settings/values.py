"""Values that several parts of gateway.yaml share: waits, host names."""

import re
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Final

from pydantic import AfterValidator

from dlp_gateway.notation import Duration, lasting

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")  # RFC 1123 2.1
#: How long something is waited for: never no time at all.
Wait = Annotated[Duration, lasting(timedelta(milliseconds=1))]
#: Clients wait ten minutes for the final reply (RFC 5321 4.5.3.2.6), and `pipeline` relies on no wait being longer.
FinalWait = Annotated[Duration, lasting(timedelta(milliseconds=1), timedelta(minutes=10))]


def is_host_name(name: str) -> bool:
    """Whether mail may name a host so: labels of letters, digits and hyphens (RFC 1123 2.1)."""
    return _HOST_NAME.fullmatch(name) is not None


def _host_name(value: str) -> str:
    if not is_host_name(value):
        raise ValueError("This must be a host name, such as mail.example.com.")
    return value


def _host(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        pass
    _, colon, port = value.rpartition(":")
    if colon and port.isdecimal():
        raise ValueError("Write the host alone here, and its port in `port:`.")
    if value.startswith("[") and value.endswith("]"):  # as Postfix has it, where it means "no look-up of MX"
        raise ValueError("Write the host without brackets; MX records are never looked up.")
    return _host_name(value)


HostName = Annotated[str, AfterValidator(_host_name)]
Host = Annotated[str, AfterValidator(_host)]
