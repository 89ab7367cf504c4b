"""Reads the drafts of one import together: references between them, and whole stays."""
