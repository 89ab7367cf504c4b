"""The server: everything behind the fhirexport gRPC services."""
