"""Recognizes this service's own logical ids, `<kind>-<database id>`: the inverse of `fhir/ids.py`."""

from typing import Final, NamedTuple

from fhirexport_server.domain import codes
from fhirexport_server.fhir import ids

EJ: Final = "EJ"
PATIENT: Final = "PATIENT"
VENUE: Final = "VENUE"
MOVEMENT: Final = "MOVEMENT"
_LARGEST: Final = 2**63 - 1
_LONGEST: Final = len(str(_LARGEST))


class OwnId(NamedTuple):
    """A logical id of this service: it names a row of its database."""

    kind: str
    """One of `codes.ORG_KIND` or `codes.PLACE_KIND`, or EJ, PATIENT, VENUE, MOVEMENT."""
    number: int
    """The database id."""


def _prefix(example: str) -> str:
    return example.rpartition("-")[0]


_KINDS: Final = {
    "Organization": {
        _prefix(ids.ej_id(1)): EJ,
        **{_prefix(ids.unit_id(kind, 1)): kind for kind in codes.ORG_KIND},
    },
    "Location": {_prefix(ids.place_id(kind, 1)): kind for kind in codes.PLACE_KIND},
    "Patient": {_prefix(ids.patient_id(1)): PATIENT},
    "Encounter": {_prefix(ids.venue_id(1)): VENUE, _prefix(ids.movement_id(1)): MOVEMENT},
}
TYPES: Final = tuple(_KINDS)
"""The resource types that can be imported."""


def own_id(type_: str, logical_id: str) -> OwnId | None:
    """Return the row that a logical id names; None if the id is not of this service's form."""
    prefix, _, digits = logical_id.rpartition("-")
    kind = _KINDS.get(type_, {}).get(prefix)
    if kind is None or len(digits) > _LONGEST or not (digits.isascii() and digits.isdigit()):
        return None
    number = int(digits)
    if digits[0] == "0" or number > _LARGEST:
        return None
    return OwnId(kind, number)
