"""ImportService: its requests and its answers."""
