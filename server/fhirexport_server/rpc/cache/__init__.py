"""CacheAdmin: its requests and its answers."""
