"""The cache in Redis, which processes share. No other package knows redis-py."""
