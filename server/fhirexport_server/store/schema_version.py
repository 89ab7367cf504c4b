"""The revision of the schema that this release is written for."""

HEAD = "0004"
"""A test compares it with the newest migration."""
