"""Finds an EJ's units and places, by id and by number."""

from collections.abc import Mapping, Sequence
from typing import Final

from fhirexport_server.domain.rows import OrgUnitRow, PlaceRow
from fhirexport_server.fhir.reading.datatypes.own_ids import OwnId
from fhirexport_server.fhir.structure_codes import FINESS_SYSTEM, UNIT_NAMESPACE

_STRUCTURE: Final = "STRUCTURE"


class StructureIndex:
    """The units and places of one EJ, including those of the import."""

    def __init__(
        self, units: Mapping[int, OrgUnitRow], places: Mapping[int, PlaceRow], systems: Mapping[str, str]
    ) -> None:
        self.unit_kinds = {row_id: row.kind for row_id, row in units.items()}
        self.place_kinds = {row_id: row.kind for row_id, row in places.items()}
        self._systems = systems
        self._units: dict[tuple[str, str], list[int]] = {}
        self._places: dict[str, list[int]] = {}
        for row_id, unit in units.items():
            kind = UNIT_NAMESPACE.get(unit.kind, _STRUCTURE)
            self._units.setdefault((kind, unit.code), []).append(row_id)
            if unit.finess is not None:
                self._units.setdefault((FINESS_SYSTEM, unit.finess), []).append(row_id)
        for row_id, place in places.items():
            self._places.setdefault(place.code, []).append(row_id)

    def unit(self, own: OwnId | None, identifier: tuple[str, str] | None) -> int | None:
        """Return the unit with this id, otherwise the only one with this number, if both agree."""
        return _agreed(own, self.unit_kinds, self.units(identifier))

    def units(self, identifier: tuple[str, str] | None) -> Sequence[int]:
        """Return the units with this number: units of different kinds may share one."""
        if identifier is None:
            return ()
        system, value = identifier
        row_ids = self._units.get((FINESS_SYSTEM, value), []) if system == FINESS_SYSTEM else []
        for kind in (_STRUCTURE, "UF", "UAC"):
            if self._systems.get(kind) == system:
                row_ids = [*row_ids, *self._units.get((kind, value), [])]
        return list(dict.fromkeys(row_ids))

    def place(self, own: OwnId | None, identifier: tuple[str, str] | None) -> int | None:
        """Return the place with this id, otherwise the only one with this number, if both agree."""
        return _agreed(own, self.place_kinds, self.places(identifier))

    def places(self, identifier: tuple[str, str] | None) -> Sequence[int]:
        """Return the places with this number: places of different kinds may share one."""
        if identifier is None or identifier[0] != self._systems.get("PLACE"):
            return ()
        return self._places.get(identifier[1], ())


def _agreed(own: OwnId | None, kinds: Mapping[int, str], numbered: Sequence[int]) -> int | None:
    if own is not None and kinds.get(own.number) == own.kind:
        return own.number if not numbered or own.number in numbered else None
    return numbered[0] if len(numbered) == 1 else None
