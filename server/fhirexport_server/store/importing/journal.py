"""What one import has resolved so far: the rows that its names stand for, and the rows that it has written.

Both are in temporary tables, so that an import of any size takes constant memory.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, Table, Text, select

from fhirexport_server.store import bulk
from fhirexport_server.store.schema.column_types import BIG_ID
from fhirexport_server.store.schema.in_any import among

_TEMPORARY: Final = MetaData()
_NAME: Final = Table(
    "import_name",
    _TEMPORARY,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("id", BIG_ID),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)
_WRITTEN: Final = Table(
    "import_written",
    _TEMPORARY,
    Column("kind", Text, nullable=False),
    Column("id", BIG_ID, nullable=False, autoincrement=False),
    Column("place", BIG_ID),
    Column("digest", Text),
    PrimaryKeyConstraint("kind", "id"),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)


class Line(NamedTuple):
    """A line of NDJSON that became a row."""

    place: int
    """Its position in the import, from 0."""
    digest: str
    """A digest of its content."""


class Named(NamedTuple):
    """What a name of the import stands for."""

    kind: str
    id: int | None
    """None for a resource that was refused."""


class Journal:
    """The names and rows of one import. Make it inside the import's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # A pooled SQLite connection may still have the tables of an earlier import.
        if not bulk.is_postgresql(connection):
            _TEMPORARY.drop_all(connection)
        _TEMPORARY.create_all(connection, checkfirst=False)
        self._any = False

    def remember(self, names: Sequence[tuple[str, str, int | None]]) -> None:
        """Record the names of resources that do not follow from their rows: (name, kind, id)."""
        if names:
            self._any = True
            bulk.insert(self._connection, _NAME.name, ("name", "kind", "id"), names)

    def known(self, names: Iterable[str]) -> dict[str, Named]:
        """Return what some names stand for; names that were not recorded are left out."""
        searched = list(names)
        if not self._any or not searched:
            return {}
        query = select(_NAME.c.name, _NAME.c.kind, _NAME.c.id).where(
            among(self._connection, _NAME.c.name, searched)
        )
        return {name: Named(kind, number) for name, kind, number in self._connection.execute(query)}

    def written(self, kind: str, ids: Sequence[int]) -> dict[int, Line | None]:
        """Return those of some rows that the import has written, or has found unchanged.

        Each has the line that it came from; None for an entry of a Bundle.
        """
        if not ids:
            return {}
        query = select(_WRITTEN.c.id, _WRITTEN.c.place, _WRITTEN.c.digest).where(
            _WRITTEN.c.kind == kind, among(self._connection, _WRITTEN.c.id, ids)
        )
        return {
            number: None if digest is None else Line(place, digest)
            for number, place, digest in self._connection.execute(query)
        }

    def note_written(self, kind: str, rows: Iterable[tuple[int, Line | None]]) -> None:
        """Record which rows the import has written, or has found unchanged, with their lines."""
        values = [(kind, number, *(line or (None, None))) for number, line in rows]
        bulk.insert(self._connection, _WRITTEN.name, ("kind", "id", "place", "digest"), values)
