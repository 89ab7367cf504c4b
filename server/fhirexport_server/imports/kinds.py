"""Kinds of rows that an import writes, with their tables, ids and numbers."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from fhirexport_server.domain import codes
from fhirexport_server.fhir.reading.datatypes import own_ids
from fhirexport_server.fhir.reading.datatypes.own_ids import OwnId


class Kind(StrEnum):
    """A kind of row. Its value is the name of the table."""

    EJ = "ej"
    UNIT = "org_unit"
    PLACE = "place"
    PATIENT = "patient"
    VENUE = "venue"
    MOVEMENT = "movement"

    @classmethod
    def of(cls, own: OwnId) -> "Kind":
        """Return the kind of the row that a logical id of this service names."""
        return _BY_ID[own.kind]

    @property
    def namespaces(self) -> Sequence[str]:
        """The kinds of `codes.NAMESPACE_KIND` of its numbers; none if the EJ does not give them."""
        return _NAMESPACES.get(self, ())


_BY_ID: Final[Mapping[str, Kind]] = {
    own_ids.EJ: Kind.EJ,
    **dict.fromkeys(codes.ORG_KIND, Kind.UNIT),
    **dict.fromkeys(codes.PLACE_KIND, Kind.PLACE),
    own_ids.PATIENT: Kind.PATIENT,
    own_ids.VENUE: Kind.VENUE,
    own_ids.MOVEMENT: Kind.MOVEMENT,
}
_NAMESPACES: Final[Mapping[Kind, Sequence[str]]] = {
    Kind.UNIT: ("STRUCTURE", "UF", "UAC"),
    Kind.PLACE: ("PLACE",),
    Kind.VENUE: ("NDA", "VENUE", "PREADMISSION"),
    Kind.MOVEMENT: ("MOVEMENT",),
}
