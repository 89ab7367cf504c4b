"""The tables, by subject; those of revisions are in `revisions.py`."""
