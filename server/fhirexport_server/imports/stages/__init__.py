"""Stages of an import, in order: the EJ, deletions, structure, patients, stays."""
