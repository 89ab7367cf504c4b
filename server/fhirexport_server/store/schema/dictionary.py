"""The data dictionary: what `docs/schema.md` and PostgreSQL's COMMENTs say of tables and columns.

Nothing is written twice: a column is declared with its meaning and its FHIR elements, a rule with what it
allows.
"""

from collections.abc import Iterator

from sqlalchemy import CheckConstraint, Column, Table

from fhirexport_server.store.schema import METADATA
from fhirexport_server.store.schema.base import FHIR
from fhirexport_server.store.schema.checks import ALLOWED, OF

NOT_EXPORTED = "Not exported"


def fhir(column: Column[object]) -> tuple[str, ...]:
    """Return the FHIR elements that a column becomes, as paths in the JSON of a resource.

    `extension('name')` is the extension whose URL ends in `/name` or is `name`; all else is FHIRPath.
    """
    paths: tuple[str, ...] = column.info.get(FHIR, ())
    return paths


def allowed(column: Column[object]) -> list[str]:
    """Return what a column may hold, in words: what its rules allow, and what it must refer to."""
    rules = [check.info[ALLOWED] for check in _checks(column.table) if check.info[OF] == column.name]
    names = [
        f"the id of a row of {key.referred_table.name}{' of the same EJ' if len(key.columns) > 1 else ''}"
        for key in column.table.foreign_key_constraints
        if key.column_keys[-1] == column.name
    ]
    return rules + sorted(names)


def rules(table: Table) -> list[str]:
    """Return the rules of a table that are about several columns, in words."""
    return [check.info[ALLOWED] for check in _checks(table) if check.info[OF] is None]


def table_comment(table: Table) -> str:
    """Return the comment of a table: what it is, and its rules."""
    conditions = rules(table)
    return _sentences(table.comment, f"Allowed: {'; '.join(conditions)}" if conditions else None)


def column_comment(column: Column[object]) -> str:
    """Return the comment of a column: its meaning, what it may hold, what it becomes."""
    conditions = allowed(column)
    paths = fhir(column)
    return _sentences(
        column.comment,
        f"Allowed: {'; '.join(conditions)}" if conditions else None,
        f"FHIR: {', '.join(paths)}" if paths else NOT_EXPORTED,
    )


def postgresql() -> Iterator[str]:
    """Yield the statements that give the tables and columns their COMMENTs."""
    for table in METADATA.sorted_tables:
        yield f"COMMENT ON TABLE {table.name} IS {_literal(table_comment(table))}"
        for column in table.columns:
            yield postgresql_comment(column)


def postgresql_comment(column: Column[object]) -> str:
    """Return the statement that gives a column its COMMENT."""
    return f"COMMENT ON COLUMN {column.table.name}.{column.name} IS {_literal(column_comment(column))}"


def _checks(table: Table) -> list[CheckConstraint]:
    """Return the rules of a table by name; those that require a column to be empty come last."""
    checks = [constraint for constraint in table.constraints if isinstance(constraint, CheckConstraint)]
    return sorted(checks, key=lambda check: (str(check.name).endswith("_only"), str(check.name)))


def _sentences(*texts: str | None) -> str:
    """Return texts as sentences; empty ones are left out."""
    return " ".join(f"{text}." for text in texts if text)


def _literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
