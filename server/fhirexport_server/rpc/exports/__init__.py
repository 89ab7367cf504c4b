"""ExportService: its requests, its responses, and the resumption of broken streams."""
