"""Owns the FHIR R4 (FR Core 2.2.0) rendering: rows in, bytes out. Pure functions; no I/O, no clock."""
