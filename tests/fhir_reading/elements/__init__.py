"""Owns every element and every binding of the profiles, with values and what becomes of them."""
