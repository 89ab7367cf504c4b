"""Owns importing: resources in, rows written in one transaction, and what is to be said of it."""
