"""Owns the tables, by what they are about; those of revisions are in `revisions.py`."""
