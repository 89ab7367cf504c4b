"""Owns how resources are laid out in bytes: Bundles and NDJSON."""
