"""Reading FHIR's dates and times, as precisely as they are known."""
