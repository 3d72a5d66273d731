"""Where mail is handed over to us: addresses, TLS, and who may send."""

from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from dlp_gateway import document
from dlp_gateway.document import Model
from dlp_gateway.networks import Networks, large_part_of_internet
from dlp_gateway.notation import FilePath, Network, SocketAddress
from dlp_gateway.settings.shared_senders import ClientCertificate, TenantHeader, shared_senders


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
    tls: Literal["none", "starttls", "starttls-required", "implicit"] = Field(
        default="none",
        description="TLS not at all, if the client says STARTTLS, only after it said STARTTLS, or from the first byte.",
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
    proxies: tuple[Network, ...] = Field(
        default=(),
        description="The networks of load balancers that say by the PROXY protocol (1 or 2) for whom they connect; "
        "they must, and nobody else is believed.",
    )
    client_certificate: ClientCertificate | None = Field(
        default=None, description="The certificate that a client must show; left out: none is asked for."
    )
    tenant_header: TenantHeader | None = Field(
        default=None, description="The header field by which a mail service says for which customer it sends."
    )
    reverse_path: Literal["any", "inside"] = Field(
        default="any",
        validate_default=True,
        description="Whether the sender of the envelope must belong to the policy's `inside` domains.",
    )

    @pydantic.field_validator("proxies")
    @classmethod
    def _few_proxies(cls, proxies: Networks) -> Networks:
        if large_part_of_internet(proxies):
            raise ValueError("Whoever is a proxy can be any client: name the addresses of your load balancers only.")
        return proxies

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

    @pydantic.field_validator("client_certificate")
    @classmethod
    def _shown_under_tls(cls, asked: ClientCertificate | None, info: ValidationInfo) -> ClientCertificate | None:
        if asked is not None and info.data.get("tls") == "none":
            raise document.wrong("tls", "A client shows its certificate under TLS; write `tls: starttls-required`.")
        return asked

    @pydantic.field_validator("reverse_path")
    @classmethod
    def _not_all_customers(cls, reverse_path: str, info: ValidationInfo) -> str:
        """Refuse a listener through which every customer of a mail service could send as one of us."""
        # A key that is not in the data was written, and has a problem of its own.
        told = any(info.data.get(key, "wrong") is not None for key in ("client_certificate", "tenant_header"))
        logged_in = info.data.get("auth", "wrong") != "none"
        if logged_in or (told and reverse_path == "inside"):
            return reverse_path
        if services := shared_senders(info.data.get("networks", ())):
            missing = [] if told else ["`tenant_header` (or `client_certificate`)"]
            missing += [] if reverse_path == "inside" else ["`reverse_path: inside`"]
            raise document.wrong(
                "networks",
                f"From here {' and '.join(services)} sends for all its customers, who could all send through you; "
                f"add {' and '.join(missing)} to this listener.",
            )
        return reverse_path
