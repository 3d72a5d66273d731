"""What the machine gives: limits, the cost of inspection, processes, the admin HTTP, the log."""

import os
from datetime import timedelta
from typing import Literal

from pydantic import Field

from dlp_gateway.document import Model
from dlp_gateway.notation import ByteSize, SocketAddress
from dlp_gateway.settings.values import Wait


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
    connections_per_client: int = Field(
        default=100, ge=1, description="Connections at a time from one IPv4 address or IPv6 /64; from a /48 four times."
    )
    errors: int = Field(default=20, ge=1, description="Refused commands after which a session ends.")
    commands: int = Field(
        default=100, ge=10, description="Commands without a mail, such as NOOP, before a session ends."
    )
    hops: int = Field(default=50, ge=10, description="Received fields after which a message counts as looping.")
    idle: Wait = Field(default=timedelta(minutes=5), description="How long a client may take for a command.")
    message_time: Wait = Field(default=timedelta(minutes=30), description="How long one message may take to come in.")
    data_rate: int = Field(default=500, ge=1, description="Octets a second that a message must have, on average.")
    session: Wait = Field(default=timedelta(hours=6), description="How long a session may last, between mails.")
    memory: ByteSize = Field(
        default=128_000_000,
        ge=1_000_000,
        description="Octets of messages that a receiver keeps in memory; more wait in encrypted temporary files.",
    )


class Inspection(Model):
    """How much reading and measuring one message may cost."""

    deadline: Wait = Field(default=timedelta(seconds=30), description="After this the message is held, unmeasured.")
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
