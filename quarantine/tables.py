"""The tables of custody: payload → copies → recipients, and an event for each change. Times are microseconds."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)

#: The Alembic revision that these tables are; a store at another one is refused (see `database.require_revision`).
REVISION: Final = "0003"
VERSION_TABLE: Final = "custody_version"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970: SQLite would give back a naive one, and leases compare exactly."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Return microseconds; a naive datetime is a TypeError."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return an aware datetime in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: What the store was set up with: `key` is the id of the key that everything is sealed to.
meta = Table("meta", metadata, Column("name", String(32), primary_key=True), Column("value", Text, nullable=False))

#: `sealed_key`, `subject`, `reverse_path` and `content` are NULL once the item was erased. `content` comes last: SQLite
#: then reads the other columns without touching the pages that it overflows into.
payloads = Table(
    "payloads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("schema", Integer, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("group_index", LargeBinary, nullable=False),
    Column("reverse_path_index", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=True),
    Column("sealed_key", LargeBinary, nullable=True),
    Column("subject", LargeBinary, nullable=True),
    Column("reverse_path", LargeBinary, nullable=True),
    Column("content", LargeBinary, nullable=True),
    Index(None, "created_at"),
    Index(None, "reverse_path_index"),
)

copies = Table(
    "copies",
    metadata,
    Column("item", String(64), ForeignKey("payloads.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("reverse_path", LargeBinary, nullable=True),
    Column("edits", LargeBinary, nullable=True),
    Column("options", LargeBinary, nullable=True),
)

#: `original`: a reviewer asked by name for the mail without our edits. `due_since`: when it last became due.
#: `handing_over`: the final dot may have been sent under the lease. `told_of_delay`: since `due_since`.
recipients = Table(
    "recipients",
    metadata,
    Column("item", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("copy", Integer, nullable=False),
    Column("address", LargeBinary, nullable=True),
    Column("address_index", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("original", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("due_since", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("lease_owner", Text, nullable=True),
    Column("lease_until", Moment, nullable=True),
    Column("handing_over", Boolean, nullable=False),
    Column("reply", LargeBinary, nullable=True),
    Column("told_of_delay", Boolean, nullable=False, server_default=false()),
    ForeignKeyConstraint(["item", "copy"], ["copies.item", "copies.number"], ondelete="CASCADE"),
    Index(None, "state", "due_at"),
    Index(None, "address_index"),
)

#: A number is never given twice, even when the newest rows are gone: whoever follows the log remembers one.
events = Table(
    "events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("item", String(64), nullable=False),
    Column("recipient", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("before", String(16), nullable=True),
    Column("after", String(16), nullable=False),
    Column("reason", LargeBinary, nullable=True),
    ForeignKeyConstraint(["item", "recipient"], ["recipients.item", "recipients.number"], ondelete="CASCADE"),
    Index(None, "item"),
    sqlite_autoincrement=True,
)
