"""The stages of an import, in their order: the EJ, deletions, structure, patients, stays."""
