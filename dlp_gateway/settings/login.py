"""Who may log in, by whom passwords are checked, and how many tries there are."""

import re
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Final, Literal

import pydantic
from pydantic import AfterValidator, Field

from dlp_gateway import document
from dlp_gateway.document import Model
from dlp_gateway.notation import FilePath, SocketAddress, lasting
from dlp_gateway.settings.values import Wait

_URL: Final = re.compile(r"ldaps?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")  # RFC 4512 2.5

#: A client that waits for the answer to AUTH gives up after some minutes, mostly one; so must we.
ShortWait = Annotated[Wait, lasting(timedelta(milliseconds=1), timedelta(minutes=1))]


def _url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("This must be ldaps://host or ldap://host, with :port where it is not the usual one.")
    return value


def _attribute(value: str) -> str:
    if not _ATTRIBUTE.fullmatch(value):
        raise ValueError("This must be the name of an attribute, such as mail.")
    return value


def _with_name(value: str) -> str:
    if value.count("{name}") != 1 or set("{}") & set(value.replace("{name}", "")):
        raise ValueError("Write {name} once where the name of the login belongs, and no other braces.")
    return value


def _is_near(host: str) -> bool:
    return host == "localhost" or ip_address(host).is_private


_Template = Annotated[str, AfterValidator(_with_name)]
DirectoryUrl = Annotated[str, AfterValidator(_url)]
Attribute = Annotated[str, AfterValidator(_attribute)]


class Dovecot(Model):
    """Dovecot's authentication service, as its clients reach it."""

    socket: FilePath | None = Field(default=None, description="Its Unix socket, such as /run/dovecot/auth-client.")
    address: SocketAddress | None = Field(default=None, description="Its IP address and port, instead of a socket.")
    own_address: bool = Field(
        default=False, description="Bind a login to its name, which is an address: no other may stand in its mail."
    )
    timeout: ShortWait = Field(default=timedelta(seconds=30), description="How long it may take to answer.")

    @pydantic.model_validator(mode="after")
    def _one_place(self) -> "Dovecot":
        if (self.socket is None) == (self.address is None):
            raise document.wrong("address", "Write `socket` or `address`: where Dovecot's clients log in.")
        if self.address is not None and not _is_near(self.address.host):
            raise document.wrong(
                "address", "Passwords go there in the clear: only to this machine or to a private network."
            )
        return self


class Ldap(Model):
    """A directory that takes a password by binding with it; always under TLS with a valid certificate."""

    url: DirectoryUrl = Field(description="ldaps://host[:port] (TLS at once) or ldap://host[:port] (StartTLS, always).")
    ca_file: FilePath | None = Field(
        default=None, description="PEM file with the authorities to trust, instead of the system's."
    )
    user: _Template | None = Field(
        default=None, description="Who binds, such as uid={name},ou=people,dc=corp,dc=example; instead of a search."
    )
    base: str | None = Field(default=None, min_length=1, description="Where the entry of a login is searched for.")
    filter: _Template = Field(
        default="(uid={name})", description="Which entry below `base` it is; there must be exactly one."
    )
    bind_dn: str | None = Field(default=None, min_length=1, description="Who searches; left out: anonymous.")
    bind_password_file: FilePath | None = Field(
        default=None, description="File that holds the searcher's password and nothing else."
    )
    addresses: tuple[Attribute, ...] = Field(
        default=(), description="Attributes with the addresses to which a login is bound, such as [mail]."
    )
    connections: int = Field(default=8, ge=1, le=100, description="Binds at a time, for each receiver.")
    timeout: ShortWait = Field(default=timedelta(seconds=10), description="How long each step may take.")

    @pydantic.model_validator(mode="after")
    def _one_way(self) -> "Ldap":
        if (self.user is None) == (self.base is None):
            raise document.wrong("base", "Write `user` (bind as it) or `base` (search there, then bind), not both.")
        if (self.bind_dn is None) != (self.bind_password_file is None):
            raise document.wrong("bind_dn", "`bind_dn` and `bind_password_file` belong together; write both or none.")
        if self.user is not None and (self.bind_dn is not None or "filter" in self.model_fields_set):
            raise document.wrong("user", "With `user` nothing is searched; take out `filter` and `bind_…`.")
        if self.user is not None and self.addresses and "=" not in self.user:
            raise document.wrong("addresses", "Addresses are read from an entry; write `base` and `filter` for that.")
        return self


class LoginLimits(Model):
    """How many tries there are, counted for all receivers together."""

    failures: int = Field(
        default=20, ge=3, description="Failures after which a client (IPv4 address, IPv6 /64) is cut off."
    )
    cut_off: Wait = Field(default=timedelta(minutes=15), description="For how long, counted from the last failure.")
    memory: Annotated[Wait, lasting(timedelta(seconds=1), timedelta(days=1))] = Field(
        default=timedelta(hours=1), description="How long failures are remembered after the last one."
    )
    delay: ShortWait = Field(
        default=timedelta(seconds=1), description="The wait before the first refusal; each further one is twice it."
    )
    longest_delay: ShortWait = Field(default=timedelta(seconds=20), description="The longest wait before a refusal.")
    delayed: int = Field(
        default=100, ge=1, description="Sessions that wait so at a time, for each receiver; more are cut at once."
    )
    attempts: int = Field(
        default=500, ge=1, description="Logins under way at a time, for each receiver; more are told to come back."
    )
    hashes: int = Field(
        default=2, ge=1, le=64, description="Passwords hashed at a time, for each receiver; 64 MiB each."
    )

    @pydantic.model_validator(mode="after")
    def _remembered(self) -> "LoginLimits":
        if self.cut_off > self.memory:
            raise document.wrong("cut_off", "Nobody is cut off for longer than his failures are remembered (`memory`).")
        return self


class Login(Model):
    """By whom passwords are checked, for listeners with `auth: required`."""

    backend: Literal["users", "dovecot", "ldap"] = Field(
        description="A file of users (`dlp-gateway users`), Dovecot, or a directory (LDAP)."
    )
    users_file: FilePath = Field(
        default="users",  # read like a written value, so that it lies beside the file
        validate_default=True,
        description="The file of `dlp-gateway users`, one user a line.",
    )
    dovecot: Dovecot | None = Field(default=None, description="Where Dovecot is asked.")
    ldap: Ldap | None = Field(default=None, description="How the directory is asked.")
    limits: LoginLimits = Field(default=LoginLimits(), description="How many tries there are.")

    @pydantic.model_validator(mode="after")
    def _its_own(self) -> "Login":
        for name, given in (("dovecot", self.dovecot), ("ldap", self.ldap)):
            if self.backend == name and given is None:
                raise document.wrong("backend", f"`backend: {name}` needs the section `{name}:` below `login:`.")
            if self.backend != name and given is not None:
                raise document.wrong(name, f"Nobody asks here: write `backend: {name}`, or take this section out.")
        if self.backend != "users" and "users_file" in self.model_fields_set:
            raise document.wrong("users_file", "Nobody reads this: write `backend: users`, or take it out.")
        return self
