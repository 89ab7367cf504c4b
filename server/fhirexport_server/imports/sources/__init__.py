"""Sources of an import: a Bundle, or NDJSON sorted into files."""
