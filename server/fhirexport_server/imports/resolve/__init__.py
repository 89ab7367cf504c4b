"""Which row each resource of an import is, and which rows its references lead to."""
