"""Limits of an import, which bound its memory, and the errors for exceeding them."""

from typing import Final

from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError

MIB: Final = 1 << 20

LONGEST_LINE: Final = MIB
WINDOW: Final = 2000
"""The most resources that are written together; a stay is never split."""
WINDOW_BYTES: Final = 4 * MIB
"""The most bytes of lines that are parsed together; a stay is never split."""
MOST_STRUCTURE: Final = 50_000
"""The most lines other than Patients and Encounters: they are in memory together."""
MOST_STRUCTURE_BYTES: Final = 64 * MIB
MOST_OVERLONG: Final = 1000
"""The most lines that may be too long."""
MOST_MOVEMENTS: Final = 10_000
"""The most movements of a venue."""
MOST_STAY_BYTES: Final = 16 * MIB
"""The most bytes of NDJSON of a venue and its movements."""
MOST_WAITING: Final = 10_000
"""The most movements that may wait for a venue that comes later."""
MOST_MERGES: Final = 50_000
"""The most patients of an import that may be merged into others."""

TOO_LONG: Final = (
    f"must be one resource in one line of at most {LONGEST_LINE} bytes: a Bundle is sent with ImportBundle"
)
LONG_STAY: Final = (
    f"must not be of a stay of more than {MOST_MOVEMENTS} movements or {MOST_STAY_BYTES} bytes of NDJSON"
)
WAITING: Final = (
    f"must name a venue that is there or is imported: {MOST_WAITING} movements wait for theirs already"
)
_STRUCTURE: Final = (
    f"must not hold more than {MOST_STRUCTURE} lines, or {MOST_STRUCTURE_BYTES} bytes, that are neither"
    " Patient nor Encounter: send a larger structure in several imports"
)
_OVERLONG: Final = f"must not hold more than {MOST_OVERLONG} lines of more than {LONGEST_LINE} bytes"
_MERGES: Final = (
    f"must not hold more than {MOST_MERGES} patients that were merged into others:"
    " send them in several imports"
)


def structure() -> InvalidRequestError:
    """Return the error for too much structure."""
    return _error(_STRUCTURE)


def overlong() -> InvalidRequestError:
    """Return the error for too many lines that are too long."""
    return _error(_OVERLONG)


def merges() -> InvalidRequestError:
    """Return the error for too many merged patients."""
    return _error(_MERGES)


def _error(text: str) -> InvalidRequestError:
    return InvalidRequestError((FieldViolation("chunk", text),))
