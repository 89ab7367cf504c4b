"""Mirrors: what is asked of the server, what lies on the disk, and what an update has changed."""
