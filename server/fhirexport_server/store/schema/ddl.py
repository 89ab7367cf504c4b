"""The whole schema as SQL text for one database: what the migrations together amount to.

As a program, with a database and a column (`sqlite place.latitude`), it prints what adds the column.
"""

import sys
from collections.abc import Iterator

from sqlalchemy import Column, Dialect, Index
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from fhirexport_server.store.schema import METADATA, dictionary
from fhirexport_server.store.schema.triggers import postgresql_triggers, sqlite_triggers

DIALECTS: dict[str, Dialect] = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}  # type: ignore[no-untyped-call]  # SQLAlchemy leaves dialect() untyped
SEPARATOR = "\n;;\n"
"""The separator of a script's statements: triggers contain semicolons."""


def statements(dialect: str) -> Iterator[str]:
    """Yield every statement that makes the schema on an empty database, in order."""
    for table in METADATA.sorted_tables:
        yield _sql(CreateTable(table), dialect)
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield index_statement(index, dialect)
    new_id = "gen_random_uuid()::text" if dialect == "postgresql" else "lower(hex(randomblob(16)))"
    yield f"INSERT INTO database_incarnation (id) SELECT {new_id}"
    if dialect == "postgresql":
        yield from postgresql_triggers.statements()
        yield from dictionary.postgresql()
    else:
        # SQLite has no comments.
        yield from sqlite_triggers.statements()


def index_statement(index: Index, dialect: str) -> str:
    """Return the statement that makes an index."""
    return _sql(CreateIndex(index), dialect)


def script(dialect: str) -> str:
    """Return the statements as one text, to be split at SEPARATOR."""
    return SEPARATOR.join(statements(dialect)) + "\n"


def addition(dialect: str, column: Column[object]) -> Iterator[str]:
    """Yield the statements that add a column to an existing table, without its foreign keys."""
    table = column.table
    lines = [line.strip().rstrip(",") for line in _sql(CreateTable(table), dialect).splitlines()]
    own = (f"{column.name} ", f"CONSTRAINT {table.name}_{column.name}_")
    yield f"ALTER TABLE {table.name} ADD COLUMN {' '.join(line for line in lines if line.startswith(own))}"
    if dialect == "postgresql":
        yield dictionary.postgresql_comment(column)


def _sql(element: CreateTable | CreateIndex, dialect: str) -> str:
    lines = str(element.compile(dialect=DIALECTS[dialect])).replace("\t", "  ").strip().splitlines()
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    table_name, _, column_name = sys.argv[2].partition(".")
    added = METADATA.tables[table_name].c[column_name]
    sys.stdout.write(SEPARATOR.join(addition(sys.argv[1], added)) + "\n")
