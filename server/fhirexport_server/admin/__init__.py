"""Owns what operators ask of the cache: to see it, to invalidate, to flush, to warm."""
