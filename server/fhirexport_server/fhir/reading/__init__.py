"""Owns reading FHIR R4 (FR Core 2.2.0): bytes in, rows to be written out. The renderer's inverse, as pure.

What has no column is a warning; what a column cannot hold, or a profile forbids, is an error. Nothing
is passed over in silence, but for what says nothing of its own: the display of a code or a reference,
the type of a reference, the type and use of the identifier in one, the version and the time of a
resource (FHIR R4, RESTful API: the server ignores them).
"""
