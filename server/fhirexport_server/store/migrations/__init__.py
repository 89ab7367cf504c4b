"""The schema's history: Alembic revisions, each with an SQL script for each database."""
