"""Reads FHIR datatypes."""
