"""Whether somebody was told that a delivery takes long."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nobody was told yet."""
    op.add_column("recipients", sa.Column("told_of_delay", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Refuse: the tables hold mail that has been answered 250."""
    raise RuntimeError("custody is not taken down by a migration")
