"""The directory that knows who is in the policy's teams."""

from datetime import timedelta
from typing import Annotated

import pydantic
from pydantic import Field

from dlp_gateway import document
from dlp_gateway.document import Model
from dlp_gateway.notation import Duration, FilePath, lasting
from dlp_gateway.settings.login import Attribute, DirectoryUrl, ShortWait


class Directory(Model):
    """Where teams are looked up, by the filters in policy.yaml; always under TLS with a valid certificate."""

    url: DirectoryUrl = Field(description="ldaps://host[:port] (TLS at once) or ldap://host[:port] (StartTLS, always).")
    ca_file: FilePath | None = Field(
        default=None, description="PEM file with the authorities to trust, instead of the system's."
    )
    base: str = Field(min_length=1, description="Where entries are searched for, such as dc=corp,dc=example.")
    bind_dn: str | None = Field(default=None, min_length=1, description="Who searches; left out: anonymous.")
    bind_password_file: FilePath | None = Field(
        default=None, description="File that holds the searcher's password and nothing else."
    )
    addresses: tuple[Attribute, ...] = Field(
        default=("mail",), min_length=1, description="Attributes with the addresses of a person."
    )
    timeout: ShortWait = Field(default=timedelta(seconds=10), description="How long each step may take.")
    refresh: Annotated[Duration, lasting(timedelta(seconds=10), timedelta(days=7))] = Field(
        default=timedelta(hours=1), description="How often teams are looked up again; 10s to 7d."
    )

    @pydantic.model_validator(mode="after")
    def _searcher(self) -> "Directory":
        if (self.bind_dn is None) != (self.bind_password_file is None):
            raise document.wrong("bind_dn", "`bind_dn` and `bind_password_file` belong together; write both or none.")
        return self
