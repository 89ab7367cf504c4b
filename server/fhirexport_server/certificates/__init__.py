"""The server's certificate and key: their checks, their replacement while it runs, and throw-away ones."""
