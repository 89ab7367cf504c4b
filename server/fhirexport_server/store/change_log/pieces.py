"""Keys, piece by piece in ascending order, so that rows of any number of them are read in constant memory."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection

from fhirexport_server.domain.changes import Keys
from fhirexport_server.store.schema.in_any import among

_IDS_AT_ONCE: Final = 500
_FEW: Final = 16


class Piece(NamedTuple):
    """Some ids: the ones that are given, or all between two."""

    ids: tuple[int, ...]
    is_range: bool

    @property
    def is_small(self) -> bool:
        """Whether its rows are few enough to be read at once."""
        return not self.is_range and len(self.ids) <= _FEW

    def holds(self, connection: Connection, column: ColumnElement[int]) -> ColumnElement[bool]:
        """Return the condition that a column holds one of the ids."""
        return (
            column.between(self.ids[0], self.ids[-1])
            if self.is_range
            else among(connection, column, self.ids)
        )


def pieces(keys: Keys | None) -> Iterator[Piece | None]:
    """Yield the pieces of keys, no id in two of them; None alone where all ids are meant."""
    if keys is None:
        yield None
        return
    singles: list[int] = []
    after = 0
    for first, last in sorted([*keys.ranges, *((id_, id_) for id_ in keys.ids)]):
        if last < after:
            continue
        if singles and (first < last or len(singles) == _IDS_AT_ONCE):
            yield Piece(tuple(singles), is_range=False)
            singles = []
        if first < last:
            yield Piece((max(first, after), last), is_range=True)
        else:
            singles.append(first)
        after = last + 1
    if singles:
        yield Piece(tuple(singles), is_range=False)
