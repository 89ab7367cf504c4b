"""The state of the model: the participants, what each of them knows, and the invariants."""

from typing import Literal, NamedTuple, TypeVar

Item = TypeVar("Item")
Mode = Literal["strict", "if none match", "at least"]
Event = Literal["crash", "restore", "deploy", "prune"]


class Scenario(NamedTuple):
    """Who takes part, and what the world may do to them."""

    writers: int
    exports: tuple[Mode, ...]
    processes: tuple[int, ...]  # where each export runs
    # A faulty Redis answers a lookup with nothing or with any entry that was ever published: so it may evict,
    # lose, repeat and reorder, and come back with an older state.
    redis_is_faulty: bool = True
    replica: bool = False  # renderings read from it, and it catches up when it likes
    events: tuple[Event, ...] = ()  # each at most once
    updates: bool = False  # whether exports bring kept renderings up to date
    # What some writes are, by number. The others change one resource.
    contexts: frozenset[int] = frozenset()  # change what all resources share
    moves: frozenset[int] = frozenset()  # take a row from one resource to another
    replaces: frozenset[int] = frozenset()  # delete a row without a trigger of their own: REPLACE of SQLite


class Database(NamedTuple):
    """What it shows. Another incarnation has other data, even where its change log looks the same."""

    incarnation: int
    writes: tuple[int, ...]  # in the order of their commits; a write's number is its id in the change log


class Tag(NamedTuple):
    """A revision and the fingerprint of what renders it: an entry's stamp, an etag, a token."""

    incarnation: int
    rows: int  # of the change log, that the snapshot sees
    digest: frozenset[int]
    fingerprint: int


class Entry(NamedTuple):
    tag: Tag | None
    shows: Database
    version: int  # of the exporter that rendered it


class Export(NamedTuple):
    at: str = "idle"
    version: int = 0
    required: Database = Database(0, ())  # what the answer may not lack
    asked: Tag | None = None  # the revision looked up, or the token
    rendered: Entry | None = None
    joined: int | None = None
    answer: Entry | None = None  # kept only where a later export is conditional on it
    lacks: bool = False
    differs: bool = False  # what it brought up to date is not what a full rendering gives


class State(NamedTuple):
    database: Database
    replica: Database
    version: int
    redis: frozenset[Entry]  # the entries that a lookup may bring
    memory: tuple[Entry | None, ...]  # per process
    writers: tuple[str, ...]
    exports: tuple[Export, ...]
    events: tuple[Event, ...]
    pruned: int = 0  # how many rows of the log, from the first one on, are there no more


def holds(state: State) -> bool:
    """Property P: no export that started after a commit returned lacks that write.

    And what is brought up to date is what a full rendering of the same snapshot gives.
    """
    return not any(export.lacks or export.differs for export in state.exports)


def lose(state: State, database: Database) -> State:
    """Put the database back; nobody can be asked any more for what it has lost."""
    exports = tuple(
        export._replace(
            required=export.required._replace(
                writes=tuple(w for w in export.required.writes if w in database.writes)
            )
        )
        for export in state.exports
    )
    pruned = min(state.pruned, len(database.writes))
    return state._replace(database=database, exports=exports, pruned=pruned)


def lacks(answer: Entry, export: Export) -> bool:
    """Whether the answer is of another exporter, of an earlier life of the database, or without a write."""
    return (
        answer.version != export.version
        or answer.shows.incarnation < export.required.incarnation
        or not set(export.required.writes) <= set(answer.shows.writes)
    )


def with_export(state: State, number: int, export: Export) -> State:
    return state._replace(exports=put(state.exports, number, export))


def put(items: tuple[Item, ...], index: int, item: Item) -> tuple[Item, ...]:
    return (*items[:index], item, *items[index + 1 :])
