"""Produces renderings: copied from the shared cache, brought up to date, or rendered in full."""
