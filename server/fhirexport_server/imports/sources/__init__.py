"""What an import comes in: a Bundle, or NDJSON sorted into files."""
