"""What a table is made of: which columns say whose record it is, how they are written, and how many it takes."""

import re
from typing import Annotated, Final, Literal

import pydantic
from pydantic import AfterValidator, Field

from dlp_gateway import document
from dlp_gateway.document import Model

#: How the values of a column are written. `own-address` is where the person of the record gets mail.
Sort = Literal["code", "digits", "name", "date", "date-dmy", "date-mdy", "address", "own-address"]

MOST_COLUMNS: Final = 60
#: A value that more records have says nothing of any of them, whatever a file asks for.
MOST_COMMON: Final = 10_000
_SHOWN: Final = re.compile(r"[^A-Za-z0-9_-]+")


def _heading(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > 100:
        raise ValueError("A column is named as in the first line of the file: printable, 100 characters at the most.")
    return value


Heading = Annotated[str, AfterValidator(_heading)]


class Enough(Model):
    """So many columns of these, near each other, make a record."""

    of: tuple[Heading, ...] = Field(min_length=1, description="Columns, by name.")
    count: int = Field(default=1, ge=1, le=8, description="How many of them must stand near each other.")


class Spec(Model):
    """The file beside a CSV file: what its columns are, and what makes a record."""

    columns: dict[Heading, Sort] = Field(
        min_length=1,
        max_length=MOST_COLUMNS,
        description="What is in each column that counts: `code` (letters and digits), `digits`, `name`, `date` (year "
        "first, or the month as a word), `date-dmy`, `date-mdy`, `address`, `own-address` (the record's own mailbox).",
    )
    enough: tuple[Enough, ...] = Field(
        min_length=1, max_length=20, description="What makes a record: one of these must be there."
    )
    within: int = Field(
        default=300, ge=10, le=5_000, description="In how many characters several columns of a record must stand."
    )
    shortest: int = Field(
        default=4,
        ge=2,
        le=40,
        description="Codes and digits of fewer characters are left out, names of fewer than two.",
    )
    common: int = Field(
        default=100, ge=1, le=MOST_COMMON, description="Values that more records than this have are left out."
    )
    encoding: Literal["utf-8", "cp1252", "cp1250", "cp1251", "iso-8859-1", "iso-8859-2", "iso-8859-15"] = Field(
        default="utf-8", description="How the file is encoded."
    )
    delimiter: Literal["guess", "comma", "semicolon", "tab", "bar"] = Field(
        default="guess", description="What stands between two cells; `guess`: what the first line has most of."
    )

    @pydantic.model_validator(mode="after")
    def _makes_records(self) -> "Spec":
        for place, one in enumerate(self.enough):
            for name in one.of:
                if name not in self.columns:
                    told = document.suggestion(name, self.columns)
                    raise document.wrong("enough", f"Item {place + 1} names a column that `columns` has not{told}")
            if len(set(one.of)) < one.count:
                raise document.wrong("enough", f"Item {place + 1} asks for more columns than it names.")
            if one.count == 1 and any(self.columns[name].startswith("date") for name in one.of):
                raise document.wrong(
                    "enough", f"Item {place + 1}: a date alone says nothing; ask for two with `count: 2`."
                )
        return self

    @property
    def named(self) -> tuple[str, ...]:
        """The columns in order: a column's number is its place here."""
        return tuple(self.columns)

    @property
    def owners(self) -> frozenset[int]:
        """The numbers of the columns that hold the record's own mailbox."""
        return frozenset(place for place, sort in enumerate(self.columns.values()) if sort == "own-address")

    @property
    def identifying(self) -> frozenset[int]:
        """The numbers of the columns by which a record is found in a text."""
        wanted = {name for one in self.enough for name in one.of}
        return frozenset(place for place, name in enumerate(self.columns) if name in wanted)

    def numbers(self, one: Enough) -> frozenset[int]:
        """Return the numbers of the columns that an item of `enough` names."""
        return frozenset(place for place, name in enumerate(self.columns) if name in one.of)

    def shown(self, column: int) -> str:
        """Return the name of a column as findings and logs may have it."""
        return _SHOWN.sub("-", self.named[column]).strip("-") or f"column-{column + 1}"
