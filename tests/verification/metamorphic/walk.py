"""The property: where a committed statement changed an export, it also changed the revision."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from random import Random

from fhirexport_server.store.database import Database
from verification.metamorphic.exports import State, queries_made_once, see
from verification.metamorphic.rows import TABLES, small_hospital
from verification.metamorphic.statements import Statement, Statements
from verification.metamorphic.writer import RefusedError, Writer, held, writing

ROUND = 80
"""After so many statements the hospital is made anew, so that there is always something to change."""

UPDATES = {"update", "bulk update", "update or replace", "move"}


@dataclass
class Tally:
    """What was seen."""

    statements: int = 0
    refused: int = 0
    rolled_back: int = 0
    changed: int = 0
    """How many revisions moved for a change of bytes."""
    unchanged: int = 0
    """How many revisions moved though the bytes stayed."""
    kinds: Counter[str] = field(default_factory=Counter)
    """How many statements of each kind were committed."""
    updated: set[tuple[str, str]] = field(default_factory=set)
    """The columns that a committed UPDATE of rows that are there named."""
    misses: list[str] = field(default_factory=list)
    """Each statement after which bytes, but not the revision, had changed; or that was not undone."""

    def __str__(self) -> str:
        moved = self.changed + self.unchanged
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kinds.items()))
        return (
            f"{self.statements} statements: {len(self.misses)} misses; {self.refused} refused,"
            f" {self.rolled_back} rolled back; {moved} moves of a revision, {self.changed} with a change of"
            f" bytes and {self.unchanged} without (precision {self.changed / max(moved, 1):.1%});"
            f" committed: {kinds}"
        )

    def compare(self, statement: Statement, before: State, after: State) -> None:
        """Counts what a committed statement moved."""
        for key, old in before.items():
            new = after[key]
            if new.content != old.content and new.revision == old.revision:
                self.misses.append(f"{key}: {statement}")
            elif new.revision != old.revision:
                self.changed += new.content != old.content
                self.unchanged += new.content == old.content


def walk(
    url: str,
    *,
    statements: int,
    seed: int = 1,
    until_miss: bool = False,
    columns: Collection[tuple[str, str]] = (),
) -> Tally:
    """Run random statements on a migrated database, and look at every export after each of them.

    Args:
        url: the database.
        statements: how many to run; up to four times as many where `columns` want it.
        seed: of the randomness.
        until_miss: whether to end with the first miss.
        columns: go on until an UPDATE of each of them was committed.
    """
    tally, random = Tally(), Random(f"metamorphic {seed}")
    with queries_made_once(), Database.open(url) as database, writing(url) as writer:
        drawn = Statements(writer.dialect, random)
        before = see(database)
        while not (until_miss and tally.misses) and (
            tally.statements < statements
            or (tally.statements < 4 * statements and not tally.updated.issuperset(columns))
        ):
            if tally.statements % ROUND == 0:
                before = _made_anew(database, writer, before, tally)
            statement = drawn.draw(held(writer))
            undo = random.random() < 0.03
            committed = _committed(writer, statement, tally, undo=undo)
            after = see(database)
            if committed:
                tally.compare(statement, before, after)
            else:
                drawn.refused(statement)
                if after != before:
                    tally.misses.append(f"not undone: {statement}")
            tally.statements += 1
            before = after
    return tally


def _committed(writer: Writer, statement: Statement, tally: Tally, *, undo: bool) -> bool:
    """Runs a statement in a transaction of its own; says whether that was committed."""
    writer.begin()
    try:
        writer.execute(statement)
    except RefusedError:
        writer.end(commit=False)
        tally.refused += 1
        return False
    writer.end(commit=not undo)
    if undo:
        tally.rolled_back += 1
        return False
    tally.kinds[statement.kind] += 1
    if statement.kind in UPDATES:
        tally.updated |= {(statement.table, column) for column in statement.columns}
    return True


def _made_anew(database: Database, writer: Writer, before: State, tally: Tally) -> State:
    """Empties and fills the tables in one transaction, which is looked at as a statement is."""
    writer.begin()
    # A tree is taken down from its leaves only where every row goes at once.
    for table in reversed(TABLES):
        writer.execute(Statement("clear", table, f"DELETE FROM {table}"))
    for table, rows in small_hospital():
        for row in rows:
            marks = ", ".join(["%s"] * len(row))
            sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
            writer.execute(Statement("insert", table, sql, tuple(row.values())))
    writer.end(commit=True)
    after = see(database)
    tally.compare(Statement("anew", "", ""), before, after)
    if writer.dialect == "postgresql":
        while database.compact().more:
            pass
        if see(database) != after:
            tally.misses.append("compaction")
    return after
