"""Numbers of events are never given twice (SQLite would give the newest one again once its row is gone)."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of events anew with AUTOINCREMENT; sequences of other databases never go back."""
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("events", recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass


def downgrade() -> None:
    """Refuse: the tables hold mail that has been answered 250."""
    raise RuntimeError("custody is not taken down by a migration")
