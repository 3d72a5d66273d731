"""What was stopped is told from what was rewritten, and mail in custody teaches what it sends."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what is remembered so far counts as rewritten, and what waits as held."""
    op.add_column("mailings", sa.Column("is_stopped", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("lessons", sa.Column("was_held", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("lessons", sa.Column("sender", sa.LargeBinary, nullable=True))
    op.add_column("lessons", sa.Column("sent", sa.Text, nullable=False, server_default="[]"))


def downgrade() -> None:
    """Refuse: what passed is not forgotten by a migration."""
    raise RuntimeError("the journal is not taken down by a migration")
