"""Enforcement of rights: each call's method first, then everything that a method asks the server for."""
