"""Owns finding an EJ's units and places: by id, by number, by what a reference names."""

from collections.abc import Mapping, Sequence
from typing import Final

from fhirexport_server.domain.rows import OrgUnitRow, PlaceRow
from fhirexport_server.fhir.reading.datatypes.own_ids import OwnId
from fhirexport_server.fhir.structure_codes import FINESS_SYSTEM, UNIT_NAMESPACE

_STRUCTURE: Final = "STRUCTURE"


class StructureIndex:
    """The units and places of one EJ, as they are once the import's own are among them."""

    def __init__(
        self, units: Mapping[int, OrgUnitRow], places: Mapping[int, PlaceRow], systems: Mapping[str, str]
    ) -> None:
        self.unit_kinds = {number: row.kind for number, row in units.items()}
        self.place_kinds = {number: row.kind for number, row in places.items()}
        self._systems = systems
        self._units: dict[tuple[str, str], list[int]] = {}
        self._places: dict[str, list[int]] = {}
        for number, unit in units.items():
            kind = UNIT_NAMESPACE.get(unit.kind, _STRUCTURE)
            self._units.setdefault((kind, unit.code), []).append(number)
            if unit.finess is not None:
                self._units.setdefault((FINESS_SYSTEM, unit.finess), []).append(number)
        for number, place in places.items():
            self._places.setdefault(place.code, []).append(number)

    def unit(self, own: OwnId | None, identifier: tuple[str, str] | None) -> int | None:
        """Returns the unit with an id of ours, otherwise the only one with a number, if they agree."""
        return _one(own, self.unit_kinds, self.units(identifier))

    def units(self, identifier: tuple[str, str] | None) -> Sequence[int]:
        """Returns the units with a number: those of different kinds may share it."""
        if identifier is None:
            return ()
        system, value = identifier
        found = self._units.get((FINESS_SYSTEM, value), []) if system == FINESS_SYSTEM else []
        for kind in (_STRUCTURE, "UF", "UAC"):
            if self._systems.get(kind) == system:
                found = [*found, *self._units.get((kind, value), [])]
        return list(dict.fromkeys(found))

    def place(self, own: OwnId | None, identifier: tuple[str, str] | None) -> int | None:
        """Returns the place with an id of ours, otherwise the only one with a number, if they agree."""
        return _one(own, self.place_kinds, self.places(identifier))

    def places(self, identifier: tuple[str, str] | None) -> Sequence[int]:
        """Returns the places with a number: those of different kinds may share it."""
        if identifier is None or identifier[0] != self._systems.get("PLACE"):
            return ()
        return self._places.get(identifier[1], ())


def _one(own: OwnId | None, kinds: Mapping[int, str], numbered: Sequence[int]) -> int | None:
    if own is not None and kinds.get(own.number) == own.kind:
        return own.number if not numbered or own.number in numbered else None
    return numbered[0] if len(numbered) == 1 else None
