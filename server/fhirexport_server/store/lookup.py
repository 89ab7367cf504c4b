"""Looks revisions up, by one statement where the schema is as it was found last."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from fhirexport_server.domain.changes import Revisions
from fhirexport_server.domain.datasets import Dataset, EjDataset
from fhirexport_server.domain.errors import FhirExportError
from fhirexport_server.domain.revision import Revision
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.store.connection import engine as engines
from fhirexport_server.store.connection.cutting import cutter
from fhirexport_server.store.connection.driver_errors import is_other_schema
from fhirexport_server.store.guard.guard import Guard, Known, executed, executed_for_several

T = TypeVar("T")
MOST_AT_ONCE = 5000
"""How many datasets one statement looks up."""

OpenTransaction = Callable[[Interrupt], AbstractContextManager[Connection]]
"""Opens a read-only transaction that sees one state."""


class RevisionLookup:
    """Looks revisions up without a transaction where it can: each statement is a snapshot in itself."""

    def __init__(self, engine: Engine, guard: Guard, transaction: OpenTransaction) -> None:
        self._engine = engine
        self._guard = guard
        self._transaction = transaction

    def revision(self, export: EjDataset, interrupt: Interrupt) -> Revision | None:
        """Return the present revision of a dataset; None where there is no such EJ.

        Raises:
            ChangesUntrackedError, DatabaseAccessDeniedError, SchemaMismatchError: As the guard.
        """
        known = self._guard.known(export.dataset)
        look = None
        if known is not None:
            statement = known.source.statement
            look = self._tried(
                {export.dataset}, interrupt, lambda connection: executed(connection, statement, *export)
            )
        if known is None or look is None or not known.holds(look):
            with self._transaction(interrupt) as connection:
                look = self._guard.look(connection, *export)
        return look.revision if look.is_known else None

    def revisions(self, exports: Collection[EjDataset], interrupt: Interrupt) -> Revisions:
        """Return the present revisions of several datasets, MOST_AT_ONCE by each statement.

        Raises:
            SchemaMismatchError: There are no such tables.
        """
        found: dict[EjDataset, Revision] = {}
        refused: dict[Dataset, FhirExportError] = {}
        ordered = sorted(exports)
        for start in range(0, len(ordered), MOST_AT_ONCE):
            looked = self._several(ordered[start : start + MOST_AT_ONCE], interrupt)
            found.update(looked.found)
            refused.update(looked.refused)
        return Revisions(found, refused)

    def _several(self, exports: Collection[EjDataset], interrupt: Interrupt) -> Revisions:
        known = self._known({export.dataset for export in exports})
        if known is not None:
            looks = self._tried(
                known, interrupt, lambda connection: executed_for_several(connection, known, exports)
            )
            if looks is not None and all(known[export.dataset].holds(looks[export]) for export in exports):
                return Revisions(
                    {export: look.revision for export, look in looks.items() if look.is_known}, {}
                )
        with self._transaction(interrupt) as connection:
            return self._guard.look_several(connection, exports)

    def _known(self, datasets: Collection[Dataset]) -> Mapping[Dataset, Known] | None:
        """Return the states that were found last; None where one is not known."""
        known = {dataset: state for dataset in datasets if (state := self._guard.known(dataset)) is not None}
        return known if len(known) == len(datasets) else None

    def _tried(
        self, datasets: Collection[Dataset], interrupt: Interrupt, look: Callable[[Connection], T]
    ) -> T | None:
        """Look up by what is known; return None where the tables are elsewhere by now."""
        try:
            try:
                return self._once(interrupt, look)
            except DBAPIError as error:
                # SQLAlchemy discards the whole pool with a connection that died in it: the next is new.
                if not error.connection_invalidated:
                    raise
                return self._once(interrupt, look)
        except DBAPIError as error:
            if not is_other_schema(error):
                raise
            for dataset in datasets:
                self._guard.forget(dataset)
            return None

    def _once(self, interrupt: Interrupt, look: Callable[[Connection], T]) -> T:
        with (
            engines.connected(self._engine) as connection,
            interrupt.over(cutter(connection)),
        ):
            if self._engine.dialect.name == "postgresql":
                connection.execution_options(isolation_level="AUTOCOMMIT")
            return look(connection)
