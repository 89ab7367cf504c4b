"""Owns which revision of the schema this release is written for."""

HEAD = "0002"
"""A test holds it to the newest migration."""
