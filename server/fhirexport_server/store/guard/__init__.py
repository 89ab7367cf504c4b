"""What keeps a look-up true when the database is changed under the server: its tables, its triggers."""
