"""Owns the vocabulary that all packages share: rows, codes, datasets, errors. Imports nothing of ours."""
