"""How often an author's mail left with a rewrite is found without reading all of his."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index, which holds a few rows of many."""
    rewrites = sa.text("disposition = 'rewrite'")
    op.create_index(
        "ix_journal_entries_rewrites",
        "journal_entries",
        ["reverse_path_index", "received_at"],
        sqlite_where=rewrites,
        postgresql_where=rewrites,
    )


def downgrade() -> None:
    """Refuse: what passed is not forgotten by a migration."""
    raise RuntimeError("the journal is not taken down by a migration")
