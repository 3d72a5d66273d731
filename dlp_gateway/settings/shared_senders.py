"""What a listener asks of senders beyond their network, and whose networks are shared by all customers of a service."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import pydantic
from pydantic import AfterValidator, Field

from dlp_gateway import document
from dlp_gateway.document import Model
from dlp_gateway.networks import Networks, overlapping
from dlp_gateway.notation import FilePath, Network
from dlp_gateway.settings.values import HostName

_FILE: Final = Path(__file__).with_name("shared_senders.yaml")
_OWN_FIELD: Final = re.compile(r"[Xx]-[!-9;-~]{1,74}")  # RFC 5322 3.6.8, and short enough for a line


class _Service(Model):
    """A mail service, the networks from which it sends for all its customers, and the fields by which it names one."""

    name: str
    stamps: tuple[str, ...] = ()
    networks: tuple[Network, ...]


class _Services(Model):
    """The file beside this module."""

    services: tuple[_Service, ...]


@cache
def _services() -> tuple[_Service, ...]:
    return document.load(_FILE, _Services).services


def shared_senders(networks: Networks) -> tuple[str, ...]:
    """Return the mail services, by name, some of whose sending hosts are in `networks`."""
    return tuple(service.name for service in _services() if overlapping(networks, service.networks))


def unstamped(networks: Networks, name: str) -> tuple[str, ...]:
    """Return the mail services in `networks` any customer of which can write a header field of this name himself."""
    return tuple(
        service.name
        for service in _services()
        if name.lower() not in map(str.lower, service.stamps) and overlapping(networks, service.networks)
    )


def _field_name(value: str) -> str:
    if not _OWN_FIELD.fullmatch(value):
        raise ValueError("This must be the name of a header field that begins with X-, such as X-OriginatorOrg.")
    return value


def _told(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("A value as it stands in the header field is needed here.")
    return value.strip()


class ClientCertificate(Model):
    """The certificate by which a client shows who it is, in the TLS handshake."""

    names: tuple[HostName, ...] = Field(
        min_length=1, description="The names of which the client's certificate must hold one (RFC 9525)."
    )
    ca_file: FilePath | None = Field(
        default=None, description="PEM file with the authorities to trust for it, instead of the system's."
    )


class TenantHeader(Model):
    """The header field by which a mail service says for which of its customers it sends."""

    name: Annotated[str, AfterValidator(_field_name)] = Field(
        description="The header field, such as X-MS-Exchange-CrossTenant-Id; it must stand exactly once."
    )
    values: tuple[Annotated[str, AfterValidator(_told)], ...] = Field(
        default=(), description="The values of which it must have one; no secrets, and case does not matter."
    )
    value_file: FilePath | None = Field(
        default=None,
        description="File with secret values, one a line, of 16 characters or more, in place of `values`.",
    )
    remove: bool | None = Field(
        default=None,
        description="Whether the field is taken out before anything else is done; left out: with `value_file` only.",
    )

    @pydantic.field_validator("remove")
    @classmethod
    def _secret_stays(cls, remove: bool | None, info: pydantic.ValidationInfo) -> bool | None:  # noqa: FBT001  a validator
        if remove is False and info.data.get("value_file") is not None:
            raise ValueError("A secret must not leave with the mail; leave `remove` out, or write true.")
        return remove

    @pydantic.model_validator(mode="after")
    def _one_source(self) -> "TenantHeader":
        if bool(self.values) == (self.value_file is not None):
            raise document.wrong("name", "Write either `values`, which all may know, or `value_file`, with secrets.")
        return self

    @property
    def removed(self) -> bool:
        """Whether the field is taken out."""
        return self.value_file is not None if self.remove is None else self.remove
