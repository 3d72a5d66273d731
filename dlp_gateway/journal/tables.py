"""The journal's tables, in custody's database with a version of their own. Addresses are sealed, digests find them."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
    literal_column,
    true,
)

from quarantine.tables import Moment

#: The Alembic revision that these tables are.
REVISION: Final = "0008"
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
#: `untold`: it left with a rewrite, and nobody has looked yet whether its author hears of that. `told` is what he heard
#: last of this mail alone, a kind of notice, or "".
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
    Column("hidden", Integer, nullable=False, server_default="0"),
    Column("language", String(8), nullable=False, server_default=""),
    Column("automatic", Boolean, nullable=False, server_default="0"),
    Column("untold", Boolean, nullable=False, server_default="0"),
    Column("told", String(16), nullable=False, server_default=""),
    Index(None, "message"),
    Index(None, "received_at"),
    Index(None, "message_id_index"),
    Index(None, "reverse_path_index"),
    Index(None, "key"),
)
Index("ix_journal_entries_untold", entries.c.untold, sqlite_where=entries.c.untold == true())  # a few rows of millions

#: Written out, so that SQLite sees that a query may use the index.
IS_REWRITE: Final = entries.c.disposition == literal_column("'rewrite'")
Index(
    "ix_journal_entries_rewrites",
    entries.c.reverse_path_index,
    entries.c.received_at,
    sqlite_where=IS_REWRITE,
    postgresql_where=IS_REWRITE,
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

#: Mails that showed outsiders to each other or answered to many, by the digest of their Message-ID: what an answer, a
#: second attempt and a window are compared with. `shown` and `addressed` are rows of digests of 16 octets, an outsider
#: each; `sender`, `topic` and `root` (of the thread) are digests, or empty. `is_objected`: we stopped or rewrote it;
#: `is_stopped`: the former; `is_exposed`: it left, and showed strangers to each other; `item`: its name in custody,
#: while it is there.
mailings = Table(
    "mailings",
    metadata,
    Column("message", LargeBinary, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("sender", LargeBinary, nullable=False),
    Column("topic", LargeBinary, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("is_answer", Boolean, nullable=False),
    Column("is_objected", Boolean, nullable=False),
    Column("is_exposed", Boolean, nullable=False),
    Column("item", String(64), nullable=True),
    Column("shown", LargeBinary, nullable=False),
    Column("addressed", LargeBinary, nullable=False),
    Column("is_stopped", Boolean, nullable=False, server_default=false()),
    Index(None, "sender", "at"),
    Index(None, "topic", "at"),
    Index(None, "root", "at"),
    Index(None, "at"),
    Index(None, "item"),
)

#: Mails to several that are under way, in the order in which they came (see `announcements`); the columns are those of
#: `mailings`, with what becomes of it at the worst.
announcements = Table(
    "announcements",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("message", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
    Column("sender", LargeBinary, nullable=False),
    Column("topic", LargeBinary, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("is_answer", Boolean, nullable=False),
    Column("is_objected", Boolean, nullable=False),
    Column("is_exposed", Boolean, nullable=False),
    Column("shown", LargeBinary, nullable=False),
    Column("addressed", LargeBinary, nullable=False),
)

#: Who wrote to whom, as one digest of both, on how many days; days count from 1970. Senders, domains and the house
#: itself have rows of their own (see `correspondents`).
correspondents = Table(
    "correspondents",
    metadata,
    Column("pair", LargeBinary, primary_key=True),
    Column("last_day", Integer, nullable=False),
    Column("days", Integer, nullable=False),
    Index(None, "last_day"),
)

#: By which forms somebody who is often written to could be mistaken.
likenesses = Table(
    "likenesses",
    metadata,
    Column("form", LargeBinary, primary_key=True),
    Column("pair", LargeBinary, primary_key=True),
    Index(None, "pair"),
)

#: Outsiders whom a mail showed to each other: the last three days on which each was among the others of a circle, 0 for
#: none.
circle_members = Table(
    "circle_members",
    metadata,
    Column("member", LargeBinary, primary_key=True),
    Column("circle", LargeBinary, primary_key=True),
    Column("last", Integer, nullable=False),
    Column("second", Integer, nullable=False),
    Column("third", Integer, nullable=False),
    Index(None, "circle"),
    Index(None, "last"),
)

#: Identifiers that senders sent outside, as tokens that many values share (`detect.sent`); kept for the window only.
sent_values = Table(
    "sent_values",
    metadata,
    Column("sender", LargeBinary, primary_key=True),
    Column("identifier", String(32), primary_key=True),
    Column("token", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("written_at", Moment, nullable=False),
    Index(None, "written_at"),
)

#: What is learned from a mail in custody once it is delivered: pairs of correspondents, members of a circle, and what
#: `sender` sent (JSON pairs, see `sent_values`). `is_exposed`: its author shows strangers to each other; `is_hidden`:
#: the copy that leaves does not. `was_held`: it leaves only if a reviewer says so.
lessons = Table(
    "lessons",
    metadata,
    Column("item", String(64), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("pairs", LargeBinary, nullable=False),
    Column("members", LargeBinary, nullable=False),
    Column("is_exposed", Boolean, nullable=False),
    Column("is_hidden", Boolean, nullable=False),
    Column("was_held", Boolean, nullable=False, server_default=true()),
    Column("sender", LargeBinary, nullable=True),
    Column("sent", Text, nullable=False, server_default="[]"),
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

#: How far the writer of notices has come: `transitions` is a number of custody's, `digest` a time in microseconds.
notice_marks = Table(
    "notice_marks",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

#: Who was told how often since when, by the digest of his address or a name of our own. `waiting` is JSON: how many
#: notices of each kind were not written, and stand in a summary when the hour is over; `entry` leads to his address.
notice_windows = Table(
    "notice_windows",
    metadata,
    Column("whom", LargeBinary, primary_key=True),
    Column("since", Moment, nullable=False),
    Column("told", Integer, nullable=False),
    Column("waiting", Text, nullable=False),
    Column("entry", String(80), nullable=False),
    Index(None, "since"),
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
