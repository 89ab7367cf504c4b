"""Owns the transaction of one import: everything it reads and writes, and what the driver's errors mean."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, text
from sqlalchemy.exc import IntegrityError

from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import RevisionChangedError, WriteConflictError
from fhirexport_server.domain.revision import Token
from fhirexport_server.store import bulk, schema
from fhirexport_server.store.guard.guard import Guard
from fhirexport_server.store.importing import idempotency
from fhirexport_server.store.importing.in_any import among
from fhirexport_server.store.importing.journal import Journal
from fhirexport_server.store.importing.lookups import Lookups
from fhirexport_server.store.importing.new_ids import Counted, FromSequences, Ids
from fhirexport_server.store.importing.refusals import refusals
from fhirexport_server.store.schema.column_types import Instant
from fhirexport_server.store.schema.revisions import READ_BY

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Writing:
    """What one import does to the database. Nothing of it is there unless its transaction commits."""

    def __init__(self, connection: Connection, guard: Guard) -> None:
        self._connection = connection
        self._guard = guard
        self.look = Lookups(connection)
        self.names = Journal(connection)
        self.ids: Ids = (FromSequences if bulk.is_postgresql(connection) else Counted)(connection)
        self._datasets: set[Dataset] = set()
        self._statistics = bulk.Statistics()

    def begin(self, request_id: str, digest: str) -> str | None:
        """Takes a request id; returns the answer where it was answered already (see `requests.begin`)."""
        return idempotency.begin(self._connection, request_id, digest)

    def finish(self, request_id: str, answer: str) -> None:
        """Keeps the answer for those who ask again."""
        idempotency.finish(self._connection, request_id, answer)

    def require(self, token: Token) -> None:
        """Keeps everybody else from writing until the transaction ends, and compares a revision.

        Raises:
            RevisionChangedError: it is not the present one.
        """
        if bulk.is_postgresql(self._connection):
            # Every writer's triggers write here; who has written and not committed is waited for.
            self._connection.execute(text("LOCK TABLE revision_delta IN SHARE ROW EXCLUSIVE MODE"))
        self._compare(token)

    def _compare(self, token: Token) -> None:
        present = self._token(token.ej_id, token.dataset)
        if present != token:
            raise RevisionChangedError(present.encode())

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Inserts rows whose values are as in `domain/rows.py`."""
        if rows:
            self._wrote(table)
            with refusals(table):
                bulk.insert(self._connection, table, columns, self._plain(table, columns, rows))
            self._statistics.grew(self._connection, table)

    def update(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Updates rows whose values are as in `domain/rows.py`; the first column is `id`."""
        if rows:
            self._wrote(table)
            with refusals(table):
                bulk.update(self._connection, table, columns, self._plain(table, columns, rows))

    def clear(self, table: str, column: str, ids: Sequence[int]) -> None:
        """Deletes the rows of a table that belong to some others: the members of units, parts of patients."""
        if ids:
            self._wrote(table)
            of_table = schema.METADATA.tables[table]
            which = among(self._connection, of_table.c[column], ids)
            with refusals(table):
                self._connection.execute(delete(of_table).where(which))

    def delete(self, table: str, ej_id: int, number: int) -> bool | None:
        """Deletes one row; returns whether it was there, None where others still name it."""
        of_table = schema.METADATA.tables[table]
        try:
            with refusals(table), self._connection.begin_nested():
                deleted = self._connection.execute(
                    delete(of_table).where(of_table.c.ej_id == ej_id, of_table.c.id == number)
                ).rowcount
        except WriteConflictError as error:
            # A key of ours that others name, or somebody who holds the row.
            if isinstance(error.__cause__, IntegrityError):
                return None
            raise
        if deleted:
            self._wrote(table)
        return bool(deleted)

    def tokens(self, ej_id: int) -> tuple[Token, ...]:
        """Returns the revision of every dataset that was written to, in the order of datasets."""
        return tuple(self._token(ej_id, dataset) for dataset in Dataset if dataset in self._datasets)

    def _wrote(self, table: str) -> None:
        self._datasets.update(READ_BY[table])

    def _token(self, ej_id: int, dataset: Dataset) -> Token:
        return Token(ej_id, dataset, self._guard.look(self._connection, ej_id, dataset).revision)

    @staticmethod
    def _plain(table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[list[object]]:
        types = schema.METADATA.tables[table].c
        instants = [place for place, name in enumerate(columns) if isinstance(types[name].type, Instant)]
        plain = [list(row) for row in rows]
        for row in plain:
            for place in instants:
                seconds = row[place]
                if isinstance(seconds, int):
                    row[place] = f"{(_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]}Z"
        return plain
