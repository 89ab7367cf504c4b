"""Reads Bundles and lines of NDJSON into entries."""
