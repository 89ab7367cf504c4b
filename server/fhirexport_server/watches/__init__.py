"""Watches of revisions: one look-up after another for all watchers together."""
