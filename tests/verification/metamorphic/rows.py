"""The rows that random statements write: usually valid, next to what the database holds now."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import chain
from random import Random
from typing import NamedTuple

from fhirexport_server.domain.rows import Batch
from fhirexport_server.store.schema import METADATA
from fhirexport_server.store.schema.revisions import READ_BY
from sqlalchemy import Table
from support.hospitals import random_hospital

Row = dict[str, object]
TABLES: dict[str, Table] = {table: METADATA.tables[table] for table in READ_BY}
"""Every table that an export reads, parents before children."""
COLUMNS = {(name, column.name) for name, table in TABLES.items() for column in table.c}
EJS = (1, 2, 3, 4)
"""The EJs that there can be: two with everything, one without anything, one that is not there at first."""
BARE_EJ = 3
SMALL_HOSPITAL = 11
"""The number of a generated hospital of two EJs with some rows in every table."""
DONORS = 40
HIGHEST_ID = 300
# What the columns refer to, beside an EJ: (table, column) -> table.
REFERENCES = {
    (name, constraint.column_keys[1]): constraint.referred_table.name
    for name, table in TABLES.items()
    for constraint in table.foreign_key_constraints
    if len(constraint.column_keys) == 2
}
_OTHERS: Mapping[tuple[str, str], Sequence[object]] = {
    ("movement", "derived"): (False, True),
    ("patient", "deceased_on"): (None, date(2024, 1, 15)),
    ("patient", "deceased_on_precision"): ("D", "M", "Y"),
    ("patient", "lunar_birth_date"): (None, "1980-00-00"),
}
_KIND_BEHIND = {"uh_id": "UH", "room_id": "ROOM", "bed_id": "BED"}


class Key(NamedTuple):
    """One row that the database holds."""

    values: tuple[object, ...]
    """Its primary key."""
    ej_id: int
    kind: str
    """What its column `kind` holds; empty where the table has none."""


Held = Mapping[str, Sequence[Key]]
"""By table, the rows that the database holds."""


def keys(table: str) -> list[str]:
    """Returns the columns of the primary key."""
    return [column.name for column in TABLES[table].primary_key]


def small_hospital() -> list[Batch]:
    """Returns two EJs with some rows in every table, and a third with none."""
    batches = {batch.table: [dict(row) for row in batch.rows] for batch in random_hospital(SMALL_HOSPITAL)}
    numbers = {row["id"]: number for number, row in enumerate(batches["ej"], 1)}
    for row in chain.from_iterable(batches.values()):
        column = "id" if "finess" in row and "ej_id" not in row else "ej_id"
        row[column] = numbers[row[column]]
    bare = {"id": BARE_EJ, "finess": "999999999", "active": True, "name": "X", "time_zone": "Europe/Paris"}
    batches["ej"].append(dict.fromkeys(batches["ej"][0]) | bare)
    return [Batch(table, batches[table]) for table in TABLES if table in batches]


class Rows:
    """Draws rows and values. What they hold was admitted once, in some generated hospital."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._donors: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for batch in chain.from_iterable(random_hospital(seed) for seed in range(DONORS)):
            for row in batch.rows:
                self._donors[batch.table, ""].append(row)
                if row.get("kind"):
                    self._donors[batch.table, str(row["kind"])].append(row)

    def row(self, table: str, held: Held) -> Row:
        """Draws a row for one of the EJs, with a key that may be taken."""
        made = dict(self.random.choice(self._donors[table, ""]))
        if table == "ej":
            return made | {"id": self.random.choice(EJS)}
        ej_id = self.ej_id(held)
        made["ej_id"] = ej_id
        if "id" in made:
            made["id"] = self.random.randint(1, HIGHEST_ID)
        return made | self.references(table, ej_id, held, filled=made)

    def references(self, table: str, ej_id: int, held: Held, filled: Row | None = None) -> Row:
        """Draws what the row of such an EJ refers to, for the columns that are `filled`, or for all."""
        return {
            column: self._reference(column, target, ej_id, held)
            if filled is None or filled[column] is not None
            else None
            for (owner, column), target in REFERENCES.items()
            if owner == table
        }

    def value(self, table: str, column: str, key: Key, held: Held) -> object:
        """Draws what could be written into one column of this row."""
        if self.random.random() < 0.02:
            return ""
        if column == "updated_at":
            return datetime(2020, 1, self.random.randint(1, 28), tzinfo=UTC)
        if (table, column) in REFERENCES:
            return self._reference(column, REFERENCES[table, column], key.ej_id, held)
        if column == "ej_id" or (table, column) == ("ej", "id"):
            return self.random.choice(EJS)
        if column == "id":
            return self.random.randint(1, HIGHEST_ID)
        # Some columns may be filled for some kinds only.
        donors = self._donors.get((table, "" if column == "kind" else key.kind)) or self._donors[table, ""]
        donor = self.random.choice(donors)
        # Not every column is one that the generated hospitals fill.
        return donor[column] if column in donor else self.random.choice(_OTHERS[table, column])

    def ej_id(self, held: Held) -> int:
        """Draws an EJ: one with everything as a rule."""
        there = [key.ej_id for key in held["ej"]]
        return self.random.choice([*there, 1, 2, 1, 2])

    def _reference(self, column: str, target: str, ej_id: int, held: Held) -> object:
        own = [key for key in held[target] if key.ej_id == ej_id]
        kind = "UF" if column.startswith("uf_") else _KIND_BEHIND.get(column)
        fitting = [key for key in own if key.kind == kind]
        wanted = fitting if fitting and self.random.random() < 0.9 else own
        if not wanted or (column == "parent_id" and self.random.random() < 0.3):
            return None
        return self.random.choice(wanted).values[0]


def columns_of(rows: Iterable[Row]) -> list[str]:
    """Returns the columns of rows of one table."""
    return list(next(iter(rows)))
