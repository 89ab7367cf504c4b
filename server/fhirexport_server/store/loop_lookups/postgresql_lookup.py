"""Looks revisions up in PostgreSQL from the event loop: those of all who wait for one, by one message.

Whoever comes while a message is out waits for the next one: the state that the message out sees may be one
from before a commit that has returned since. So each look-up starts after it was asked for.

The statements are prepared on the connection, and planned once: their catalogs take longer to plan than to
read. Where that does not last, as behind a pooler in transaction mode, they are sent whole.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import Final, cast

import psycopg
import structlog
from psycopg import pq
from sqlalchemy import Engine, Pool
from sqlalchemy.exc import SQLAlchemyError

from fhirexport_server.domain.datasets import Dataset, EjDataset
from fhirexport_server.domain.errors import FhirExportError
from fhirexport_server.store.guard import statements
from fhirexport_server.store.guard.guard import Guard, Known
from fhirexport_server.store.guard.statements import GuardedRevision
from fhirexport_server.store.loop_lookups.postgresql_wire import Wire
from fhirexport_server.store.loop_lookups.prepared import Prepared

MOST_AT_ONCE: Final = 1000
"""How many datasets one message looks up."""
MESSAGE_SECONDS: Final = 1.0
"""How long a message may take. After that a thread looks up, as it does where a table is locked."""
PAUSE_SECONDS: Final = 5.0
"""How long look-ups are left to threads after that."""

_Waiting = dict[EjDataset, list["asyncio.Future[GuardedRevision | None]"]]

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class PostgresqlLookup:
    """Looks revisions up, one message after the other. It belongs to one event loop."""

    def __init__(self, engine: Engine, guard: Guard) -> None:
        """Make it, without connecting.

        Args:
            engine: Makes the connection, as it makes those of its pool.
            guard: Knows the states of the schema in which revisions can be trusted.
        """
        self._engine = engine
        self._guard = guard
        self._loop = asyncio.get_running_loop()
        self._wire: Wire | None = None
        self._pool = engine.pool
        """What the connection was taken from."""
        self._prepared = Prepared()
        self._waiting: _Waiting = defaultdict(list)
        self._out: _Waiting = {}
        self._known: dict[Dataset, Known] = {}
        self._late: asyncio.TimerHandle | None = None
        self._paused_until = 0.0
        self._is_closed = False

    @property
    def wants_connection(self) -> bool:
        """Whether it has no connection, and should be given one."""
        return self._wire is None and not self._is_closed and self._loop.time() >= self._paused_until

    async def look(self, export: EjDataset) -> GuardedRevision | None:
        """Look the present revision of a dataset up; return None where a thread has to do it."""
        if self._wire is not None and self._pool is not self._engine.pool:
            # Its connections were closed, as when another server has become the primary.
            self._give_up()
        if self._wire is None or self._guard.known(export.dataset) is None:
            return None
        future = self._loop.create_future()
        self._waiting[export].append(future)
        if not self._out:
            self._send()
        return cast("GuardedRevision | None", await future)

    def connect(self) -> None:
        """Make a connection, where that succeeds. It may block: call it in a thread."""
        with suppress(SQLAlchemyError, psycopg.Error, FhirExportError):
            pool = self._engine.pool
            pooled = pool.connect()
            connection = cast("psycopg.Connection", pooled.driver_connection)
            # It is this object's alone from now on: the pool makes another one.
            pooled.detach()
            if connection.info.transaction_status is not pq.TransactionStatus.IDLE:
                connection.rollback()
            self._loop.call_soon_threadsafe(self._adopt, connection, pool)

    def close(self) -> None:
        """Close the connection, for good."""
        self._is_closed = True
        self._give_up()

    def _adopt(self, connection: psycopg.Connection, pool: Pool) -> None:
        if not self.wants_connection:
            connection.close()
            return
        self._prepared, self._pool = Prepared(), pool
        self._wire = Wire(self._loop, connection, self._answered, self._give_up)

    def _send(self) -> None:
        """Look up what is waited for, by one message."""
        if self._wire is None:
            return
        taken: _Waiting = {}
        for export in list(self._waiting)[:MOST_AT_ONCE]:
            taken[export] = self._waiting.pop(export)
        self._known = {
            dataset: known
            for dataset in sorted({export.dataset for export in taken})
            if (known := self._guard.known(dataset)) is not None
        }
        self._out = {export: futures for export, futures in taken.items() if export.dataset in self._known}
        for export in taken.keys() - self._out.keys():
            _tell(taken[export], None)
        if not self._out:
            return
        message = self._prepared.message(self._known, self._out)
        self._late = self._loop.call_later(MESSAGE_SECONDS, self._took_too_long)
        self._wire.send(message)

    def _answered(self, results: list[pq.abc.PGresult]) -> None:
        """Tell those who wait for the message what has come, and send the next."""
        if self._late is not None:
            self._late.cancel()
        failed = next((one for one in results if one.status == pq.ExecStatus.FATAL_ERROR), None)
        if failed is not None:
            state = failed.error_field(pq.DiagnosticField.SQLSTATE)
            if self._prepared.is_lost(state):
                out, self._out = self._out, {}
                for futures in out.values():
                    _tell(futures, None)
                self._go_on()
                return
            # A thread finds out what it is. It may last, as a limit of the role's does.
            self._paused_until = self._loop.time() + PAUSE_SECONDS
            self._give_up()
            return
        looks = self._read([one for one in results if one.status == pq.ExecStatus.TUPLES_OK])
        out, self._out = self._out, {}
        for export, futures in out.items():
            look = looks.get(export)
            is_sure = look is not None and self._known[export.dataset].holds(look)
            _tell(futures, look if is_sure else None)
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting and not self._out:
            self._send()

    def _read(self, tables: list[pq.abc.PGresult]) -> dict[EjDataset, GuardedRevision]:
        looks = {}
        for dataset, table in zip(self._known, tables, strict=True):
            for number in range(table.ntuples):
                ej_id, incarnation, known_id, *counted, exposed = (
                    None if (value := table.get_value(number, column)) is None else value.decode()
                    for column in range(table.nfields)
                )
                row = (incarnation, known_id, *counted, exposed == "1")
                looks[EjDataset(int(ej_id or 0), dataset)] = statements.read(row)
        return looks

    def _took_too_long(self) -> None:
        self._paused_until = self._loop.time() + PAUSE_SECONDS
        _log.warning("lookup_connection_slow", seconds=MESSAGE_SECONDS, effect="look-ups run in threads")
        self._give_up()

    def _give_up(self) -> None:
        """Close the connection, and leave to threads whoever waits."""
        if self._late is not None:
            self._late.cancel()
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        left = [*self._out.values(), *self._waiting.values()]
        self._out = {}
        self._waiting.clear()
        for futures in left:
            _tell(futures, None)


def _tell(futures: list["asyncio.Future[GuardedRevision | None]"], look: GuardedRevision | None) -> None:
    for future in futures:
        if not future.done():
            future.set_result(look)
