"""The one next hop, and how long it may take."""

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


class Smarthost(Model):
    """The one next hop, to which all mail goes."""

    host: Host = Field(description="Name or IP address of the next mail server.")
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
