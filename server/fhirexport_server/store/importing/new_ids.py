"""Ids for new rows that no other row has, whatever ids an import brings along."""

from abc import ABC, abstractmethod
from typing import Final

from sqlalchemy import Connection, func, select, text

LARGEST: Final = 10**15
"""The largest id that an import may bring. It leaves room for nine thousand times as many after it."""
_COUNTED: Final = 10_000
_POOL: Final = 500
"""How many ids `few` takes from the sequence at a time."""
_LOCK: Final = 0x66686972
"""An advisory lock, so that two imports do not move a sequence past each other."""


class Ids(ABC):
    """Allocates ids for new rows, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._given: dict[str, tuple[int, int]] = {}

    def new(self, table: str, count: int) -> list[int]:
        """Return this many ids that no row of a table has, and that no other row will get."""
        numbers = self._new(table, count)
        if numbers:
            first, last = self._given.get(table, (numbers[0], numbers[0]))
            self._given[table] = min(first, *numbers), max(last, *numbers)
        return numbers

    def is_given(self, table: str, number: int) -> bool:
        """Return whether `new` has returned an id. Ids that an import brings are smaller.

        Ids that other writers took from the sequence in between count as well.
        """
        first, last = self._given.get(table, (0, -1))
        return first <= number <= last

    def few(self, table: str, count: int) -> list[int]:
        """As `new`, for frequent callers: ids are taken many at a time, and some may stay unused."""
        return self.new(table, count)

    @abstractmethod
    def pass_over(self, table: str, largest: int) -> None:
        """Make the ids of new rows follow the largest that an import brings."""

    @abstractmethod
    def _new(self, table: str, count: int) -> list[int]:
        """Return this many ids."""


class FromSequences(Ids):
    """Ids from PostgreSQL's sequences, which other writers use at the same time."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._pools: dict[str, list[int]] = {}

    def few(self, table: str, count: int) -> list[int]:
        """See Ids."""
        pool = self._pools.setdefault(table, [])
        if len(pool) < count:
            pool += self.new(table, max(count, _POOL))
        taken, self._pools[table] = pool[:count], pool[count:]
        return taken

    def pass_over(self, table: str, largest: int) -> None:
        """See Ids."""
        if self._behind(table, largest) <= 0:
            return
        # Writers in plain SQL use the sequence at the same time. Taking numbers from it is safe then, setting
        # it is not: that is done only where it is far behind.
        self._connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        gap = self._behind(table, largest)
        if gap > _COUNTED:
            self._connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :largest)"),
                {"table": table, "largest": largest},
            )
        elif gap > 0:
            self._new(table, gap)

    def _new(self, table: str, count: int) -> list[int]:
        if not count:
            return []
        query = text("SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)")
        return list(self._connection.execute(query, {"table": table, "count": count}).scalars())

    def _behind(self, table: str, largest: int) -> int:
        return largest - self._new(table, 1)[0]


class Counted(Ids):
    """Counted ids for SQLite, where nobody else writes at the same time."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._next: dict[str, int] = {}

    def _new(self, table: str, count: int) -> list[int]:
        first = self._following(table)
        self._next[table] = first + count
        return list(range(first, first + count))

    def pass_over(self, table: str, largest: int) -> None:
        """See Ids."""
        self._next[table] = max(self._following(table), largest + 1)

    def _following(self, table: str) -> int:
        if table not in self._next:
            self._next[table] = self._largest(table) + 1
        return self._next[table]

    def _largest(self, table: str) -> int:
        """Return the largest id that was ever allocated. Temporary tables have a counter of their own."""
        query = text("SELECT seq FROM main.sqlite_sequence WHERE name = :table")
        return int(self._connection.execute(query, {"table": table}).scalar() or 0)
