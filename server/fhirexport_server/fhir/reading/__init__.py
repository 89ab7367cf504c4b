"""Reads FHIR R4 (FR Core 2.2.0): from bytes to rows that can be written. The renderer's inverse, as pure.

What no column can keep gives a warning; what a column or a profile forbids gives an error. Nothing is
dropped in silence, except what carries no information of its own: the display of a code or reference,
the type of a reference, the type and use of the identifier in a reference, the version and time of a
resource (FHIR R4, RESTful API: the server ignores them).
"""
