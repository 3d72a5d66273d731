"""What Alembic runs: upgrades over the connection that `migrate` gives, inside its transaction."""

from alembic import context

from dlp_gateway.journal.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite cannot alter a table in place
)
with context.begin_transaction():
    context.run_migrations()
