"""The vocabulary of all packages: rows, codes, datasets, errors. It imports no other package."""
