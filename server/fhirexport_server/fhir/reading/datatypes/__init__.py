"""Reading FHIR's datatypes, wherever a resource has them."""
