"""The journal's tables, in custody's database with a version of their own. Addresses are sealed, digests find them."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text

from quarantine.tables import Moment

#: The Alembic revision that these tables are.
REVISION: Final = "0005"
VERSION_TABLE: Final = "journal_version"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: A key that one process seals entries with for an hour, itself sealed to custody's public key.
keys = Table(
    "journal_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("custody_key", String(16), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

#: One row for each message. `reasons` and `observed` hold rule ids between line feeds, `findings` JSON pairs of kind
#: and count, `measured` JSON lists of a kind and its counts by confidence (NULL in rows of older versions). `sealed`
#: holds Message-ID, reverse-path, client, login and the lists of addresses that copies showed.
entries = Table(
    "journal_entries",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("message", String(64), nullable=False),
    Column("key", String(32), ForeignKey("journal_keys.id"), nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("disposition", String(16), nullable=False),
    Column("reasons", Text, nullable=False),
    Column("observed", Text, nullable=False),
    Column("findings", Text, nullable=False),
    Column("measured", Text, nullable=True),
    Column("message_id_index", LargeBinary, nullable=False),
    Column("reverse_path_index", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index(None, "message"),
    Index(None, "received_at"),
    Index(None, "message_id_index"),
    Index(None, "reverse_path_index"),
    Index(None, "key"),
)

#: One row for each recipient of a message. `shown` counts the entry's lists of shown addresses from 0.
passages = Table(
    "journal_passages",
    metadata,
    Column("entry", String(80), ForeignKey("journal_entries.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("recipient_index", LargeBinary, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("shown", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index(None, "recipient_index"),
)

#: What an answer is compared with: `audience` is a row of digests of 16 octets, one for each outsider.
mass_sends = Table(
    "mass_sends",
    metadata,
    Column("message_id_index", LargeBinary, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("audience", LargeBinary, nullable=False),
    Index(None, "at"),
)

#: Final replies that the client did not get, by the digest of their transaction.
unanswered = Table(
    "unanswered",
    metadata,
    Column("fingerprint", LargeBinary, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("reply", LargeBinary, nullable=False),
    Index(None, "at"),
)

#: Failed logins, by the digest of a client's network, of a name, or of both; `guess` tells the last wrong password of
#: both from others.
login_failures = Table(
    "login_failures",
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("guess", LargeBinary, nullable=False),
    Index(None, "at"),
)
