"""Owns how Alembic runs here: on the connection that `store/migrate.py` opened, one transaction in all."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
