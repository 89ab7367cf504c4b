r"""Logical ids: `<kind>-<database id>`. An id never changes.

Each kind has a prefix of its own, because all units are Organizations and all places are Locations.
Source: FHIR R4 `id` (`[A-Za-z0-9\-\.]{1,64}`).
"""

from typing import Final

_EJ: Final = "ej"
_UNIT: Final = {
    "EG": "eg",
    "POLE": "pole",
    "DEPARTMENT": "dept",
    "SERVICE": "service",
    "SECTOR": "sector",
    "UM": "um",
    "CR": "cr",
    "CA": "ca",
    "INTERNAL": "internal",
    "UF": "uf",
    "UAC": "uac",
}
_PLACE: Final = {
    "UH": "uh",
    "ROOM": "room",
    "BED": "bed",
    "BUILDING": "building",
    "FLOOR": "floor",
    "CORRIDOR": "corridor",
    "WING": "wing",
    "BOX": "box",
    "PLATFORM": "platform",
    "COLLECTION_POINT": "collection",
    "DELIVERY_POINT": "delivery",
    "EXAM_ROOM": "exam",
    "CONSULTATION_ROOM": "consultation",
}
PATIENT: Final = "pat"
VENUE: Final = "ven"
_MOVEMENT: Final = "mvt"


def ej_id(row_id: int) -> str:
    """The id of an EJ's Organization."""
    return f"{_EJ}-{row_id}"


def unit_id(kind: str, row_id: int) -> str:
    """The id of an organisational unit's Organization.

    Raises:
        KeyError: `kind` is not one of `codes.ORG_KIND`.
    """
    return f"{_UNIT[kind]}-{row_id}"


def place_id(kind: str, row_id: int) -> str:
    """The id of a place's Location.

    Raises:
        KeyError: `kind` is not one of `codes.PLACE_KIND`.
    """
    return f"{_PLACE[kind]}-{row_id}"


def patient_id(row_id: int) -> str:
    """The id of a Patient."""
    return f"{PATIENT}-{row_id}"


def venue_id(row_id: int) -> str:
    """The id of a venue's Encounter."""
    return f"{VENUE}-{row_id}"


def movement_id(row_id: int) -> str:
    """The id of a movement's Encounter."""
    return f"{_MOVEMENT}-{row_id}"
