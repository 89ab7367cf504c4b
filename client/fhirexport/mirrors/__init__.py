"""Mirrors: copies of exports on the disk, which are brought up to date for what has changed."""
