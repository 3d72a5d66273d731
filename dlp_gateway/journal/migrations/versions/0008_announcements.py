"""Mails to several are written down while they are under way."""

import sqlalchemy as sa
from alembic import op

from quarantine.tables import Moment

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "announcements",
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("sender", sa.LargeBinary, nullable=False),
        sa.Column("topic", sa.LargeBinary, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("is_answer", sa.Boolean, nullable=False),
        sa.Column("is_objected", sa.Boolean, nullable=False),
        sa.Column("is_exposed", sa.Boolean, nullable=False),
        sa.Column("shown", sa.LargeBinary, nullable=False),
        sa.Column("addressed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_announcements"),
    )


def downgrade() -> None:
    """Refuse: what passed is not forgotten by a migration."""
    raise RuntimeError("the journal is not taken down by a migration")
