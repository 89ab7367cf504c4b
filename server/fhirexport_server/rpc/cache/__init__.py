"""CacheAdmin: its requests and its responses."""
