"""The transaction of one import: everything that it reads and writes."""

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
from fhirexport_server.store.importing.journal import Journal
from fhirexport_server.store.importing.lookups import Lookups
from fhirexport_server.store.importing.new_ids import Counted, FromSequences, Ids
from fhirexport_server.store.importing.refusals import refusals
from fhirexport_server.store.schema.column_types import Instant
from fhirexport_server.store.schema.in_any import among
from fhirexport_server.store.schema.revisions import READ_BY

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Writing:
    """What one import does to the database. All of it is lost unless its transaction commits."""

    def __init__(self, connection: Connection, guard: Guard) -> None:
        self._connection = connection
        self._guard = guard
        self.look = Lookups(connection)
        self.names = Journal(connection)
        self.ids: Ids = (FromSequences if bulk.is_postgresql(connection) else Counted)(connection)
        self._datasets: set[Dataset] = set()
        self._statistics = bulk.Statistics()

    def begin(self, request_id: str, digest: str) -> str | None:
        """Reserve a request id; return its answer where it has one already (see `idempotency.begin`)."""
        return idempotency.begin(self._connection, request_id, digest)

    def finish(self, request_id: str, answer: str) -> None:
        """Keep the answer for a caller who asks again."""
        idempotency.finish(self._connection, request_id, answer)

    def require(self, token: Token) -> None:
        """Keep other writers out until the transaction ends, and compare a revision with the present one.

        Raises:
            RevisionChangedError: They differ.
        """
        if bulk.is_postgresql(self._connection):
            # Every writer's triggers write here. The lock waits for those that have not committed yet.
            self._connection.execute(text("LOCK TABLE revision_delta IN SHARE ROW EXCLUSIVE MODE"))
        self._compare(token)

    def _compare(self, token: Token) -> None:
        present = self._token(token.ej_id, token.dataset)
        if present != token:
            raise RevisionChangedError(present.encode())

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Insert rows whose values are as in `domain/rows.py`."""
        if rows:
            self._wrote(table)
            with refusals(table):
                bulk.insert(self._connection, table, columns, self._plain(table, columns, rows))
            self._statistics.grew(self._connection, table)

    def update(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Update rows whose values are as in `domain/rows.py`; the first column is `id`."""
        if rows:
            self._wrote(table)
            with refusals(table):
                bulk.update(self._connection, table, columns, self._plain(table, columns, rows))

    def clear(self, table: str, column: str, ids: Sequence[int]) -> None:
        """Delete the rows that belong to some rows of another table: members of units, parts of patients."""
        if ids:
            self._wrote(table)
            of_table = schema.METADATA.tables[table]
            condition = among(self._connection, of_table.c[column], ids)
            with refusals(table):
                self._connection.execute(delete(of_table).where(condition))

    def delete(self, table: str, ej_id: int, number: int) -> bool | None:
        """Delete one row; return whether it was there, None where other rows still refer to it."""
        of_table = schema.METADATA.tables[table]
        try:
            with refusals(table), self._connection.begin_nested():
                deleted = self._connection.execute(
                    delete(of_table).where(of_table.c.ej_id == ej_id, of_table.c.id == number)
                ).rowcount
        except WriteConflictError as error:
            # Either a foreign key of ours refuses, or another transaction holds the row.
            if isinstance(error.__cause__, IntegrityError):
                return None
            raise
        if deleted:
            self._wrote(table)
        return bool(deleted)

    def tokens(self, ej_id: int) -> tuple[Token, ...]:
        """Return the revision of every dataset that was written to, in the order of datasets."""
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
