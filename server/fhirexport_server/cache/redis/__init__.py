"""The cache in Redis, which processes share. The only package that knows redis-py."""
