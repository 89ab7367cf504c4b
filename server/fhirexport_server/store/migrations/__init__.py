"""Owns the schema's history: Alembic revisions, each a script of SQL for each database."""
