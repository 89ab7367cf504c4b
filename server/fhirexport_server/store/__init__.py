"""Owns the database: its schema, its transactions, its queries. The only package that knows SQLAlchemy."""
