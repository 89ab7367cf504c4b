"""Makes docs/schema.md: `python -m fhirexport_server.store.schema.page docs/schema.md`."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlalchemy import Column, Identity, Table, UniqueConstraint

from fhirexport_server.store.schema import METADATA, ddl, dictionary
from fhirexport_server.store.schema.revisions import READ_BY

_INTRODUCTION = """\
# The schema
What each table and column holds, what it may hold, and what an export makes of it: for those who read and
write the database in plain SQL. `make schema` makes this page from `store/schema/`; the tests compare it with
the databases and with exports. On PostgreSQL every table and column has it as a COMMENT, which `\\d+ patient`
of psql shows. Who may do what is in [operations.md](operations.md#roles-on-postgresql).

- Whoever writes, and however: triggers move the revisions, note deletions, and keep `updated_at`, unless the
  statement sets it. An export contains what was committed before it was asked for
  ([never-stale.md](never-stale.md)).
- What is not known is NULL, never an empty text. Every rule is a CHECK, a key or a unique index: a row that
  breaks one is refused when it is written.
- A row belongs to one EJ, and names rows of the same EJ only.
- An `id` is given where the writer gives none, and is part of the FHIR id: it stays what it is for life.
- *Allowed* says what a column may hold beside NULL. In brackets behind a code is what FHIR has for it.
- *FHIR* is the path of the element in the JSON of the resource. `extension('name')` is the extension whose
  URL ends in `/name`, or is `name`; all else is FHIRPath. A dash is what is not exported.
"""


def page() -> str:
    """Return the page."""
    tables = [*READ_BY, *sorted(METADATA.tables.keys() - READ_BY.keys())]
    return "\n".join([_INTRODUCTION, *_types(), *(line for name in tables for line in _table(name))])


def _types() -> Iterator[str]:
    """Yield the table of types."""
    columns = [column for table in METADATA.tables.values() for column in table.c]
    types = {_type(column, "postgresql"): _type(column, "sqlite") for column in columns}
    spelt = {
        "BIGINT[]": "`1,2`",
        "BOOLEAN": "0 or 1",
        "DATE": "`2026-01-10`",
        "TIMESTAMP(0) WITH TIME ZONE": "`2026-01-10T17:00:00Z`, always in UTC",
    }
    yield "Types are PostgreSQL's. SQLite's tables are STRICT:"
    yield ""
    yield from _markdown(
        ("PostgreSQL", "SQLite", "written there as"),
        ((f"`{name}`", f"`{theirs}`", spelt.get(name, "")) for name, theirs in sorted(types.items())),
    )


def _table(name: str) -> Iterator[str]:
    """Yield the section of a table."""
    table = METADATA.tables[name]
    yield f"## {name}"
    yield f"{_escaped(table.comment or '')}."
    yield ""
    yield f"- Primary key: {_names(table.primary_key)}."
    for unique in sorted(map(_names, _uniques(table))):
        yield f"- Unique: {unique}."
    yield from (f"- {_escaped(rule)}." for rule in dictionary.rules(table))
    if name in READ_BY:
        yield f"- Read by exports of {', '.join(READ_BY[name])}."
    yield ""
    yield from _markdown(
        ("column", "type", "meaning", "allowed", "FHIR"),
        (
            (
                f"`{column.name}`",
                _described_type(column),
                _escaped(column.comment or ""),
                _escaped("; ".join(dictionary.allowed(column))),
                "<br>".join(f"`{path}`" for path in dictionary.fhir(column)) or "-",
            )
            for column in table.c
        ),
    )


def _uniques(table: Table) -> Iterator[UniqueConstraint]:
    # A key with `id` in it is there for foreign keys alone.
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint) and "id" not in constraint.columns:
            yield constraint


def _names(columns: Iterable[Column[object]]) -> str:
    return ", ".join(f"`{column.name}`" for column in columns)


def _type(column: Column[object], dialect: str) -> str:
    return column.type.compile(dialect=ddl.DIALECTS[dialect])


def _described_type(column: Column[object]) -> str:
    """Return a column's type, whether it is required, and its default."""
    described = f"`{_type(column, 'postgresql')}`"
    if not column.nullable:
        described += ", required"
    if column.server_default is not None:
        described += f", default {_default(column)}"
    return described


def _default(column: Column[object]) -> str:
    if isinstance(column.server_default, Identity):
        return "the next number"
    default = getattr(column.server_default, "arg", None)
    if not isinstance(default, str):
        return "now"
    return f"`{default}`" if _type(column, "postgresql") != "BOOLEAN" else ("false", "true")[int(default)]


def _markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    yield from (f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in row)}|" for row in rows)
    yield ""


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
