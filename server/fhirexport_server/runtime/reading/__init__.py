"""Reads files and addresses again while the server runs."""
