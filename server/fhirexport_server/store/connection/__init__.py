"""How the database is reached: engines, sessions, files, URLs."""
