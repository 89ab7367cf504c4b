"""Owns what is kept of renderings. Whether it may be served, the database's revision decides."""
