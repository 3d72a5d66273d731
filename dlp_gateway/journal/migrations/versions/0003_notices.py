"""What notices to authors need to know of a mail, and what was told to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and make the tables. What passed before is nobody's news."""
    for column in (
        sa.Column("hidden", sa.Integer, nullable=False, server_default="0"),
        sa.Column("language", sa.String(8), nullable=False, server_default=""),
        sa.Column("automatic", sa.Boolean, nullable=False, server_default="0"),
        sa.Column("untold", sa.Boolean, nullable=False, server_default="0"),
        sa.Column("told", sa.String(16), nullable=False, server_default=""),
    ):
        op.add_column("journal_entries", column)
    op.create_index("ix_journal_entries_untold", "journal_entries", ["untold"], sqlite_where=sa.text("untold = 1"))
    op.create_table(
        "notice_marks",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_notice_marks"),
    )
    op.create_table(
        "notice_windows",
        sa.Column("whom", sa.LargeBinary, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("told", sa.Integer, nullable=False),
        sa.Column("waiting", sa.Text, nullable=False),
        sa.Column("entry", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("whom", name="pk_notice_windows"),
    )
    op.create_index("ix_notice_windows_since", "notice_windows", ["since"])


def downgrade() -> None:
    """Refuse: what passed is not forgotten by a migration."""
    raise RuntimeError("the journal is not taken down by a migration")
