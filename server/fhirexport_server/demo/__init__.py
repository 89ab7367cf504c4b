"""Owns the demo: an invented French hospital group as rows, the same from the same seed everywhere."""
