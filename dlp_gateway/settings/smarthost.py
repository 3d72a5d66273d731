"""The next hop: which hosts, how they are spoken to, how long they may take, and what holds while none answers."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

import pydantic
from pydantic import Field, ValidationInfo

from dlp_gateway import document
from dlp_gateway.document import Model
from dlp_gateway.notation import FilePath
from dlp_gateway.settings.values import FinalWait, Host, Wait


class Timeouts(Model):
    """How long the smarthost may take (RFC 5321 4.5.3.2)."""

    connect: Wait = Field(default=timedelta(seconds=10), description="For the connection, TLS and the greeting.")
    command: Wait = Field(default=timedelta(minutes=1), description="For the reply to one command.")
    final_dot: FinalWait = Field(
        default=timedelta(minutes=8),
        description="For the reply to the final dot; a little less than the ten minutes that our own client waits.",
    )


class NextHop(Model):
    """One of several next mail servers that stand in for each other."""

    host: Host = Field(description="Name or IP address of the mail server.")
    port: int = Field(default=25, ge=1, le=65_535, description="Its port.")
    priority: int = Field(
        default=10,
        ge=0,
        le=65_535,
        description="The host of the least number that answers gets the mail; those of the same take turns.",
    )


class Circuit(Model):
    """When a host that fails is left alone, so that no mail waits for it, and how it is found again."""

    failures: int = Field(default=3, ge=1, le=1000, description="Failures on end after which it gets no mail.")
    probe: Wait = Field(
        default=timedelta(seconds=1), description="The wait before it is probed; each further one is twice it."
    )
    longest_probe: Wait = Field(default=timedelta(seconds=30), description="The longest wait between two probes.")


class Smarthost(Model):
    """The next hop, to which all mail goes: one host, or several that stand in for each other."""

    host: Host | None = Field(default=None, description="Name or IP address of the next mail server.")
    port: int = Field(default=25, ge=1, le=65_535, description="Its port.")
    hosts: tuple[NextHop, ...] = Field(
        default=(),
        max_length=100,
        validate_default=True,
        description="Several next mail servers, in place of `host` and `port`.",
    )
    tls: Literal["none", "opportunistic", "required", "implicit"] = Field(
        default="opportunistic",
        description="`required`: only TLS with a valid certificate; `implicit`: the same from the first byte (port "
        "465). `opportunistic`: TLS where it is offered.",
    )
    ca_file: FilePath | None = Field(
        default=None, description="PEM file with the authorities to trust, instead of the system's."
    )
    user: str | None = Field(default=None, description="Login at the smarthost.")
    password_file: FilePath | None = Field(
        default=None, validate_default=True, description="File that holds the password and nothing else."
    )
    connections: int = Field(default=20, ge=1, le=1000, description="Connections kept, for each receiver.")
    timeouts: Timeouts = Field(default=Timeouts(), description="How long the smarthost may take.")
    circuit: Circuit = Field(default=Circuit(), description="When a host that fails is left alone.")
    unreachable: Literal["defer", "accept"] = Field(
        default="defer",
        description="While no host can take mail now: `defer`: clients are told to try again; `accept`: it is taken "
        "into custody and delivered later.",
    )

    @property
    def hops(self) -> tuple[NextHop, ...]:
        """The hosts in the order in which they are tried."""
        if self.host is not None:
            return (NextHop(host=self.host, port=self.port),)
        return tuple(sorted(self.hosts, key=lambda hop: hop.priority))

    def alone(self, hop: NextHop) -> "Smarthost":
        """Return these settings with one host and no other."""
        return self.model_copy(update={"host": hop.host, "port": hop.port, "hosts": ()})

    @pydantic.field_validator("hosts")
    @classmethod
    def _somebody(cls, hosts: tuple[NextHop, ...], info: ValidationInfo) -> tuple[NextHop, ...]:
        if "host" not in info.data:  # it has a problem of its own
            return hosts
        if info.data["host"] is None and not hosts:
            raise document.wrong("host", "Name the next mail server: `host`, or several in `hosts`.")
        if hosts and info.data["host"] is not None:
            raise document.wrong("host", "Write `host` or `hosts`, not both.")
        if len({(hop.host, hop.port) for hop in hosts}) < len(hosts):
            raise document.wrong("hosts", "A host stands here twice with the same port.")
        return hosts

    @pydantic.field_validator("password_file")
    @classmethod
    def _login(cls, password_file: Path | None, info: ValidationInfo) -> Path | None:
        user = info.data.get("user")
        if (user is None) != (password_file is None):
            raise document.wrong("user", "`user` and `password_file` belong together; write both or neither.")
        if user is not None and info.data.get("tls", "required") not in {"required", "implicit"}:
            raise document.wrong("user", "A password is only sent under TLS; write `tls: required`, or `implicit`.")
        return password_file
