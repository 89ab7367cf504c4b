"""What operators do with the cache: inspect, invalidate, flush, warm."""
