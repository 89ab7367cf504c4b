"""The revision of the schema that this release is written for."""

HEAD = "0003"
"""A test compares it with the newest migration."""
