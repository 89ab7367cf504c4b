"""The database: its schema, its transactions and its queries. No other package knows SQLAlchemy."""
