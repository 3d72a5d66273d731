"""gateway.yaml → `Settings`: how the machine runs. Each field's description is its documentation.

Relative paths are relative to the folder of the file; passwords and keys stand in files of their own, never here.
"""

import os
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from dlp_gateway import document
from dlp_gateway.document import Model
from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.networks import Networks, large_part_of_internet
from dlp_gateway.notation import ByteSize, Duration, FilePath, Network, SocketAddress, lasting
from dlp_gateway.policy import load as policy_load
from dlp_gateway.policy.model import Policy

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERYWHERE: Final = (Path("gateway.yaml"), Path("/etc/dlp-gateway/gateway.yaml"))
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")  # RFC 1123 2.1
#: How long something is waited for: never no time at all.
_Wait = Annotated[Duration, lasting(timedelta(milliseconds=1))]
#: Clients wait ten minutes for the final reply (RFC 5321 4.5.3.2.6), and `pipeline` relies on no wait being longer.
_FinalWait = Annotated[Duration, lasting(timedelta(milliseconds=1), timedelta(minutes=10))]


def _not_everybody(networks: Networks) -> Networks:
    """Refuse what would make a listener without login an open relay."""
    if large_part_of_internet(networks):
        raise ValueError("This is a large part of the internet: never an open relay. Name your own networks.")
    return networks


def _database(value: object, info: ValidationInfo) -> str:
    """Return an SQLite URL with an absolute path."""
    scheme, separator, file = value.partition(":///") if isinstance(value, str) else ("", "", "")
    if scheme != "sqlite" or not separator or not file or file.startswith(":memory:") or "?" in file:
        raise ValueError("The custody needs an SQLite file, such as sqlite:///custody.db.")
    folder: Path = (info.context or {}).get("folder", Path())
    return f"sqlite:///{(folder / file).absolute()}"


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
        return _host_name(value)


class Listener(Model):
    """A place where mail clients and mail servers hand their mail over."""

    address: SocketAddress = Field(description="IP address and port to listen on.")
    tls: Literal["none", "starttls", "implicit"] = Field(
        default="none", description="TLS not at all, after STARTTLS, or from the first byte."
    )
    certificate: FilePath | None = Field(default=None, description="PEM file with the certificate and its chain.")
    key: FilePath | None = Field(
        default=None, validate_default=True, description="PEM file with the certificate's private key."
    )
    auth: Literal["none"] = Field(default="none", description="How clients log in; who may send is told by `networks`.")
    networks: Annotated[tuple[Network, ...], AfterValidator(_not_everybody)] = Field(
        min_length=1, description="The networks whose hosts may send through this listener."
    )

    @pydantic.field_validator("key")
    @classmethod
    def _certified(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if info.data.get("tls", "none") != "none" and (key is None or info.data.get("certificate") is None):
            raise document.wrong("tls", f"TLS '{info.data['tls']}' needs `certificate` and `key`, two PEM files.")
        return key


class Timeouts(Model):
    """How long the smarthost may take (RFC 5321 4.5.3.2)."""

    connect: _Wait = Field(default=timedelta(seconds=10), description="For the connection, TLS and the greeting.")
    command: _Wait = Field(default=timedelta(minutes=1), description="For the reply to one command.")
    final_dot: _FinalWait = Field(
        default=timedelta(minutes=8),
        description="For the reply to the final dot; a little less than the ten minutes that our own client waits.",
    )


class Smarthost(Model):
    """The one next hop, to which all mail goes."""

    host: Annotated[str, AfterValidator(_host)] = Field(description="Name or IP address of the next mail server.")
    port: int = Field(default=25, ge=1, le=65_535, description="Its port.")
    tls: Literal["none", "opportunistic", "required"] = Field(
        default="opportunistic",
        description="`required`: only TLS with a valid certificate. `opportunistic`: TLS where it is offered.",
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

    @pydantic.field_validator("password_file")
    @classmethod
    def _login(cls, password_file: Path | None, info: ValidationInfo) -> Path | None:
        user = info.data.get("user")
        if (user is None) != (password_file is None):
            raise document.wrong("user", "`user` and `password_file` belong together; write both or neither.")
        if user is not None and info.data.get("tls", "required") != "required":
            raise document.wrong("user", "A password is only sent under TLS; write `tls: required`.")
        return password_file


class Retry(Model):
    """When mail that the smarthost deferred is tried again."""

    first: _Wait = Field(default=timedelta(minutes=1), description="The first wait; each further one is twice it.")
    longest: _Wait = Field(default=timedelta(hours=1), description="The longest wait between two attempts.")
    max_age: Duration = Field(
        default=timedelta(days=5), description="How long to try before the mail counts as failed."
    )


class Custody(Model):
    """Where mail is kept that waits: for a reviewer, or for the smarthost."""

    url: Annotated[str, BeforeValidator(_database)] = Field(description="The database, such as sqlite:///custody.db.")
    key_file: FilePath = Field(description="The key that opens kept mail, made at the first start; back it up.")
    keep: Duration = Field(
        default=timedelta(days=30), description="How long delivered, discarded and expired mail stays readable."
    )
    in_doubt: Literal["ask", "retry"] = Field(
        default="ask",
        description="A connection lost after the final dot leaves open whether the mail was taken: ask a reviewer, "
        "or send it again and risk a second copy.",
    )
    retry: Retry = Field(default=Retry(), description="When deferred mail is tried again.")


class Journal(Model):
    """The record of what passed."""

    keep: Duration = Field(default=timedelta(days=90), description="How long the journal remembers a message.")


class Admin(Model):
    """The administrator's HTTP: /metrics, /livez, /readyz."""

    address: SocketAddress = Field(
        default=SocketAddress(host="127.0.0.1", port=8025), description="IP address and port of the admin HTTP."
    )


class Limits(Model):
    """What one client, one session and one message may ask for."""

    message_size: ByteSize = Field(default=50_000_000, ge=1_000, description="The largest message (RFC 1870 SIZE).")
    recipients: int = Field(default=1_000, ge=100, description="Recipients of one message (RFC 5321 4.5.3.1.8: ≥ 100).")
    connections: int = Field(default=1_000, ge=1, description="Connections at a time, all clients together.")
    connections_per_client: int = Field(default=100, ge=1, description="Connections at a time from one IP address.")
    hops: int = Field(default=50, ge=10, description="Received fields after which a message counts as looping.")
    idle: _Wait = Field(default=timedelta(minutes=5), description="How long a client may be silent.")


class Inspection(Model):
    """How much reading and measuring one message may cost."""

    deadline: _Wait = Field(default=timedelta(seconds=30), description="After this the message is held, unmeasured.")
    in_place: ByteSize = Field(default=64_000, description="Messages up to this size are read without a worker.")
    memory: ByteSize = Field(default=512_000_000, ge=128_000_000, description="Memory that a worker may take.")
    workers: int = Field(default=1, ge=1, le=64, description="Workers for costly messages, for each receiver.")


class Processes(Model):
    """How the work is spread over the machine."""

    receivers: int = Field(
        default_factory=lambda: len(os.sched_getaffinity(0)),
        ge=1,
        le=256,
        description="Processes that receive, inspect and forward; left out: one for each core.",
    )


class Log(Model):
    """What is logged, and in which form; never text of a message."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least level logged.")
    format: Literal["json", "console"] = Field(default="json", description="One JSON object a line, or for reading.")


class Settings(Model):
    """Everything in gateway.yaml."""

    listeners: tuple[Listener, ...] = Field(min_length=1, description="Where mail is received.")
    smarthost: Smarthost = Field(description="The one next hop, to which all mail goes.")
    custody: Custody = Field(description="Where mail is kept that waits.")
    journal: Journal = Field(default=Journal(), description="The record of what passed.")
    admin: Admin = Field(default=Admin(), description="The administrator's HTTP.")
    limits: Limits = Field(default=Limits(), description="What one client, one session and one message may ask for.")
    inspection: Inspection = Field(default=Inspection(), description="How much measuring a message may cost.")
    processes: Processes = Field(default_factory=Processes, description="How the work is spread over the machine.")
    log: Log = Field(default=Log(), description="What is logged.")
    hostname: Annotated[str, AfterValidator(_host_name)] | None = Field(
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

    @pydantic.field_validator("smarthost")
    @classmethod
    def _elsewhere(cls, smarthost: Smarthost, info: ValidationInfo) -> Smarthost:
        """Refuse a gateway that would hand its mail to itself."""
        own = {smarthost.host} | ({"0.0.0.0", "::", *_LOOPBACK} if smarthost.host in _LOOPBACK else set())  # noqa: S104  compared
        listeners: tuple[Listener, ...] = info.data.get("listeners", ())
        if any(one.address.port == smarthost.port and one.address.host in own for one in listeners):
            raise document.wrong("host", "The smarthost is a listener of this gateway, so mail would go in circles.")
        return smarthost

    def host_name(self) -> str:
        """Return our name; asks the resolver if none is set."""
        return self.hostname or socket.getfqdn()


class _PolicyPath(Model):
    """The one key of a broken gateway.yaml that is needed to look for problems in policy.yaml too."""

    model_config = pydantic.ConfigDict(extra="ignore")

    policy: FilePath = Field(default="policy.yaml", validate_default=True)


def load(path: Path) -> Settings:
    """Return gateway.yaml; raise `ConfigurationError` with every problem."""
    return document.load(path, Settings)


def load_all(
    path: Path,
    *,
    kinds: frozenset[str],
    builtin: Path,
    detection: Callable[[tuple[Path, ...]], Iterable[Problem]] = lambda _: (),
) -> tuple[Settings, Policy]:
    """Return gateway.yaml and its policy; raise `ConfigurationError` with the problems of both.

    `detection` tells what is wrong with the rules of detection in the operator's own packs, by their folders.
    """
    problems: list[Problem] = []
    settings = policy = None
    try:
        settings = load(path)
        policy_path = settings.policy
    except ConfigurationError as error:
        problems += error.problems
        try:
            policy_path = document.load(path, _PolicyPath).policy
        except ConfigurationError:
            raise error from None
    try:
        policy = policy_load.load(policy_path, kinds=kinds, builtin=builtin)
    except ConfigurationError as error:
        problems += error.problems
    folders = policy_load.pack_folders(policy_path, builtin=builtin)
    problems += detection(tuple(folder for folder in folders if folder.parent != builtin))
    if settings is None or policy is None or problems:
        raise ConfigurationError(problems)
    return settings, policy


def find(explicit: str | None, environ: Mapping[str, str]) -> Path:
    """Return the gateway.yaml to use: as told, by $DLP_GATEWAY_CONFIG, here, in /etc; raise `ConfigurationError`."""
    told = explicit or environ.get("DLP_GATEWAY_CONFIG")
    if told:
        return Path(told)  # even if it is not there: the error of reading it names it
    for path in _EVERYWHERE:
        if path.exists():
            return path
    tried = " nor ".join(f"as {path}" for path in _EVERYWHERE)
    message = f"No configuration: neither --config nor $DLP_GATEWAY_CONFIG names one, and there is none {tried}."
    raise ConfigurationError([Problem(source="gateway.yaml", line=0, column=0, message=message)])
