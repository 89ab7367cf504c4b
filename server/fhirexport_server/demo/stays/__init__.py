"""Venues of the demo: the scenarios of stays, and their rows."""
