"""What `fhirexport doctor` examines, and what a failed command looks at."""
