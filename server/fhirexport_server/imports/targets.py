"""Owns which rows the references of one window lead to: looked up together, found one by one."""

from collections.abc import Iterable, Sequence
from typing import Final

from fhirexport_server.fhir.reading.references import Ref
from fhirexport_server.imports.work import Work

UNIT: Final = "org_unit"
PLACE: Final = "place"
PATIENT: Final = "patient"
VENUE: Final = "venue"


class Targets:
    """Finds what references name: by the names of the import first, then by id, then by number."""

    def __init__(self, work: Work, wanted: Iterable[tuple[Ref, str]]) -> None:
        """Looks up what some references may name, each with the kind of row that it is to be."""
        refs = list(wanted)
        names = work.writing.names
        look, ej_id = work.writing.look, work.ej.id
        self._structure = work.structure
        self._named = names.known({ref.key for ref, _ in refs if ref.key is not None})
        patients, venues = ([ref for ref, kind in refs if kind == wanted] for wanted in (PATIENT, VENUE))
        self._there = {
            PATIENT: _owned(look.owners("patient", _numbers(patients)), ej_id),
            VENUE: _owned(look.owners("venue", _numbers(venues)), ej_id),
        }
        self._patients = look.patients_by_identifier(ej_id, _identifiers(patients))
        self._venue_system = work.systems.get("VENUE")
        self._venues = look.venues_by_number(ej_id, [value for _, value in _identifiers(venues)])

    def may_come(self, ref: Ref) -> bool:
        """Whether what a reference names may be among what is not read yet."""
        return ref.key not in self._named

    def find(self, ref: Ref, kind: str) -> int | None:
        """Returns the row that a reference names; None where there is none of this kind."""
        if ref.key is not None:
            named = self._named.get(ref.key)
            if named is not None:
                return named.id if named.kind == kind else None
        if kind in {UNIT, PLACE}:
            of_kind = self._structure.unit if kind == UNIT else self._structure.place
            return of_kind(ref.own, ref.identifier)
        return self._patient_or_venue(ref, kind)

    def _patient_or_venue(self, ref: Ref, kind: str) -> int | None:
        if ref.own is not None and ref.own.kind == kind.upper() and ref.own.number in self._there[kind]:
            return ref.own.number
        if ref.identifier is None:
            return None
        if kind == PATIENT:
            return self._patients.get(ref.identifier)
        return self._venues.get(ref.identifier[1]) if ref.identifier[0] == self._venue_system else None


def _numbers(refs: Sequence[Ref]) -> list[int]:
    return list({ref.own.number for ref in refs if ref.own is not None})


def _identifiers(refs: Sequence[Ref]) -> list[tuple[str, str]]:
    return list({ref.identifier for ref in refs if ref.identifier is not None})


def _owned(owners: dict[int, int], ej_id: int) -> set[int]:
    return {number for number, owner in owners.items() if owner == ej_id}
