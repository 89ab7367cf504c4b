"""Owns what the tables have in common: the metadata, the key columns, the recurring groups of columns."""

from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, ForeignKeyConstraint, Identity, MetaData, Text

from fhirexport_server.store.schema import checks
from fhirexport_server.store.schema.column_types import BIG_ID, FLAG, Day, Instant, now_utc

METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s",
    }
)
# STRICT: SQLite then refuses a value of another type. AUTOINCREMENT: a FHIR id is never given twice.
ENTITY: dict[str, Any] = {"sqlite_strict": True, "sqlite_autoincrement": True}
TABLE: dict[str, Any] = {"sqlite_strict": True}


def key() -> Column[int]:
    """The surrogate key that FHIR ids are made of; kept for life."""
    return Column("id", BIG_ID, Identity(always=False), primary_key=True)


def owner() -> Column[int]:
    """The EJ that a row belongs to, on every table, so that no export and no trigger needs a join."""
    return Column("ej_id", BIG_ID, ForeignKey("ej.id"), nullable=False)


def within_ej(column: str, table: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    """`column` names a row of `table` that belongs to the same EJ."""
    return ForeignKeyConstraint(["ej_id", column], [f"{table}.ej_id", f"{table}.id"], ondelete=ondelete)


def text(name: str, *, needed: bool = False, default: str | None = None) -> Column[str]:
    """A column of text, whose rule stands beside it."""
    return Column(name, Text, nullable=not needed, server_default=default)


def flag(name: str, *, needed: bool = False, default: str | None = None) -> Column[bool]:
    """A boolean column; `default` is an SQL literal that both databases read: '0' or '1'."""
    return Column(name, FLAG, nullable=not needed, server_default=default)


def day(name: str) -> Column[Any]:
    """A column of dates."""
    return Column(name, Day)


def instant(name: str, *, needed: bool = False) -> Column[Any]:
    """A column of instants."""
    return Column(name, Instant, nullable=not needed)


def updated_at() -> Column[Any]:
    """When the row was last written; a trigger keeps it."""
    return Column("updated_at", Instant, nullable=False, server_default=now_utc())


def address() -> list[Column[Any]]:
    """The columns of a postal address."""
    return [
        text(n) for n in ("address_line", "address_line2", "postal_code", "city", "insee_code", "country")
    ]


def address_rules() -> list[CheckConstraint]:
    """The rules of `address()`; a country is ISO 3166-1 alpha-3, as fr-core-address wants."""
    return [
        checks.label("address_line"),
        checks.label("address_line2"),
        checks.label("postal_code", 20),
        checks.label("city", 100),
        checks.insee("insee_code"),
        checks.letters("country", 3),
    ]
