"""The command `fhirexport import`: what it reads, and what it prints."""
