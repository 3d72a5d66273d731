"""Findings by confidence, so that `simulate` can say what another policy would have made of them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; rows that are there already have none."""
    op.add_column("journal_entries", sa.Column("measured", sa.Text, nullable=True))


def downgrade() -> None:
    """Take it away."""
    with op.batch_alter_table("journal_entries") as table:
        table.drop_column("measured")
