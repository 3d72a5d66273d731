"""Where mail is kept that waits, and the record of what passed."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo

from dlp_gateway.document import Model
from dlp_gateway.notation import Duration, FilePath
from dlp_gateway.settings.values import Wait


def _database(value: object, info: ValidationInfo) -> str:
    """Return an SQLite URL with an absolute path."""
    scheme, separator, file = value.partition(":///") if isinstance(value, str) else ("", "", "")
    if scheme != "sqlite" or not separator or not file or file.startswith(":memory:") or "?" in file:
        raise ValueError("The custody needs an SQLite file, such as sqlite:///custody.db.")
    folder: Path = (info.context or {}).get("folder", Path())
    return f"sqlite:///{(folder / file).absolute()}"


class Retry(Model):
    """When mail that the smarthost deferred is tried again."""

    first: Wait = Field(default=timedelta(minutes=1), description="The first wait; each further one is twice it.")
    longest: Wait = Field(default=timedelta(hours=1), description="The longest wait between two attempts.")
    max_age: Duration = Field(
        default=timedelta(days=5), description="How long to try before the mail counts as failed."
    )
    warn_after: Duration = Field(
        default=timedelta(hours=4),
        description="After how long the author is told, once, that his mail still waits; 0s: never.",
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
