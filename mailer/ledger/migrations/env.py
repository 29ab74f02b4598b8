"""What Alembic runs: the migrations, on the connection that the ledger hands in."""

from alembic import context

from mailer.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter most things in place
    transactional_ddl=True,
)
context.run_migrations()
