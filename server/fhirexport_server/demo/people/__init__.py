"""Patients of the demo: their traits, and their rows."""
