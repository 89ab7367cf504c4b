"""Reads Organizations and Locations."""
