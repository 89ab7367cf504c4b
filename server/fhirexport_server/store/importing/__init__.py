"""The database side of an import: bulk look-ups, bulk writes, and the answers kept for retries."""
