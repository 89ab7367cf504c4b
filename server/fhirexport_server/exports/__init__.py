"""Exports: from a request to a rendering. This package knows neither gRPC nor SQL nor Redis."""
