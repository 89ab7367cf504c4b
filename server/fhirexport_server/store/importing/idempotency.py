"""Owns what imports were answered with, for a day, so that a caller who asks again writes nothing twice."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fhirexport_server.domain.errors import RequestIdReusedError
from fhirexport_server.store.bulk import is_postgresql
from fhirexport_server.store.schema import import_request as table

KEPT: Final = timedelta(days=1)


def begin(connection: Connection, request_id: str, digest: str) -> str | None:
    """Takes a request id for this transaction; returns the answer where it was answered already.

    It waits for another import with the same id that is not finished.

    Args:
        connection: inside its transaction.
        request_id: the caller's.
        digest: of what is to be imported, and how.

    Raises:
        RequestIdReusedError: it was used for something else.
    """
    connection.execute(delete(table).where(table.c.done_at < datetime.now(UTC) - KEPT))
    insert = postgresql.insert(table) if is_postgresql(connection) else sqlite.insert(table)
    values = {"id": request_id, "digest": digest, "answer": ""}
    inserted = insert.values(values).on_conflict_do_nothing().returning(table.c.id)
    if connection.execute(inserted).first() is not None:
        return None
    known, answer = connection.execute(
        select(table.c.digest, table.c.answer).where(table.c.id == request_id)
    ).one()
    if known != digest:
        raise RequestIdReusedError
    return str(answer)


def finish(connection: Connection, request_id: str, answer: str) -> None:
    """Keeps the answer; it is there once the transaction commits."""
    connection.execute(update(table).where(table.c.id == request_id).values(answer=answer))
