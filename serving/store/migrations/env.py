"""Run by Alembic: the changes that a store lacks, on the connection and in the transaction of whoever opens it."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,  # SQLite's too: the transaction is begun by hand
)
with context.begin_transaction():
    context.run_migrations()
