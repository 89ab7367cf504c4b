"""What the database's refusals of an import mean: another writer was first, or a rule forbids it.

Our errors have the names that the database gives, never its messages, which may hold values of rows.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

import psycopg
from psycopg import errors as psycopg_errors
from sqlalchemy.exc import DBAPIError

from fhirexport_server.domain.errors import ConstraintRefusedError, FhirExportError, WriteConflictError
from fhirexport_server.store.schema import METADATA

# Serialization failure, deadlock, lock not available.
_CONFLICTS: Final = ("40001", "40P01", "55P03")
# Keys that another writer has taken or given up, where they are keys of ours.
_KEYS: Final = ("23503", "23505")
# Data exceptions, broken constraints, views with a check, and what a function raises.
_RULES: Final = ("22", "23", "44", "P0")
_LONGEST: Final = 200


@contextmanager
def refusals(table: str = "") -> Iterator[None]:
    """Translate what the database refuses, while a table is written, into our errors.

    Raises:
        WriteConflictError: Another writer was first.
        ConstraintRefusedError: A rule of the database forbids it.
    """
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        ours = refusal(error, table)
        if ours is None:
            raise
        raise ours from error


def refusal(error: DBAPIError | psycopg.Error, table: str) -> FhirExportError | None:
    """Return our error for a driver's error; None where it is no refusal."""
    # COPY's errors come straight from the driver.
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, psycopg.Error):
        return _of_postgresql(original, table)
    if isinstance(original, sqlite3.IntegrityError):
        if original.sqlite_errorname == "SQLITE_CONSTRAINT_FOREIGNKEY":
            # Nobody else writes meanwhile: it is a row that others name.
            return WriteConflictError()
        return ConstraintRefusedError(table, _sqlite_name(original))
    return None


def _of_postgresql(error: psycopg.Error, table: str) -> FhirExportError | None:
    state, diagnostics = error.sqlstate, error.diag
    if state is None:
        return None
    constraint = diagnostics.constraint_name
    if state in _CONFLICTS or (state in _KEYS and constraint in _names()):
        return WriteConflictError()
    if not state.startswith(_RULES) and _is_known(state):
        return None
    raised_by = re.search(r"(\w+)\(.*?\)", diagnostics.context or "")
    name = constraint or (raised_by and raised_by[1]) or f"SQLSTATE {state}"
    return ConstraintRefusedError(table or diagnostics.table_name or "", name)


def _is_known(state: str) -> bool:
    """Return whether a code is PostgreSQL's own. A function may raise any other."""
    try:
        psycopg_errors.lookup(state)
    except KeyError:
        return False
    return True


@cache
def _names() -> frozenset[str]:
    """Return the names of the constraints and indexes of this release's schema."""
    return frozenset(
        str(name)
        for table in METADATA.sorted_tables
        for name in (*(c.name for c in table.constraints), *(index.name for index in table.indexes))
        if name is not None
    )


def _sqlite_name(error: sqlite3.IntegrityError) -> str:
    if error.sqlite_errorname == "SQLITE_CONSTRAINT_TRIGGER":
        # Its message is the site's own, and may hold values.
        return "a trigger"
    kind, _, name = str(error).partition(" failed: ")
    return (name or kind)[:_LONGEST]
