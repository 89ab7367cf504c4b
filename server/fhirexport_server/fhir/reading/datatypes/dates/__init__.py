"""Reads FHIR dates and times, to the precision that they are known to."""
