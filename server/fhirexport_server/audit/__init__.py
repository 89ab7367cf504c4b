"""The audit trail: who was given what, in files of lines of which each holds the hash of the one before."""
