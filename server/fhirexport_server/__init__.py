"""Owns the server: everything behind the fhirexport gRPC services."""
