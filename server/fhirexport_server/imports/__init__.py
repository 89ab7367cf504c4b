"""Imports resources: writes their rows in one transaction, and reports problems."""
