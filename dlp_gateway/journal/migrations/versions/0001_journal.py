"""Keys, entries, passages, mass sends, unanswered replies."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "journal_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("custody_key", sa.String(16), nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal_keys"),
    )
    op.create_table(
        "journal_entries",
        sa.Column("id", sa.String(80), nullable=False),
        sa.Column("message", sa.String(64), nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("disposition", sa.String(16), nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("observed", sa.Text, nullable=False),
        sa.Column("findings", sa.Text, nullable=False),
        sa.Column("message_id_index", sa.LargeBinary, nullable=False),
        sa.Column("reverse_path_index", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal_entries"),
        sa.ForeignKeyConstraint(["key"], ["journal_keys.id"], name="fk_journal_entries_key"),
    )
    for column in ("message", "received_at", "message_id_index", "reverse_path_index", "key"):
        op.create_index(f"ix_journal_entries_{column}", "journal_entries", [column])
    op.create_table(
        "journal_passages",
        sa.Column("entry", sa.String(80), nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("recipient_index", sa.LargeBinary, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("shown", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("entry", "number", name="pk_journal_passages"),
        sa.ForeignKeyConstraint(
            ["entry"], ["journal_entries.id"], name="fk_journal_passages_entry", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_journal_passages_recipient_index", "journal_passages", ["recipient_index"])
    op.create_table(
        "mass_sends",
        sa.Column("message_id_index", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("audience", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("message_id_index", name="pk_mass_sends"),
    )
    op.create_index("ix_mass_sends_at", "mass_sends", ["at"])
    op.create_table(
        "unanswered",
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("reply", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_unanswered"),
    )
    op.create_index("ix_unanswered_at", "unanswered", ["at"])


def downgrade() -> None:
    """Refuse: what passed is not forgotten by a migration."""
    raise RuntimeError("the journal is not taken down by a migration")
