"""Temporary tables over the real ones: every query of this transaction sees what is written, and nobody else.

A temporary view hides the real table of the same name. It shows the rows of the table that were neither
changed nor deleted, and those that were written. So an import can be tried without locking any real row.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    and_,
    delete,
    exists,
    insert,
    select,
    text,
)
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from fhirexport_server.store import bulk, schema
from fhirexport_server.store.connection import sessions
from fhirexport_server.store.schema.in_any import among

_NEW: Final = "import_new_"
_GONE: Final = "import_gone_"

_KINDS: Final = {"r": "TABLE", "p": "TABLE", "v": "VIEW", "S": "SEQUENCE", "c": "TYPE", "i": "INDEX"}
"""What PostgreSQL's `relkind` says, as DROP calls it."""
_STRANGERS: Final = text(
    "SELECT relname, relkind::text FROM pg_catalog.pg_class"
    " WHERE relnamespace = pg_catalog.pg_my_temp_schema() AND relname = ANY(:names)"
)


class Layer(NamedTuple):
    """The parts of one table."""

    real: Table
    new: Table
    """Rows that were inserted, and changed ones as they are now."""
    gone: Table
    """The keys of the real rows that were changed or deleted."""

    @property
    def is_left(self) -> ColumnElement[bool]:
        """The condition that a real row was neither changed nor deleted."""
        same = and_(*(self.gone.c[key.name] == key for key in self.real.primary_key))
        return ~exists(select(self.gone).where(same))


# They are made once: SQLAlchemy knows a statement again by its tables, and does not translate it anew. There
# are few tables, and a server has one schema.
@lru_cache(maxsize=64)
def _real(table: str, schema_name: str) -> Table:
    return schema.METADATA.tables[table].to_metadata(MetaData(), schema=schema_name)


@lru_cache(maxsize=64)
def _layer(table: str, schema_name: str, temporary: str) -> Layer:
    of_table = schema.METADATA.tables[table]
    metadata = MetaData(schema=temporary)
    new = of_table.to_metadata(metadata, schema=temporary, name=_NEW + table)
    keys: list[Column[Any]] = [
        Column(key.name, key.type, nullable=False, autoincrement=False) for key in of_table.primary_key
    ]
    gone = Table(
        _GONE + table, metadata, *keys, PrimaryKeyConstraint(*(key.name for key in of_table.primary_key))
    )
    return Layer(_real(table, schema_name), new, gone)


class Overlay:
    """What one transaction would write. Roll the transaction back: the views would stay."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        is_postgresql = bulk.is_postgresql(connection)
        self._schema = (sessions.schema_of(connection) or "public") if is_postgresql else "main"
        self._temporary = "pg_temp" if is_postgresql else "temp"
        self._layers: dict[str, Layer] = {}

    def real(self, table: str) -> Table:
        """Return a table without what was written here."""
        return _real(table, self._schema)

    def new(self, table: str) -> str:
        """Return the name of the temporary table that rows are to be inserted into."""
        return self._layer(table).new.name

    def take(self, table: str, ids: Sequence[int]) -> None:
        """Copy some rows, so that they can be changed; rows that were written here are there already."""
        layer = self._layer(table)
        condition = and_(among(self._connection, layer.real.c.id, ids), layer.is_left)
        columns = [layer.real.c[column.name] for column in layer.new.columns]
        self._connection.execute(
            insert(layer.new).from_select(layer.new.columns.keys(), select(*columns).where(condition))
        )
        self._hide(layer, condition)

    def clear(self, table: str, column: str, values: Sequence[int]) -> None:
        """Delete the rows that have one of some values in a column."""
        layer = self._layer(table)
        condition = among(self._connection, layer.real.c[column], values)
        self._hide(layer, and_(condition, layer.is_left))
        self._connection.execute(
            delete(layer.new).where(among(self._connection, layer.new.c[column], values))
        )

    def _hide(self, layer: Layer, condition: ColumnElement[bool]) -> None:
        keys = [layer.real.c[key.name] for key in layer.gone.columns]
        self._connection.execute(
            insert(layer.gone).from_select(layer.gone.columns.keys(), select(*keys).where(condition))
        )

    def _layer(self, table: str) -> Layer:
        if table not in self._layers:
            if not self._layers and bulk.is_postgresql(self._connection):
                # All other transactions look for temporary tables last.
                path = f"pg_temp, {sessions.quoted(self._schema)}"
                self._drop_strangers()
                self._connection.execute(text(f"SET LOCAL search_path = {path}"))
            self._layers[table] = self._new_layer(table)
        return self._layers[table]

    def _drop_strangers(self) -> None:
        """Drop temporary tables with names of ours: another client of a pooler may have left some.

        It has them again once the transaction is rolled back.
        """
        for name, kind in self._connection.execute(_STRANGERS, {"names": list(schema.METADATA.tables)}).all():
            self._connection.execute(
                text(f"DROP {_KINDS[kind]} IF EXISTS pg_temp.{sessions.quoted(name)} CASCADE")
            )

    def _new_layer(self, table: str) -> Layer:
        connection = self._connection
        layer = _layer(table, self._schema, self._temporary)
        new, gone = layer.new, layer.gone
        # It has the table's rules but for foreign keys: what the rows refer to may be in another layer.
        statements: list[ExecutableDDLElement] = [
            CreateTable(new, include_foreign_key_constraints=[]),
            *map(CreateIndex, new.indexes),
            CreateTable(gone),
        ]
        for statement in statements:
            # The patterns of CHECKs contain the percent sign, which marks the driver's placeholders.
            connection.execute(statement, execution_options={"no_parameters": True})
        names = new.columns.keys()
        unchanged = select(*(layer.real.c[name] for name in names)).where(layer.is_left)
        visible = unchanged.union_all(select(*(new.c[name] for name in names)))
        query = visible.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        connection.execute(text(f"CREATE TEMPORARY VIEW {table} AS {query}"))
        return layer
