"""ImportService: its requests and its responses."""
