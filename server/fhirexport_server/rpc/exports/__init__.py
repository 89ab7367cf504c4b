"""ExportService: its requests, its answers, and taking up a broken stream again."""
