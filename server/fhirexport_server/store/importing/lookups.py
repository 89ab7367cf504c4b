"""The look-ups of an import: by id and by number, for a window of resources at once."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    null,
    select,
)

from fhirexport_server.domain.rows import (
    EjRow,
    MovementRow,
    OrgUnitRow,
    PatientContactRow,
    PatientIdentifierRow,
    PatientRow,
    PlaceRow,
    VenueRow,
)
from fhirexport_server.store import schema
from fhirexport_server.store.schema.column_types import raw
from fhirexport_server.store.schema.in_any import among, pairs_among

K = TypeVar("K")
V = TypeVar("V")
R = TypeVar("R", bound=tuple[Any, ...])
_OLD: ColumnElement[str] = literal_column("'old'")
"""A literal, because SQLite would not use the partial index for a parameter."""
_MOST_SYSTEMS = 64
_FIRST_NUMBERS = 20
_COMPUTED = ("parent_kind", "depth", "uf_kind")
"""Fields of rows that no column holds: None here."""


_IDENTIFIER: Final = schema.patient_identifier.c
_CURRENT: Final = and_(_IDENTIFIER.ej_id == bindparam("of_ej"), _IDENTIFIER.use_code != "old")
# Every import asks so a few times: to make the statements anew took longer than to run them.
_NEXT_SYSTEM: Final = select(func.min(_IDENTIFIER.system)).where(
    _CURRENT, _IDENTIFIER.system > bindparam("known")
)
_FIRST_OF_SYSTEM: Final = (
    select(_IDENTIFIER.kind, _IDENTIFIER.use_code)
    .where(_CURRENT, _IDENTIFIER.system == bindparam("known"))
    .order_by(_IDENTIFIER.value)
    .limit(_FIRST_NUMBERS)
)


class StoredMovement(NamedTuple):
    """A movement, cancelled or not."""

    ej_id: int
    state: str
    derived: bool
    """Whether an import derived it from a venue's summary."""
    row: MovementRow


def _columns(row_type: type[tuple[Any, ...]], table: Table) -> list[ColumnElement[Any]]:
    fields: Sequence[str] = row_type._fields  # type: ignore[attr-defined]  # every row type is a NamedTuple
    return [null() if name in _COMPUTED else raw(table.c[name]) for name in fields]


def _row(row_type: type[R], values: Sequence[object]) -> R:
    row: R = row_type._make(values)  # type: ignore[attr-defined]  # as above
    return row


class Lookups:
    """Reads inside the transaction of an import, including what the import has written."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ej_by_finess(self, finess: str) -> EjRow | None:
        """Return the EJ with a FINESS number."""
        return self._ej(schema.ej.c.finess == finess)

    def ej(self, ej_id: int) -> EjRow | None:
        """Return the EJ with an id."""
        return self._ej(schema.ej.c.id == ej_id)

    def has_rows(self, table: str, ej_id: int) -> bool:
        """Return whether an EJ has any row in a table. Derived movements, without a number, do not count."""
        of_table = schema.METADATA.tables[table]
        condition = of_table.c.ej_id == ej_id
        if "derived" in of_table.c:
            condition = and_(condition, of_table.c.derived.is_(sqlalchemy.false()))
        query = select(exists().where(condition))
        return bool(self._connection.execute(query).scalar_one())

    def namespaces(self, ej_id: int) -> dict[str, str]:
        """Return the EJ's Identifier.system for each kind of number that has one."""
        table = schema.namespace
        return self._pairs(select(table.c.kind, table.c.system).where(table.c.ej_id == ej_id))

    def units(self, ej_id: int) -> dict[int, OrgUnitRow]:
        """Return every unit of an EJ, by id."""
        return self._all(OrgUnitRow, schema.org_unit, ej_id)

    def places(self, ej_id: int) -> dict[int, PlaceRow]:
        """Return every place of an EJ, by id."""
        return self._all(PlaceRow, schema.place, ej_id)

    def members(self, ej_id: int) -> set[tuple[int, int]]:
        """Return the attachments of units outside the main tree: (parent, child)."""
        table = schema.org_member
        query = select(table.c.parent_id, table.c.child_id).where(table.c.ej_id == ej_id)
        return {(parent, child) for parent, child in self._connection.execute(query)}

    def owners(self, table: str, ids: Sequence[int]) -> dict[int, int]:
        """Return the EJ of each of some rows, by id; rows that do not exist are left out."""
        of_table = schema.METADATA.tables[table]
        query = select(of_table.c.id, of_table.c.ej_id).where(among(self._connection, of_table.c.id, ids))
        return self._pairs(query) if ids else {}

    def patients(self, ej_id: int, ids: Sequence[int]) -> dict[int, PatientRow]:
        """Return those of some patients that belong to the EJ, by id."""
        return self._some(PatientRow, schema.patient, ej_id, ids)

    def patients_by_identifier(
        self, ej_id: int, identifiers: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], int]:
        """Return the patients that have some identifiers now, by system and value."""
        if not identifiers:
            return {}
        table = schema.patient_identifier
        query = select(table.c.system, table.c.value, table.c.patient_id).where(
            table.c.ej_id == ej_id, table.c.use_code != _OLD
        )
        return {
            (system, value): patient
            for condition in pairs_among(self._connection, table.c.system, table.c.value, identifiers)
            for system, value, patient in self._connection.execute(query.where(condition))
        }

    def ipp_systems(self, ej_id: int) -> set[str]:
        """Return the systems that the EJ's own numbers of patients (IPP, of use usual) have.

        Each system costs one step through the index, however many patients have a number of it; of each,
        the first few numbers are looked at.
        """
        systems: set[str] = set()
        system = ""
        for _ in range(_MOST_SYSTEMS):
            given = {"of_ej": ej_id, "known": system}
            system = self._connection.execute(_NEXT_SYSTEM, given).scalar_one()
            if system is None:
                break
            rows = self._connection.execute(_FIRST_OF_SYSTEM, given | {"known": system})
            if any((kind, use) == ("IPP", "usual") for kind, use in rows):
                systems.add(system)
        return systems

    def patient_identifiers(self, ej_id: int, ids: Sequence[int]) -> dict[int, list[PatientIdentifierRow]]:
        """Return the identifiers of some patients, in their order."""
        return self._parts(PatientIdentifierRow, schema.patient_identifier, ej_id, ids)

    def patient_contacts(self, ej_id: int, ids: Sequence[int]) -> dict[int, list[PatientContactRow]]:
        """Return the contacts of some patients, in their order."""
        return self._parts(PatientContactRow, schema.patient_contact, ej_id, ids)

    def merged(self, ej_id: int, ids: Sequence[int]) -> dict[int, int]:
        """Return the survivor of each of some patients that was merged into another, by id."""
        table = schema.patient
        query = select(table.c.id, table.c.merged_into_id).where(
            table.c.ej_id == ej_id,
            among(self._connection, table.c.id, ids),
            table.c.merged_into_id.is_not(None),
        )
        return self._pairs(query) if ids else {}

    def venues(self, ej_id: int, ids: Sequence[int]) -> dict[int, VenueRow]:
        """Return those of some venues that belong to the EJ, by id."""
        return self._some(VenueRow, schema.venue, ej_id, ids)

    def venues_by_number(self, ej_id: int, numbers: Sequence[str]) -> dict[str, int]:
        """Return the venues with some numbers."""
        return self._by_number(schema.venue, schema.venue.c.venue_no, ej_id, numbers)

    def movements_by_number(self, ej_id: int, numbers: Sequence[str]) -> dict[str, int]:
        """Return the movements with some numbers."""
        return self._by_number(schema.movement, schema.movement.c.movement_no, ej_id, numbers)

    def derived(self, ids: Sequence[int]) -> list[int]:
        """Return the ids of those of some movements that were derived."""
        table = schema.movement
        query = select(table.c.id).where(
            among(self._connection, table.c.id, ids), table.c.derived.is_(sqlalchemy.true())
        )
        return list(self._connection.execute(query).scalars()) if ids else []

    def movements(self, ej_id: int, ids: Sequence[int]) -> list[StoredMovement]:
        """Return those of some movements that belong to the EJ."""
        return self._movements(ej_id, among(self._connection, schema.movement.c.id, ids)) if ids else []

    def movements_of(self, ej_id: int, venues: Sequence[int]) -> list[StoredMovement]:
        """Return every movement of some venues, by venue, start and id."""
        return (
            self._movements(ej_id, among(self._connection, schema.movement.c.venue_id, venues))
            if venues
            else []
        )

    def _movements(self, ej_id: int, condition: ColumnElement[bool]) -> list[StoredMovement]:
        table = schema.movement
        query = (
            select(table.c.ej_id, table.c.state, table.c.derived, *_columns(MovementRow, table))
            .where(table.c.ej_id == ej_id, condition)
            .order_by(table.c.venue_id, table.c.started_at, table.c.id)
        )
        return [
            StoredMovement(owner, state, bool(derived), MovementRow._make(row))
            for owner, state, derived, *row in self._connection.execute(query)
        ]

    def _ej(self, condition: ColumnElement[bool]) -> EjRow | None:
        row = self._connection.execute(select(*_columns(EjRow, schema.ej)).where(condition)).one_or_none()
        return None if row is None else EjRow._make(row)

    def _all(self, row_type: type[R], table: Table, ej_id: int) -> dict[int, R]:
        return self._rows(row_type, table, table.c.ej_id == ej_id)

    def _some(self, row_type: type[R], table: Table, ej_id: int, ids: Sequence[int]) -> dict[int, R]:
        if not ids:
            return {}
        return self._rows(
            row_type, table, and_(table.c.ej_id == ej_id, among(self._connection, table.c.id, ids))
        )

    def _rows(self, row_type: type[R], table: Table, condition: ColumnElement[bool]) -> dict[int, R]:
        query = select(table.c.id, *_columns(row_type, table)).where(condition)
        return {number: _row(row_type, row) for number, *row in self._connection.execute(query)}

    def _parts(self, row_type: type[R], table: Table, ej_id: int, ids: Sequence[int]) -> dict[int, list[R]]:
        parts: dict[int, list[R]] = {}
        if not ids:
            return parts
        query = (
            select(table.c.patient_id, *_columns(row_type, table))
            .where(table.c.ej_id == ej_id, among(self._connection, table.c.patient_id, ids))
            .order_by(table.c.patient_id, table.c.seq)
        )
        for patient, *row in self._connection.execute(query):
            parts.setdefault(patient, []).append(_row(row_type, row))
        return parts

    def _by_number(
        self, table: Table, column: Column[str], ej_id: int, numbers: Sequence[str]
    ) -> dict[str, int]:
        if not numbers:
            return {}
        query = select(column, table.c.id).where(
            table.c.ej_id == ej_id, among(self._connection, column, numbers)
        )
        return self._pairs(query)

    def _pairs(self, query: Select[K, V]) -> dict[K, V]:
        return {row[0]: row[1] for row in self._connection.execute(query)}
