"""Column types that mean the same on SQLite and on PostgreSQL, and the SQL that reads them as plain values.

SQLite tables are STRICT, so every type here is one of INTEGER, REAL, TEXT there.
"""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    Dialect,
    Double,
    Integer,
    SmallInteger,
    Text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import REAL, TypeDecorator, TypeEngine

BIG_ID = BigInteger().with_variant(Integer, "sqlite")
SMALL = SmallInteger().with_variant(Integer, "sqlite")
FLAG = Boolean().with_variant(Integer, "sqlite")
DEGREES: TypeEngine[float] = Double().with_variant(REAL, "sqlite")
INSTANT_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class Day(TypeDecorator[date]):
    """A calendar date. On SQLite, ISO text."""

    impl = Date
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Date())

    def process_bind_param(self, value: date | None, dialect: Dialect) -> date | str | None:
        """Write ISO text where the database has no dates."""
        return value.isoformat() if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: date | str | None, dialect: Dialect) -> date | None:  # noqa: ARG002 - the base class names it
        """Read a date."""
        return date.fromisoformat(value) if isinstance(value, str) else value


class Instant(TypeDecorator[datetime]):
    """A point in time, to the second. On SQLite, ISO text in UTC with a Z."""

    impl = TIMESTAMP
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - only where it is the dialect

        # Not through type_descriptor, which loses the precision.
        return postgresql.TIMESTAMP(timezone=True, precision=0)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Write UTC; refuse a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        if dialect.name == "sqlite":
            return value.astimezone(UTC).strftime(INSTANT_FORMAT)
        return value

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base class names it
        """Read an aware datetime."""
        if isinstance(value, str):
            return datetime.strptime(value, INSTANT_FORMAT).replace(tzinfo=UTC)
        return value


class iso(FunctionElement[str]):  # noqa: N801 - it is written like an SQL function
    """`iso(day)`: a Day as `YYYY-MM-DD`, with no Python object on the way."""

    name = "iso"
    inherit_cache = True
    type = Text()


@compiles(iso, "sqlite")
def _iso_sqlite(element: iso, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(iso, "postgresql")
def _iso_postgresql(element: iso, compiler: SQLCompiler, **kw: Any) -> str:
    # A date alone would be read as midnight in the session's time zone, where some days are missing.
    return f"to_char({compiler.process(element.clauses, **kw)}::timestamp, 'YYYY-MM-DD')"


class epoch(FunctionElement[int]):  # noqa: N801 - it is written like an SQL function
    """`epoch(instant)`: an Instant as whole seconds since 1970, with no Python object on the way."""

    name = "epoch"
    inherit_cache = True
    type = BigInteger()


@compiles(epoch, "sqlite")
def _epoch_sqlite(element: epoch, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **kw)}) AS INTEGER)"


@compiles(epoch, "postgresql")
def _epoch_postgresql(element: epoch, compiler: SQLCompiler, **kw: Any) -> str:
    return f"extract(epoch FROM {compiler.process(element.clauses, **kw)})::bigint"


class now_utc(FunctionElement[datetime]):  # noqa: N801 - it is written like an SQL function
    """The database's present time, in the form that an Instant column holds."""

    name = "now_utc"
    inherit_cache = True


@compiles(now_utc, "sqlite")
def _now_sqlite(element: now_utc, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ARG001 - the compiler's protocol
    return "(strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))"


@compiles(now_utc, "postgresql")
def _now_postgresql(element: now_utc, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ARG001 - the compiler's protocol
    return "now()"


def raw(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the column as `domain/rows.py` holds it: in seconds, as ISO text, or as it is."""
    if isinstance(column.type, Instant):
        return epoch(column)
    if isinstance(column.type, Day):
        return iso(column)
    return column
