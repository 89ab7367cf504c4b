"""ExportService: its requests and its responses."""
