"""Payloads, copies, recipients, events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "meta",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
    )
    op.create_table(
        "payloads",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("schema", sa.Integer, nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("group_index", sa.LargeBinary, nullable=False),
        sa.Column("reverse_path_index", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=True),
        sa.Column("sealed_key", sa.LargeBinary, nullable=True),
        sa.Column("subject", sa.LargeBinary, nullable=True),
        sa.Column("reverse_path", sa.LargeBinary, nullable=True),
        sa.Column("content", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_payloads"),
    )
    op.create_index("ix_payloads_created_at", "payloads", ["created_at"])
    op.create_index("ix_payloads_reverse_path_index", "payloads", ["reverse_path_index"])
    op.create_table(
        "copies",
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("reverse_path", sa.LargeBinary, nullable=True),
        sa.Column("edits", sa.LargeBinary, nullable=True),
        sa.Column("options", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("item", "number", name="pk_copies"),
        sa.ForeignKeyConstraint(["item"], ["payloads.id"], name="fk_copies_item", ondelete="CASCADE"),
    )
    op.create_table(
        "recipients",
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("copy", sa.Integer, nullable=False),
        sa.Column("address", sa.LargeBinary, nullable=True),
        sa.Column("address_index", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("original", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("due_since", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("lease_owner", sa.Text, nullable=True),
        sa.Column("lease_until", sa.BigInteger, nullable=True),
        sa.Column("handing_over", sa.Boolean, nullable=False),
        sa.Column("reply", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("item", "number", name="pk_recipients"),
        sa.ForeignKeyConstraint(
            ["item", "copy"], ["copies.item", "copies.number"], name="fk_recipients_item_copy", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_recipients_state_due_at", "recipients", ["state", "due_at"])
    op.create_index("ix_recipients_address_index", "recipients", ["address_index"])
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False, autoincrement=True),
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("recipient", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("before", sa.String(16), nullable=True),
        sa.Column("after", sa.String(16), nullable=False),
        sa.Column("reason", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.ForeignKeyConstraint(
            ["item", "recipient"],
            ["recipients.item", "recipients.number"],
            name="fk_events_item_recipient",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_events_item", "events", ["item"])


def downgrade() -> None:
    """Refuse: the tables hold mail that has been answered 250."""
    raise RuntimeError("custody is not taken down by a migration")
