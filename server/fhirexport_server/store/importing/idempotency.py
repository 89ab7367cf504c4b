"""Keeps the answers of imports for a day, so that a caller who asks again writes nothing twice."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fhirexport_server.domain.errors import RequestIdReusedError, WriteConflictError
from fhirexport_server.store.bulk import is_postgresql
from fhirexport_server.store.schema import import_request as table

KEPT: Final = timedelta(days=1)


def begin(connection: Connection, request_id: str, digest: str) -> str | None:
    """Reserve a request id for this transaction; return its answer where it has one already.

    Waits for an unfinished import with the same id.

    Args:
        connection: A connection inside the import's transaction.
        request_id: The id that the caller gave.
        digest: A digest of the content and the options of the import.

    Raises:
        RequestIdReusedError: The id was used for another import.
        WriteConflictError: Another import has deleted the answer meanwhile.
    """
    connection.execute(delete(table).where(table.c.done_at < datetime.now(UTC) - KEPT))
    insert = postgresql.insert(table) if is_postgresql(connection) else sqlite.insert(table)
    values = {"id": request_id, "digest": digest, "answer": ""}
    inserted = insert.values(values).on_conflict_do_nothing().returning(table.c.id)
    if connection.execute(inserted).first() is not None:
        return None
    earlier = connection.execute(
        select(table.c.digest, table.c.answer).where(table.c.id == request_id)
    ).one_or_none()
    if earlier is None:
        # It was a day old, and another import has deleted it in between.
        raise WriteConflictError
    earlier_digest, answer = earlier
    if earlier_digest != digest:
        raise RequestIdReusedError
    return str(answer)


def finish(connection: Connection, request_id: str, answer: str) -> None:
    """Keep the answer. It is there once the transaction commits."""
    connection.execute(update(table).where(table.c.id == request_id).values(answer=answer))
