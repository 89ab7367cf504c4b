"""Owns the vocabulary that every other package shares: rows, codes, datasets and errors. Imports nothing of ours."""
