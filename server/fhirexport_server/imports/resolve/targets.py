"""Finds the rows that the references of one window name: looked up together, found one by one."""

from collections.abc import Iterable, Sequence

from fhirexport_server.fhir.reading.datatypes.own_ids import OwnId
from fhirexport_server.fhir.reading.datatypes.references import Identifier, Ref
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.work import Work


class Targets:
    """The rows that references name: by the names of the import, then by id, then by number."""

    def __init__(self, work: Work, references: Iterable[tuple[Ref, Kind]]) -> None:
        """Look up what references may name, each with the kind of row that it should name."""
        refs = list(references)
        names = work.writing.names
        look, ej_id = work.writing.look, work.ej.id
        self._structure = work.structure
        self._is_given = work.is_given
        self._named = names.known({ref.key for ref, _ in refs if ref.key is not None})
        patients, venues = (
            [ref for ref, kind in refs if kind is expected] for expected in (Kind.PATIENT, Kind.VENUE)
        )
        self._existing = {
            Kind.PATIENT: _owned(look.owners(Kind.PATIENT, _numbers(patients)), ej_id),
            Kind.VENUE: _owned(look.owners(Kind.VENUE, _numbers(venues)), ej_id),
        }
        self._patients = look.patients_by_identifier(ej_id, _identifiers(patients))
        self._venue_system = work.systems.get("VENUE")
        self._venues = look.venues_by_number(ej_id, [value for _, value in _identifiers(venues)])

    def may_come(self, ref: Ref) -> bool:
        """Return whether a reference may name a resource that is not read yet."""
        return ref.key not in self._named

    def agrees(self, ref: Ref, kind: Kind, row: int | None) -> bool:
        """Return whether the number of a reference, if any, leads to this row."""
        numbered = [self._with_number(identifier, kind) for identifier in (ref.identifier, ref.also)]
        return all(row in rows for rows in numbered if rows)

    def find(self, ref: Ref, kind: Kind) -> int | None:
        """Return the row that a reference names; None if there is none of this kind."""
        named = None if ref.key is None else self._named.get(ref.key)
        numbered = self._numbered(ref, kind)
        if named is not None:
            row = named.id if named.kind == kind else None
            return row if not numbered or row in numbered else None
        own = ref.own
        # The sender cannot mean an id that this import has just given.
        if own is not None and self._is_given(kind, own.number):
            return None
        if own is not None and self._is_there(own, kind):
            return own.number if not numbered or own.number in numbered else None
        return numbered[0] if len(numbered) == 1 else None

    def _is_there(self, own: OwnId, kind: Kind) -> bool:
        if kind in {Kind.UNIT, Kind.PLACE}:
            kinds = self._structure.unit_kinds if kind is Kind.UNIT else self._structure.place_kinds
            return kinds.get(own.number) == own.kind
        return Kind.of(own) is kind and own.number in self._existing[kind]

    def _numbered(self, ref: Ref, kind: Kind) -> Sequence[int]:
        """Return the rows with all those numbers of a reference that lead to any."""
        rows, others = self._with_number(ref.identifier, kind), self._with_number(ref.also, kind)
        return [row for row in rows if row in others] if rows and others else rows or others

    def _with_number(self, identifier: Identifier | None, kind: Kind) -> Sequence[int]:
        if identifier is None:
            return ()
        if kind in {Kind.UNIT, Kind.PLACE}:
            return (self._structure.units if kind is Kind.UNIT else self._structure.places)(identifier)
        if kind is Kind.PATIENT:
            row = self._patients.get(identifier)
        else:
            system, value = identifier
            row = self._venues.get(value) if system == self._venue_system else None
        return () if row is None else (row,)


def _numbers(refs: Sequence[Ref]) -> list[int]:
    return list({ref.own.number for ref in refs if ref.own is not None})


def _identifiers(refs: Sequence[Ref]) -> list[tuple[str, str]]:
    named = {identifier for ref in refs for identifier in (ref.identifier, ref.also)}
    return [identifier for identifier in named if identifier is not None]


def _owned(owners: dict[int, int], ej_id: int) -> set[int]:
    return {number for number, owner in owners.items() if owner == ej_id}
