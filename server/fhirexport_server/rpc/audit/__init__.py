"""The audit trail around everything that calls reach: nothing is done for a call without its line."""
