"""What the tables have in common: the metadata, the key columns, the recurring groups of columns.

Each column is declared with its meaning and with the FHIR elements that an export makes of it, as paths in
the JSON of a resource (`dictionary.py`). A column without such elements is not exported.
"""

from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, ForeignKeyConstraint, Identity, MetaData, Text
from sqlalchemy.types import TypeEngine

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
# STRICT: SQLite then refuses a value of another type. AUTOINCREMENT: no FHIR id is ever used twice.
ENTITY: dict[str, Any] = {"sqlite_strict": True, "sqlite_autoincrement": True}
TABLE: dict[str, Any] = {"sqlite_strict": True}
FHIR = "fhir"
"""The key in a column's `info` of the FHIR elements that it becomes, as paths."""


def column(
    name: str, type_: TypeEngine[Any] | type[TypeEngine[Any]], meaning: str, *fhir: str, needed: bool = False
) -> Column[Any]:
    """Return a column of any type.

    Args:
        name: The column's name.
        type_: The column's type.
        meaning: What it holds, with its unit.
        fhir: The FHIR elements that it becomes; none where it is not exported.
        needed: Whether every row must have a value.
    """
    return Column(name, type_, nullable=not needed, comment=meaning, info={FHIR: fhir})


def key(meaning: str, *fhir: str) -> Column[int]:
    """Return the surrogate key. The database generates it where the writer gives none."""
    return Column("id", BIG_ID, Identity(always=False), primary_key=True, comment=meaning, info={FHIR: fhir})


def owner(*fhir: str, meaning: str = "The EJ that the row belongs to") -> Column[int]:
    """Return the column of the EJ, which every table has, so that no export or trigger needs a join."""
    return Column("ej_id", BIG_ID, ForeignKey("ej.id"), nullable=False, comment=meaning, info={FHIR: fhir})


def within_ej(column: str, table: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    """Return a foreign key: `column` refers to a row of `table` that belongs to the same EJ."""
    return ForeignKeyConstraint(["ej_id", column], [f"{table}.ej_id", f"{table}.id"], ondelete=ondelete)


def text(
    name: str, meaning: str, *fhir: str, needed: bool = False, default: str | None = None
) -> Column[str]:
    """Return a column of text. Its rule is declared with the table's CHECKs."""
    return Column(name, Text, nullable=not needed, server_default=default, comment=meaning, info={FHIR: fhir})


def flag(
    name: str, meaning: str, *fhir: str, needed: bool = False, default: str | None = None
) -> Column[bool]:
    """Return a boolean column; `default` is an SQL literal that both databases read: '0' or '1'."""
    return Column(name, FLAG, nullable=not needed, server_default=default, comment=meaning, info={FHIR: fhir})


def day(name: str, meaning: str, *fhir: str) -> Column[Any]:
    """Return a column of dates."""
    return column(name, Day, meaning, *fhir)


def instant(name: str, meaning: str, *fhir: str, needed: bool = False) -> Column[Any]:
    """Return a column of instants."""
    return column(name, Instant, meaning, *fhir, needed=needed)


def reference(name: str, meaning: str, *fhir: str, needed: bool = False) -> Column[int]:
    """Return a column that refers to a row by its `id`."""
    return column(name, BIG_ID, meaning, *fhir, needed=needed)


def written_at(name: str, meaning: str) -> Column[Any]:
    """Return a column of instants whose default is the present time."""
    return Column(name, Instant, nullable=False, server_default=now_utc(), comment=meaning, info={FHIR: ()})


def updated_at() -> Column[Any]:
    """Return the column of the time of the last write; a trigger maintains it."""
    return written_at("updated_at", "When the row was last written; a trigger keeps it")


def address(element: str) -> list[Column[Any]]:
    """Return the columns of a postal address, which becomes an element of type Address."""
    insee = f"{element}.extension('fr-core-address-insee-code').valueCoding.code"
    return [
        text("address_line", "First line of the postal address: number and street", f"{element}.line"),
        text("address_line2", "Second line of the postal address", f"{element}.line"),
        text("postal_code", "Postal code", f"{element}.postalCode"),
        text("city", "Town of the postal address", f"{element}.city"),
        text("insee_code", "INSEE code of the commune of the postal address", insee),
        text("country", "Country of the postal address, ISO 3166-1 alpha-3", f"{element}.country"),
    ]


def address_rules() -> list[CheckConstraint]:
    """Return the rules of `address()`; a country is ISO 3166-1 alpha-3, as fr-core-address requires."""
    return [
        checks.label("address_line"),
        checks.label("address_line2"),
        checks.label("postal_code", 20),
        checks.label("city", 100),
        checks.insee("insee_code"),
        checks.letters("country", 3),
    ]
