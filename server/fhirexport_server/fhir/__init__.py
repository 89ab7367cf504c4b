"""FHIR R4 (FR Core 2.2.0): rows rendered as resources, and resources read as rows. Pure: no I/O, no clock."""
