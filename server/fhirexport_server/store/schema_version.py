"""Owns which revision of the schema this release is written for."""

HEAD = "0003"
"""A test holds it to the newest migration."""
