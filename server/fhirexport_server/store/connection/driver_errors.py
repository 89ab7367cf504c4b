"""Translates the errors of drivers and of SQLAlchemy into ours."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from fhirexport_server.domain.errors import (
    DatabaseAccessDeniedError,
    DatabaseCorruptError,
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
    FhirExportError,
    SchemaMismatchError,
)
from fhirexport_server.store.schema_version import HEAD

# A missing table, column or schema; a table that is another kind of object.
_OTHER_SCHEMA = ("42P01", "42703", "3F000", "42809")
_CORRUPT = ("XX001", "XX002")
_UNANSWERED = (
    OperationalError,
    InterfaceError,
    InternalError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
)
_CORRUPT_SQLITE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


@contextmanager
def translated() -> Iterator[None]:
    """Translate the driver's errors into ours, without their messages, which may hold values of rows.

    Raises:
        DatabaseUnavailableError: The database did not answer in time, or at all.
        DatabaseCorruptError: The database's files are damaged.
        SchemaMismatchError: A table or a column is missing.
        DatabaseReadOnlyError: The server may not write, or nobody may.
        DatabaseAccessDeniedError: The server may not read.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseUnavailableError from error
    except (DBAPIError, psycopg.Error) as error:
        # COPY's errors come straight from the driver.
        driver_error = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(driver_error, psycopg.Error):
            translation = _of_postgresql(driver_error, getattr(error, "statement", None) or "COPY")
        else:
            translation = _of_sqlite(driver_error)
        if translation is None and (isinstance(error, _UNANSWERED) or _is_of_connection(error, driver_error)):
            translation = DatabaseUnavailableError()
        if translation is None:
            raise
        raise translation from error


def _is_of_connection(error: DBAPIError | psycopg.Error, driver_error: BaseException | None) -> bool:
    """Return whether an error is that of a connection, whatever its class.

    What the client's library says by itself, without an answer of the server's, has no class of its own.
    """
    is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return is_lost or type(driver_error) is psycopg.DatabaseError


def is_other_schema(error: DBAPIError) -> bool:
    """Return whether an error says that a table or a column is missing."""
    if isinstance(error.orig, psycopg.Error):
        return error.orig.sqlstate in _OTHER_SCHEMA
    return str(error.orig).startswith(("no such table", "no such column"))


def _of_postgresql(error: psycopg.Error, statement: str) -> FhirExportError | None:
    match error.sqlstate:
        case state if state in _OTHER_SCHEMA:
            return SchemaMismatchError(HEAD, "none, or another")
        case state if state in _CORRUPT:
            return DatabaseCorruptError()
        case "25006":
            return DatabaseReadOnlyError()
        case "42501":
            return DatabaseAccessDeniedError() if _reads(statement) else DatabaseReadOnlyError()
    return None


def _reads(statement: str) -> bool:
    """Return whether a statement writes nothing: a query, or what a read-only transaction begins with."""
    return statement.lstrip().startswith(("SELECT", "SET LOCAL")) and not re.search(
        r"(next|set)val\(", statement
    )


def _of_sqlite(error: BaseException | None) -> FhirExportError | None:
    message = str(error)
    if message.startswith(("no such table", "no such column")):
        return SchemaMismatchError(HEAD, "none, or another")
    name = getattr(error, "sqlite_errorname", "")
    # A column of text that is not UTF-8 has no code of its own.
    if name.startswith(_CORRUPT_SQLITE) or message.startswith("Could not decode to UTF-8"):
        return DatabaseCorruptError()
    if name.startswith("SQLITE_READONLY"):
        return DatabaseReadOnlyError()
    return None
