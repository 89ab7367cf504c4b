"""Owns the point of the service: from a request to a rendering. Knows neither gRPC nor SQL nor Redis."""
