"""Caches of renderings. The database's revision decides whether an entry may be served."""
