"""Values of configuration files that have a notation of their own: durations, sizes, addresses, networks, paths."""

import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema
from pydantic_core import core_schema

_DURATION: Final = re.compile(r"([0-9]{1,6})(ms|s|m|h|d|w)")
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SIZE: Final = re.compile(r"([0-9]{1,12})(B|KB|MB|GB|KiB|MiB|GiB)?")
_BYTES: Final = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_MAX_PORT: Final = 65_535
_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15}|localhost)):([0-9]{1,5})")


def duration(value: object) -> timedelta:
    """Return a duration written as a number with a unit; raises ValueError with a sentence."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        message = "A duration is a whole number with a unit, such as 30s, 5m, 1h, 14d or 2w."
        raise ValueError(message)
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def written(duration: timedelta) -> str:
    """Return a duration as it is written in a file, in the largest unit that fits."""
    milliseconds = round(duration.total_seconds() * 1_000)
    for unit, seconds in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1), ("ms", 0.001)):
        if milliseconds and milliseconds % round(seconds * 1_000) == 0:
            return f"{milliseconds // round(seconds * 1_000)}{unit}"
    return "0s"


def lasting(shortest: timedelta, longest: timedelta = timedelta.max) -> AfterValidator:
    """Return the annotation that bounds a `Duration`, both ends included."""

    def bounded(value: timedelta) -> timedelta:
        if value < shortest:
            message = f"This must be {written(shortest)} or more."
            raise ValueError(message)
        if value > longest:
            message = f"This must be {written(longest)} or less."
            raise ValueError(message)
        return value

    return AfterValidator(bounded)


def _byte_size(value: object) -> int:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        message = "A size is a whole number with a unit, such as 64KB, 50MB, 1GB or 16MiB."
        raise ValueError(message)
    return int(match[1]) * _BYTES[match[2] or "B"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketAddress:
    """An IP address and a port; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, value: object) -> "SocketAddress":
        """Return "127.0.0.1:2525" or "[::1]:2525" as an address; raise `ValueError`."""
        match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
        host, port = (match[1] or match[2], int(match[3])) if match else ("", 0)
        if port > _MAX_PORT or not (host == "localhost" or _is_ip_address(host)):
            message = 'An address is an IP address (or localhost) and a port, such as "127.0.0.1:2525" or "[::1]:2525".'
            raise ValueError(message)
        return cls(host=host, port=port)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> core_schema.CoreSchema:
        """Tell pydantic to read it from a text."""
        return core_schema.no_info_before_validator_function(
            lambda value: value if isinstance(value, cls) else cls.parse(value),
            core_schema.is_instance_schema(cls),
            serialization=core_schema.to_string_ser_schema(),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, str]:
        """Tell an editor's schema that it is a text."""
        return {"type": "string", "pattern": f"^{_ADDRESS.pattern}$"}


def _is_ip_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _network(value: object) -> IPv4Network | IPv6Network:
    message = "A network is an IP address with a prefix length, such as 10.0.0.0/8 or 2001:db8::/32."
    if not isinstance(value, str):
        raise ValueError(message)  # noqa: TRY004  pydantic collects ValueError only
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise ValueError(message) from None
    if str(network.network_address) != str(ip_address(value.partition("/")[0])):
        message = f"This is an address inside a network; write {network}, or the address alone."
        raise ValueError(message)
    return network


def _path(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        message = "A path is needed here."
        raise ValueError(message)
    folder: Path = (info.context or {}).get("folder", Path())
    return (folder / value).absolute()


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(written),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]
ByteSize = Annotated[
    int,
    BeforeValidator(_byte_size),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^{_SIZE.pattern}$"}, {"type": "integer", "minimum": 0}]}),
]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network), WithJsonSchema({"type": "string"})]
#: A path; a relative one is relative to the folder of the file in which it stands.
FilePath = Annotated[Path, BeforeValidator(_path), WithJsonSchema({"type": "string"})]
