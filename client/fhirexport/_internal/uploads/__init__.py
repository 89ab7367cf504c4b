"""Imports on the wire: what is sent, and the status that comes back."""
