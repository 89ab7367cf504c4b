"""A writer's connection to whichever server is the primary: what becomes of a commit is always found out."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic

import psycopg
from verification.prove.hands import as_text
from verification.prove.registers import Statement

PATIENCE = 60.0
"""How long one transaction may take with all its repetitions, in seconds."""
_OPTIONS = "-c statement_timeout=4000 -c lock_timeout=4000 -c synchronous_commit=on"


class FollowingHand:
    """Writes to the primary of several servers, as often as it takes."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Make one that is not connected yet.

        Args:
            urls: Those of the servers, of which any may be the primary.
        """
        self._urls = urls
        self._connection: psycopg.Connection | None = None

    def transact(
        self,
        statements: Sequence[Statement],
        *,
        commit: bool,
        undone: Sequence[Statement] = (),
        prepares: bool = False,
    ) -> tuple[float, float]:
        """Runs a transaction; returns when its end was first sent, and when it was certain."""
        del prepares
        end = monotonic() + PATIENCE
        first: float | None = None
        while True:
            sent: float | None = None
            try:
                connection = self._connected()
                if first is not None and self._is_there(connection, statements):
                    return first, monotonic()
                self._run(connection, statements, undone)
                sent = monotonic()
                if commit:
                    connection.commit()
                else:
                    connection.rollback()
            except psycopg.OperationalError:
                self.close()
                if sent is not None and commit:
                    first = first or sent
                elif not commit and sent is not None:
                    return sent, monotonic()
                if monotonic() > end:
                    raise
                time.sleep(0.1)
            else:
                return first or sent, monotonic()

    def close(self) -> None:
        """Leaves the server."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _run(
        self, connection: psycopg.Connection, statements: Sequence[Statement], undone: Sequence[Statement]
    ) -> None:
        for statement in statements:
            self._execute(connection, statement)
        if undone:
            connection.execute("SAVEPOINT here")
            for statement in undone:
                self._execute(connection, statement)
            connection.execute("ROLLBACK TO here")

    def _execute(self, connection: psycopg.Connection, statement: Statement) -> None:
        text = as_text(statement, "%({})s")
        connection.execute(text.encode(), {**statement.key, **statement.values})

    def _is_there(self, connection: psycopg.Connection, statements: Sequence[Statement]) -> bool:
        """Returns whether an earlier attempt was committed, after waiting for one that is still under way."""
        column, text, anchor = next(
            (column, value, one)
            for one in statements
            for column, value in one.values.items()
            if isinstance(value, str) and ".anchor." in value
        )
        key = anchor.key or {"id": anchor.values["id"]}
        where = " AND ".join(f"{name} = %({name})s" for name in key)
        query = f"SELECT {column} FROM {anchor.table} WHERE {where} FOR UPDATE"
        row = connection.execute(query.encode(), dict(key)).fetchone()
        connection.rollback()
        return row is not None and row[0] == text

    def _connected(self) -> psycopg.Connection:
        if self._connection is None:
            self._connection = self._primary()
        return self._connection

    def _primary(self) -> psycopg.Connection:
        """Returns a connection to the primary of the highest timeline."""
        found: list[tuple[str, psycopg.Connection]] = []
        for url in self._urls:
            with suppress(psycopg.Error):
                connection = psycopg.connect(url, connect_timeout=2, options=_OPTIONS)
                (is_standby,) = connection.execute("SELECT pg_is_in_recovery()").fetchone() or (True,)
                if is_standby:
                    connection.close()
                    continue
                row = connection.execute("SELECT pg_walfile_name(pg_current_wal_lsn())").fetchone()
                connection.rollback()
                found.append((row[0] if row else "", connection))
        if not found:
            raise psycopg.OperationalError
        found.sort(key=lambda one: one[0][:8])
        for _, connection in found[:-1]:
            connection.close()
        return found[-1][1]


@contextmanager
def following(urls: Sequence[str]) -> Iterator[FollowingHand]:
    """Yields a hand; closes its connection at the end."""
    hand = FollowingHand(urls)
    try:
        yield hand
    finally:
        hand.close()
