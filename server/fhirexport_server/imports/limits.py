"""How much of one import may be in memory: every bound, and what is said of what is over it."""

from typing import Final

from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError

MIB: Final = 1 << 20

LONGEST_LINE: Final = MIB
WINDOW: Final = 2000
"""How many resources are written together, but for those of one stay."""
WINDOW_BYTES: Final = 4 * MIB
"""How long the lines are that are parsed together, but for those of one stay."""
MOST_STRUCTURE: Final = 50_000
"""How many lines may be neither Patient nor Encounter: Organizations and Locations are in memory together."""
MOST_STRUCTURE_BYTES: Final = 64 * MIB
MOST_OVERLONG: Final = 1000
"""How many lines may be too long."""
MOST_MOVEMENTS: Final = 10_000
"""How many movements a venue may have."""
MOST_STAY_BYTES: Final = 16 * MIB
"""How long a venue and its movements may be together, as NDJSON."""
MOST_WAITING: Final = 10_000
"""How many movements may wait for a venue that is not found by the time they are read."""
MOST_MERGES: Final = 50_000
"""How many patients of an import may be merged into others."""

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
    """Return the error of too much structure."""
    return _error(_STRUCTURE)


def overlong() -> InvalidRequestError:
    """Return the error of too many lines that are too long."""
    return _error(_OVERLONG)


def merges() -> InvalidRequestError:
    """Return the error of too many merged patients."""
    return _error(_MERGES)


def _error(text: str) -> InvalidRequestError:
    return InvalidRequestError((FieldViolation("chunk", text),))
