"""Mailings in the place of mass sends; correspondents and their likenesses, circles, values sent, lessons."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and take over the mass sends that are remembered."""
    op.create_table(
        "mailings",
        sa.Column("message", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("sender", sa.LargeBinary, nullable=False),
        sa.Column("topic", sa.LargeBinary, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("is_answer", sa.Boolean, nullable=False),
        sa.Column("is_objected", sa.Boolean, nullable=False),
        sa.Column("is_exposed", sa.Boolean, nullable=False),
        sa.Column("item", sa.String(64), nullable=True),
        sa.Column("shown", sa.LargeBinary, nullable=False),
        sa.Column("addressed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("message", name="pk_mailings"),
    )
    for columns in (["sender", "at"], ["topic", "at"], ["root", "at"], ["at"], ["item"]):
        op.create_index(f"ix_mailings_{'_'.join(columns)}", "mailings", columns)
    _take_over_mass_sends()
    op.drop_table("mass_sends")
    op.create_table(
        "correspondents",
        sa.Column("pair", sa.LargeBinary, nullable=False),
        sa.Column("last_day", sa.Integer, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("pair", name="pk_correspondents"),
    )
    op.create_index("ix_correspondents_last_day", "correspondents", ["last_day"])
    op.create_table(
        "likenesses",
        sa.Column("form", sa.LargeBinary, nullable=False),
        sa.Column("pair", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("form", "pair", name="pk_likenesses"),
    )
    op.create_index("ix_likenesses_pair", "likenesses", ["pair"])
    op.create_table(
        "circle_members",
        sa.Column("member", sa.LargeBinary, nullable=False),
        sa.Column("circle", sa.LargeBinary, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("second", sa.Integer, nullable=False),
        sa.Column("third", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("member", "circle", name="pk_circle_members"),
    )
    for column in ("circle", "last"):
        op.create_index(f"ix_circle_members_{column}", "circle_members", [column])
    op.create_table(
        "sent_values",
        sa.Column("sender", sa.LargeBinary, nullable=False),
        sa.Column("identifier", sa.String(32), nullable=False),
        sa.Column("token", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("written_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("sender", "identifier", "token", name="pk_sent_values"),
    )
    op.create_index("ix_sent_values_written_at", "sent_values", ["written_at"])
    op.create_table(
        "lessons",
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("pairs", sa.LargeBinary, nullable=False),
        sa.Column("members", sa.LargeBinary, nullable=False),
        sa.Column("is_exposed", sa.Boolean, nullable=False),
        sa.Column("is_hidden", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("item", name="pk_lessons"),
    )
    op.create_index("ix_lessons_at", "lessons", ["at"])


def _take_over_mass_sends() -> None:
    """Copy them: who sent them, and what about, nobody noted."""
    old = sa.table("mass_sends", *map(sa.column, ("message_id_index", "at", "audience")))
    mailings = sa.table(
        "mailings",
        *map(sa.column, ("message", "at", "sender", "topic", "root", "is_answer", "is_objected", "is_exposed")),
        *map(sa.column, ("shown", "addressed")),
    )
    nothing = sa.literal(b"", sa.LargeBinary)
    rows = sa.select(
        sa.func.substr(old.c.message_id_index, 1, 16),
        old.c.at,
        *(nothing, nothing, nothing),
        *(sa.literal(False), sa.literal(False), sa.literal(False)),
        old.c.audience,
        nothing,
    )
    op.execute(sa.insert(mailings).from_select([column.name for column in mailings.columns], rows))


def downgrade() -> None:
    """Refuse: what passed is not forgotten by a migration."""
    raise RuntimeError("the journal is not taken down by a migration")
