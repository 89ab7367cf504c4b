"""Owns what happens around every call of our services: see `chain.py` for the order."""
