"""Reads one state of the database: the revision first, then rows as they stream."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Connection

from fhirexport_server.domain.changes import Changes, Keys
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import FullReason
from fhirexport_server.domain.revision import Revision
from fhirexport_server.domain.rows import (
    EjRow,
    MovementRow,
    OrgMemberRow,
    OrgUnitRow,
    PatientContactRow,
    PatientIdentifierRow,
    PatientRow,
    PlaceRow,
    VenueRow,
)
from fhirexport_server.domain.segments import Block, in_blocks
from fhirexport_server.pam.movement_order import in_order
from fhirexport_server.store import queries, schema
from fhirexport_server.store.change_log.pieces import Piece, pieces
from fhirexport_server.store.change_log.postgresql_log import PostgresqlLog
from fhirexport_server.store.change_log.sqlite_log import SqliteLog
from fhirexport_server.store.guard.guard import Guard

PatientRows = tuple[PatientRow, list[PatientIdentifierRow], list[PatientContactRow]]
"""A patient, with its identifiers and contacts."""
VenueRows = tuple[VenueRow, Sequence[MovementRow]]
"""A venue, with its active movements in order."""
StayRows = tuple[VenueRow, Callable[[], Sequence[MovementRow]]]
"""A venue, and what reads its active movements in order."""
R = TypeVar("R", bound=tuple[Any, ...])
T = TypeVar("T")
FETCH_ROWS = 1000
_MOST_NAMED = 5000
"""How many values one statement names: SQLite takes 32,766 parameters."""


class SnapshotReader:
    """Reads in one read-only transaction: everything it returns is of the same instant.

    Its iterators stream through server-side cursors, a thousand rows at a time.
    """

    def __init__(self, connection: Connection, guard: Guard) -> None:
        self._connection = connection
        self._guard = guard
        self._revisions: dict[tuple[int, Dataset], Revision] = {}
        self._open = ExitStack()

    def close(self) -> None:
        """Close the cursors that were not read to their end."""
        self._open.close()

    def revision(self, ej_id: int, dataset: Dataset) -> Revision:
        """Return the dataset's revision. Read it before any row.

        Raises:
            ChangesUntrackedError: A change of the dataset would not move the revision.
        """
        if (ej_id, dataset) not in self._revisions:
            look = self._guard.look(self._connection, ej_id, dataset)
            self._revisions[ej_id, dataset] = look.revision
        return self._revisions[ej_id, dataset]

    def position(self, ej_id: int, dataset: Dataset) -> str | None:
        """Return the place in the log of changes that `changes` goes on from: opaque text.

        None where there is none to go on from: too many changes are not in order yet.
        """
        return self._log(ej_id, dataset).position()

    def changes(self, ej_id: int, dataset: Dataset, since: Revision, position: str) -> Changes | FullReason:
        """Return what may have changed between an earlier snapshot and this one.

        Args:
            ej_id: The EJ.
            dataset: The dataset.
            since: The revision of the earlier snapshot.
            position: The position of the earlier snapshot. Where it is another, nothing is proven.

        Raises:
            ChangesUntrackedError: As `revision`.
        """
        now = self.revision(ej_id, dataset)
        if since == now:
            return Changes()
        if since.incarnation != now.incarnation:
            return FullReason.UNPROVEN
        if dataset is Dataset.STRUCTURE:
            return FullReason.STRUCTURE
        return self._log(ej_id, dataset).changes(since, now, position)

    def ej(self, ej_id: int) -> EjRow | None:
        """Return the EJ; None where there is none."""
        row = self._connection.execute(queries.ej(ej_id)).one_or_none()
        return None if row is None else EjRow._make(row)

    def legal_entities(
        self, *, finess: str | None, after_id: int, limit: int, ids: Collection[int] | None = None
    ) -> list[EjRow]:
        """Return EJs by ascending id; only those of `ids`, unless it is None."""
        asked: Iterable[list[int] | None] = (
            [None] if ids is None else _parts(sorted(one for one in ids if one > after_id))
        )
        rows: list[EjRow] = []
        for part in asked:
            query = queries.legal_entities(
                finess=finess, after_id=after_id, limit=limit - len(rows), ids=part
            )
            rows += [EjRow._make(row) for row in self._connection.execute(query)]
            if len(rows) == limit:
                break
        return rows

    def ids_by_finess(self, finess: Collection[str]) -> dict[str, int]:
        """Return the ids of the EJs with these FINESS numbers, as far as there are any."""
        ids: dict[str, int] = {}
        for part in _parts(sorted(finess)):
            ids |= self._pairs(queries.ids_by_finess(part))
        return ids

    def namespaces(self, ej_id: int) -> dict[str, str]:
        """Return the EJ's Identifier.system for each kind of number."""
        return self._pairs(queries.namespaces(ej_id))

    def unit_kinds(self, ej_id: int) -> dict[int, str]:
        """Return the kind of each of the EJ's units, by id."""
        return self._pairs(queries.kinds(schema.org_unit, ej_id))

    def place_kinds(self, ej_id: int) -> dict[int, str]:
        """Return the kind of each of the EJ's places, by id."""
        return self._pairs(queries.kinds(schema.place, ej_id))

    def org_members(self, ej_id: int) -> dict[int, list[OrgMemberRow]]:
        """Return the attachments of units outside the main tree, by parent."""
        rows = self._stream(OrgMemberRow, queries.org_members(ej_id))
        return {parent: list(group) for parent, group in groupby(rows, attrgetter("parent_id"))}

    def org_units(self, ej_id: int) -> Iterator[OrgUnitRow]:
        """Yield the units, parents before children."""
        return self._stream(OrgUnitRow, queries.org_units(ej_id))

    def places(self, ej_id: int) -> Iterator[PlaceRow]:
        """Yield the places, parents before children."""
        return self._stream(PlaceRow, queries.places(ej_id))

    def patients(self, ej_id: int, among: Keys | None = None) -> Iterator[PatientRows]:
        """Yield the patients by id, each with its identifiers and contacts; only these ids of them."""
        for piece in pieces(among):
            identifiers = _Merge(
                self._rows(PatientIdentifierRow, queries.patient_identifiers(ej_id), "patient_id", piece)
            )
            contacts = _Merge(
                self._rows(PatientContactRow, queries.patient_contacts(ej_id), "patient_id", piece)
            )
            for row in self._rows(PatientRow, queries.patients(ej_id), "id", piece):
                yield row, identifiers.of(row.id), contacts.of(row.id)

    def patient_blocks(self, ej_id: int) -> Iterator[tuple[Block, Iterable[PatientRows]]]:
        """Yield the patients by the blocks of segments. Read each block to its end before the next."""
        identifiers = _Merge(self._stream(PatientIdentifierRow, queries.patient_identifiers(ej_id)))
        contacts = _Merge(self._stream(PatientContactRow, queries.patient_contacts(ej_id)))
        rows = self._stream(PatientRow, queries.patients(ej_id))
        for block, patients in in_blocks(rows, attrgetter("id")):
            yield block, ((row, identifiers.of(row.id), contacts.of(row.id)) for row in patients)

    def venues(self, ej_id: int, among: Keys | None = None) -> Iterator[VenueRows]:
        """Yield the venues by id, each with its active movements in order; only these ids of them."""
        for venue, movements in self.stays(ej_id, among):
            yield venue, movements()

    def stays(self, ej_id: int, among: Keys | None = None) -> Iterator[StayRows]:
        """Yield what `venues` yields, for those who look ahead: movements are read when they are called for.

        Call for them by ascending venue, once; those of some venues may be left out.
        """
        for piece in pieces(among):
            movements = _Merge(self._rows(MovementRow, queries.movements(ej_id), "venue_id", piece))
            for row in self._rows(VenueRow, queries.venues(ej_id), "id", piece):
                yield row, partial(_in_order, movements, row.id)

    def venue_blocks(self, ej_id: int) -> Iterator[tuple[Block, Iterable[VenueRows]]]:
        """Yield the venues by the blocks of segments. Read each block to its end before the next."""
        movements = _Merge(self._stream(MovementRow, queries.movements(ej_id)))
        rows = self._stream(VenueRow, queries.venues(ej_id))
        for block, venues in in_blocks(rows, attrgetter("id")):
            yield block, ((row, in_order(movements.of(row.id))) for row in venues)

    def _log(self, ej_id: int, dataset: Dataset) -> PostgresqlLog | SqliteLog:
        log = PostgresqlLog if self._connection.dialect.name == "postgresql" else SqliteLog
        return log(self._connection, ej_id, dataset)

    def _pairs(self, query: queries.Selection) -> dict[Any, Any]:
        return {key: value for key, value in self._connection.execute(query)}  # noqa: C416 - rows are no tuples to mypy

    def _rows(
        self, row_type: type[R], query: queries.Selection, key: str, piece: Piece | None
    ) -> Iterator[R]:
        """Yield the rows of a query whose key is in a piece of some keys; all where there is none."""
        if piece is None:
            return self._stream(row_type, query)
        selected = query.where(piece.holds(self._connection, query.selected_columns[key]))
        if not piece.is_small:
            return self._stream(row_type, selected)
        make = row_type._make  # type: ignore[attr-defined]  # every row type is a NamedTuple
        return map(make, self._connection.execute(selected).all())

    def _stream(self, row_type: type[R], query: queries.Selection) -> Iterator[R]:
        make = row_type._make  # type: ignore[attr-defined]  # every row type is a NamedTuple
        result = self._connection.execute(query, execution_options={"yield_per": FETCH_ROWS})
        self._open.callback(result.close)
        for partition in result.partitions():
            yield from map(make, partition)


class _Merge:
    """Groups a stream of rows by the key that they start with. Rows and requests are both in key order."""

    def __init__(self, rows: Iterator[R]) -> None:
        self._rows = rows
        self._next: Any = next(rows, None)

    def of(self, key: int) -> list[Any]:
        """Return the rows of a key. Keys must be asked for in ascending order."""
        rows: list[Any] = []
        row = self._next
        while row is not None and row[0] <= key:
            if row[0] == key:
                rows.append(row)
            row = next(self._rows, None)
        self._next = row
        return rows


def _parts(values: list[T]) -> Iterator[list[T]]:
    return (values[start : start + _MOST_NAMED] for start in range(0, len(values), _MOST_NAMED))


def _in_order(movements: _Merge, venue: int) -> Sequence[MovementRow]:
    return in_order(movements.of(venue))
