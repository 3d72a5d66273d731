"""Where mail is handed over to us: addresses, TLS, and who may send."""

from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from dlp_gateway import document
from dlp_gateway.document import Model
from dlp_gateway.networks import Networks, large_part_of_internet
from dlp_gateway.notation import FilePath, Network, SocketAddress


def _not_everybody(networks: Networks, info: ValidationInfo) -> Networks:
    """Refuse what would make a listener without login an open relay."""
    if large_part_of_internet(networks) and info.data.get("auth") == "none":
        raise ValueError("This is a large part of the internet: never an open relay. Name your own networks.")
    return networks


def _or_everybody(networks: object, info: ValidationInfo) -> object:
    """Fill in what was left out: with a login, everybody may knock; without one, somebody has to say who may send."""
    if networks is not None:
        return networks
    if info.data.get("auth", "required") == "required":
        return ("0.0.0.0/0", "::/0")
    raise document.wrong("", "The key 'networks' is missing: which hosts may send, unless they log in (`auth`).")


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
    auth: Literal["none", "required"] = Field(
        default="none", description="Whether a client must log in (under TLS, see `login`) before it may send."
    )
    networks: Annotated[
        tuple[Network, ...], AfterValidator(_not_everybody), Field(min_length=1), BeforeValidator(_or_everybody)
    ] = Field(
        default=None,
        validate_default=True,
        description="The networks whose hosts may send through this listener; with `auth: required` it may be left "
        "out, and everybody may log in.",
    )

    @pydantic.field_validator("key")
    @classmethod
    def _certified(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if info.data.get("tls", "none") != "none" and (key is None or info.data.get("certificate") is None):
            raise document.wrong("tls", f"TLS '{info.data['tls']}' needs `certificate` and `key`, two PEM files.")
        return key

    @pydantic.field_validator("auth")
    @classmethod
    def _encrypted(cls, auth: str, info: ValidationInfo) -> str:
        if auth == "required" and info.data.get("tls") == "none":
            raise document.wrong("auth", "Passwords are only taken under TLS: write `tls: starttls` or `implicit`.")
        return auth
