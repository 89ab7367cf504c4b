"""An import that is only tried: the same look-ups and rules, but nothing is written or locked."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, exists, func, select

from fhirexport_server.domain.revision import Token
from fhirexport_server.store import bulk, schema
from fhirexport_server.store.guard.guard import Guard
from fhirexport_server.store.importing.new_ids import Counted
from fhirexport_server.store.importing.overlay import Overlay
from fhirexport_server.store.importing.refusals import refusals
from fhirexport_server.store.importing.writing import Writing


class _Ids(Counted):
    """Counts ids from the largest that was allocated, and takes none from the sequences."""

    def __init__(self, connection: Connection, overlay: Overlay) -> None:
        super().__init__(connection)
        self._overlay = overlay

    def _largest(self, table: str) -> int:
        real = self._overlay.real(table)
        largest = self._connection.execute(select(func.max(real.c.id))).scalar_one() or 0
        return max(largest, self._given_by_database(table, real))

    def _given_by_database(self, table: str, real: Table) -> int:
        if not bulk.is_postgresql(self._connection):
            return super()._largest(table)
        sequence = func.pg_get_serial_sequence(f"{real.schema}.{real.name}", "id")
        return self._connection.execute(select(func.pg_sequence_last_value(sequence))).scalar_one() or 0


class Trial(Writing):
    """What one import would do to the database. Its transaction must be rolled back."""

    def __init__(self, connection: Connection, guard: Guard) -> None:
        super().__init__(connection, guard)
        self._overlay = Overlay(connection)
        self.ids = _Ids(connection, self._overlay)

    def require(self, token: Token) -> None:
        """Compare a revision with that of the transaction's snapshot.

        Raises:
            RevisionChangedError: They differ.
        """
        self._compare(token)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """See Writing; on top of the table."""
        if rows:
            name = self._overlay.new(table)
            with refusals(table):
                bulk.insert(self._connection, name, columns, self._plain(table, columns, rows))
            self._statistics.grew(self._connection, name)

    def update(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """See Writing; on top of the table."""
        if rows:
            self._overlay.take(table, [row[0] for row in rows])
            name = self._overlay.new(table)
            with refusals(table):
                bulk.update(self._connection, name, columns, self._plain(table, columns, rows))

    def clear(self, table: str, column: str, ids: Sequence[int]) -> None:
        """See Writing; on top of the table."""
        if ids:
            self._overlay.clear(table, column, ids)

    def delete(self, table: str, ej_id: int, number: int) -> bool | None:
        """See Writing; on top of the table, following the foreign keys as the database would."""
        of_table = schema.METADATA.tables[table]
        if not self._is_any(of_table, "id", ej_id, number):
            return False
        parts = []
        for other in schema.METADATA.sorted_tables:
            for key in other.foreign_key_constraints:
                if key.referred_table is not of_table:
                    continue
                (column,) = (name for name in key.column_keys if name != "ej_id")
                if key.ondelete == "CASCADE":
                    parts.append((other.name, column))
                elif self._is_any(other, column, ej_id, number):
                    return None
        for name, column in [*parts, (table, "id")]:
            self._overlay.clear(name, column, [number])
        return True

    def tokens(self, ej_id: int) -> tuple[Token, ...]:  # noqa: ARG002 - the signature of Writing
        """Return nothing: no revision moves."""
        return ()

    def _is_any(self, table: Table, column: str, ej_id: int, number: int) -> bool:
        condition = and_(table.c.ej_id == ej_id, table.c[column] == number)
        return bool(self._connection.execute(select(exists().where(condition))).scalar_one())
