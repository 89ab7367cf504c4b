"""Resolves the resources of an import, and their references, to rows."""
