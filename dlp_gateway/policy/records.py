"""Tables of own records as a policy names them: by the path of a file, or by those of the file and of its key."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import Discriminator, Field, Tag

from dlp_gateway.document import Model
from dlp_gateway.notation import FilePath

#: Each costs a look at every mail.
MOST_TABLES: Final = 32


class Records(Model):
    """A table of own records, made by `edm build`."""

    table: FilePath = Field(description="The file that `edm build` wrote.")
    key_file: FilePath | None = Field(default=None, description="Its key; left out: the table's name with .key.")


NamedTable = Annotated[
    Annotated[FilePath, Tag("file")] | Annotated[Records, Tag("records")],
    Discriminator(lambda value: "file" if isinstance(value, str) else "records"),
]


def located(name: str, written: Path | Records) -> tuple[str, str, str]:
    """Return name, file, and file of the key of a table."""
    table, key_file = (written, None) if isinstance(written, Path) else (written.table, written.key_file)
    return name, str(table), str(key_file or table.with_suffix(".key"))
