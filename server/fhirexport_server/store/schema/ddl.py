"""The whole schema as SQL text for one database: what the migrations together amount to."""

from collections.abc import Iterator

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from fhirexport_server.store.schema import METADATA, dictionary, triggers

DIALECTS: dict[str, Dialect] = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}  # type: ignore[no-untyped-call]  # SQLAlchemy leaves dialect() untyped
SEPARATOR = "\n;;\n"
"""What stands between two statements of a script: triggers have semicolons of their own."""


def statements(dialect: str) -> Iterator[str]:
    """Yields every statement that makes the schema on an empty database, in order."""
    for table in METADATA.sorted_tables:
        yield _sql(CreateTable(table), dialect)
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield _sql(CreateIndex(index), dialect)
    new_id = "gen_random_uuid()::text" if dialect == "postgresql" else "lower(hex(randomblob(16)))"
    yield f"INSERT INTO database_incarnation (id) SELECT {new_id}"
    if dialect == "postgresql":
        yield from triggers.postgresql()
        yield from dictionary.postgresql()
    else:
        # SQLite has no comments.
        yield from triggers.sqlite()


def script(dialect: str) -> str:
    """Returns the statements as one text, to be split at SEPARATOR."""
    return SEPARATOR.join(statements(dialect)) + "\n"


def _sql(element: CreateTable | CreateIndex, dialect: str) -> str:
    lines = str(element.compile(dialect=DIALECTS[dialect])).replace("\t", "  ").strip().splitlines()
    return "\n".join(line.rstrip() for line in lines)
