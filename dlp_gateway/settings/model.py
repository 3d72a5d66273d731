"""All of gateway.yaml, and what must hold between its parts."""

import socket
from typing import Final

import pydantic
from pydantic import Field, ValidationInfo

from dlp_gateway import document
from dlp_gateway.document import Model
from dlp_gateway.notation import FilePath
from dlp_gateway.settings.custody import Custody, Journal
from dlp_gateway.settings.directory import Directory
from dlp_gateway.settings.listeners import Listener
from dlp_gateway.settings.login import Login
from dlp_gateway.settings.machine import Admin, Inspection, Limits, Log, Processes
from dlp_gateway.settings.notices import Notices
from dlp_gateway.settings.smarthost import Smarthost
from dlp_gateway.settings.values import HostName

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_ANYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  compared


class Settings(Model):
    """Everything in gateway.yaml."""

    listeners: tuple[Listener, ...] = Field(min_length=1, description="Where mail is received.")
    login: Login | None = Field(
        default=None, validate_default=True, description="By whom passwords are checked where clients log in."
    )
    directory: Directory | None = Field(
        default=None, description="The directory that knows who is in the policy's teams."
    )
    smarthost: Smarthost = Field(description="The next hop, to which all mail goes.")
    custody: Custody = Field(description="Where mail is kept that waits.")
    journal: Journal = Field(default=Journal(), description="The record of what passed.")
    admin: Admin = Field(default=Admin(), validate_default=True, description="The administrator's HTTP.")
    limits: Limits = Field(default=Limits(), description="What one client, one session and one message may ask for.")
    inspection: Inspection = Field(default=Inspection(), description="How much measuring a message may cost.")
    notices: Notices = Field(default=Notices(), description="What authors and reviewers are told by mail.")
    processes: Processes = Field(default_factory=Processes, description="How the work is spread over the machine.")
    log: Log = Field(default=Log(), description="What is logged.")
    hostname: HostName | None = Field(
        default=None,
        description="Our name in greetings and trace fields; left out: the machine's.",
    )
    policy: FilePath = Field(
        default="policy.yaml",  # read like a written value, so that it lies beside the file
        validate_default=True,
        description="The file that says what is allowed.",
    )

    @pydantic.field_validator("listeners")
    @classmethod
    def _distinct(cls, listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
        addresses = [listener.address for listener in listeners if listener.address.port]
        if len(set(addresses)) < len(addresses):
            raise ValueError("Two listeners have the same address; give each its own.")
        return listeners

    @pydantic.field_validator("login")
    @classmethod
    def _asked_for(cls, login: Login | None, info: ValidationInfo) -> Login | None:
        """Refuse listeners whose clients could never log in, and a section that nobody asks."""
        listeners: tuple[Listener, ...] | None = info.data.get("listeners")
        if listeners is None:  # they have problems of their own
            return login
        wanted = any(listener.auth == "required" for listener in listeners)
        if wanted and login is None:
            raise document.wrong("listeners", "A listener has `auth: required`; the section `login:` is missing.")
        if login is not None and not wanted:
            raise document.wrong("login", "No listener asks for a login; write `auth: required` there, or remove this.")
        return login

    @pydantic.field_validator("smarthost")
    @classmethod
    def _elsewhere(cls, smarthost: Smarthost, info: ValidationInfo) -> Smarthost:
        """Refuse a gateway that would hand its mail to itself."""
        listeners: tuple[Listener, ...] = info.data.get("listeners", ())
        for hop in smarthost.hops:
            own = {hop.host} | ({*_ANYWHERE, *_LOOPBACK} if hop.host in _LOOPBACK else set())
            if any(one.address.port == hop.port and one.address.host in own for one in listeners):
                key = "hosts" if smarthost.hosts else "host"
                raise document.wrong(key, "The smarthost is a listener of this gateway, so mail would go in circles.")
        return smarthost

    @pydantic.field_validator("admin")
    @classmethod
    def _beside_the_listeners(cls, admin: Admin, info: ValidationInfo) -> Admin:
        """Refuse an address that a listener of ours would take first."""
        listeners: tuple[Listener, ...] = info.data.get("listeners", ())
        host, port = admin.address.host, admin.address.port
        for one in listeners:
            if one.address.port == port != 0 and (one.address.host == host or {one.address.host, host} & _ANYWHERE):
                raise document.wrong("address", f"The listener {one.address} has this port; give `admin` another.")
        return admin

    def host_name(self) -> str:
        """Return our name; asks the resolver if none is set."""
        return self.hostname or socket.getfqdn()
