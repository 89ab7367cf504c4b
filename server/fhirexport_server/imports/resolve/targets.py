"""Owns which rows the references of one window lead to: looked up together, found one by one."""

from collections.abc import Iterable, Sequence

from fhirexport_server.fhir.reading.datatypes.own_ids import OwnId
from fhirexport_server.fhir.reading.datatypes.references import Ref
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.work import Work


class Targets:
    """Finds what references name: by the names of the import first, then by id, then by number."""

    def __init__(self, work: Work, wanted: Iterable[tuple[Ref, Kind]]) -> None:
        """Looks up what some references may name, each with the kind of row that it is to be."""
        refs = list(wanted)
        names = work.writing.names
        look, ej_id = work.writing.look, work.ej.id
        self._structure = work.structure
        self._is_given = work.is_given
        self._named = names.known({ref.key for ref, _ in refs if ref.key is not None})
        patients, venues = (
            [ref for ref, kind in refs if kind is wanted] for wanted in (Kind.PATIENT, Kind.VENUE)
        )
        self._there = {
            Kind.PATIENT: _owned(look.owners(Kind.PATIENT, _numbers(patients)), ej_id),
            Kind.VENUE: _owned(look.owners(Kind.VENUE, _numbers(venues)), ej_id),
        }
        self._patients = look.patients_by_identifier(ej_id, _identifiers(patients))
        self._venue_system = work.systems.get("VENUE")
        self._venues = look.venues_by_number(ej_id, [value for _, value in _identifiers(venues)])

    def may_come(self, ref: Ref) -> bool:
        """Whether what a reference names may be among what is not read yet."""
        return ref.key not in self._named

    def agrees(self, ref: Ref, kind: Kind, row: int | None) -> bool:
        """Whether a reference does not name another row by its number."""
        numbered = self._numbered(ref, kind)
        return not numbered or row in numbered

    def find(self, ref: Ref, kind: Kind) -> int | None:
        """Returns the row that a reference names; None where there is none of this kind."""
        named = None if ref.key is None else self._named.get(ref.key)
        numbered = self._numbered(ref, kind)
        if named is not None:
            found = named.id if named.kind == kind else None
            return found if not numbered or found in numbered else None
        own = ref.own
        # An id that this import gave is none that the sender can have meant.
        if own is not None and self._is_given(kind, own.number):
            return None
        if own is not None and self._is_there(own, kind):
            return own.number if not numbered or own.number in numbered else None
        return numbered[0] if len(numbered) == 1 else None

    def _is_there(self, own: OwnId, kind: Kind) -> bool:
        if kind in {Kind.UNIT, Kind.PLACE}:
            kinds = self._structure.unit_kinds if kind is Kind.UNIT else self._structure.place_kinds
            return kinds.get(own.number) == own.kind
        return Kind.of(own) is kind and own.number in self._there[kind]

    def _numbered(self, ref: Ref, kind: Kind) -> Sequence[int]:
        """Returns the rows with the number that a reference names."""
        if ref.identifier is None:
            return ()
        if kind in {Kind.UNIT, Kind.PLACE}:
            return (self._structure.units if kind is Kind.UNIT else self._structure.places)(ref.identifier)
        if kind is Kind.PATIENT:
            found = self._patients.get(ref.identifier)
        else:
            system, value = ref.identifier
            found = self._venues.get(value) if system == self._venue_system else None
        return () if found is None else (found,)


def _numbers(refs: Sequence[Ref]) -> list[int]:
    return list({ref.own.number for ref in refs if ref.own is not None})


def _identifiers(refs: Sequence[Ref]) -> list[tuple[str, str]]:
    return list({ref.identifier for ref in refs if ref.identifier is not None})


def _owned(owners: dict[int, int], ej_id: int) -> set[int]:
    return {number for number, owner in owners.items() if owner == ej_id}
