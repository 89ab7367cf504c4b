"""Random statements in plain SQL: every way of writing, on every table and column."""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from verification.metamorphic.rows import COLUMNS, TABLES, Held, Key, Row, Rows, columns_of, keys

NOBODY = 9_999
"""An id that no row has."""


class Statement(NamedTuple):
    """One statement. Its placeholders are `%s`."""

    kind: str
    table: str
    sql: str
    parameters: tuple[object, ...] = ()
    columns: tuple[str, ...] = ()
    """What it updates."""
    copied: tuple[tuple[object, ...], ...] = ()
    """What it reads from its standard input."""


class Statements:
    """Draws statements for one of the databases."""

    def __init__(self, dialect: str, random: Random) -> None:
        self._random = random
        self._rows = Rows(random)
        self._sqlite = dialect == "sqlite"
        self._due: list[tuple[str, str]] = []
        makers = [self._insert, self._upsert, self._move, self._delete, self._delete_of_ej, self._in_bulk]
        own = [self._replace, self._update_or_replace] if self._sqlite else [self._copy, self._merge]
        rare = [self._clear, self._update_nobody, *([] if self._sqlite else [self._truncate])]
        self._makers: list[Callable[[str, Held], Statement]] = [*[*makers, *own] * 3, *rare]

    def draw(self, held: Held) -> Statement:
        """Draws a statement for a database that holds these rows."""
        if self._random.random() < 0.5:
            return self._update(held)
        maker = self._random.choice(self._makers)
        return maker(self._random.choice([*TABLES, "ej"]), held)

    def refused(self, statement: Statement) -> None:
        """Takes back a statement that a rule forbade: its column comes again, with another value."""
        if statement.kind == "update":
            self._due.insert(0, (statement.table, statement.columns[0]))

    def _update(self, held: Held) -> Statement:
        """Updates one column of one row; the columns take turns."""
        if not self._due:
            self._due = self._random.sample(sorted(COLUMNS), len(COLUMNS))
        table, column = self._due.pop()
        key = self._one(table, held)
        value = self._rows.value(table, column, key, held)
        return self._set("update", table, {column: value}, key)

    def _update_or_replace(self, table: str, held: Held) -> Statement:
        """Updates a key or a business number, which may be another row's."""
        unique = [name for name in TABLES[table].c if name.unique or name.name in _OFTEN_UNIQUE]
        column = self._random.choice(unique or list(TABLES[table].primary_key)).name
        key = self._one(table, held)
        value = self._rows.value(table, column, key, held)
        made = self._set("update or replace", table, {column: value}, key)
        return made._replace(sql=made.sql.replace("UPDATE", "UPDATE OR REPLACE", 1))

    def _update_nobody(self, table: str, held: Held) -> Statement:
        column = self._random.choice(list(TABLES[table].c)).name
        value = self._rows.value(table, column, self._one(table, held), held)
        return self._set("update of no row", table, {column: value}, _nobody(table))

    def _in_bulk(self, table: str, held: Held) -> Statement:
        """Updates two columns of all rows, or of all of an EJ, or of a kind."""
        names = sorted(column.name for column in TABLES[table].c if column.name not in keys(table))
        key = self._one(table, held)
        values = {
            name: self._rows.value(table, name, key, held)
            for name in self._random.sample(names, 1 + (len(names) > 9))
        }
        wheres: list[tuple[str, tuple[object, ...]]] = [("", ()), (f" WHERE {_ej(table)} = %s", (key.ej_id,))]
        if key.kind:
            wheres += [(" WHERE kind = %s", (key.kind,))] * 4
        where, bound = self._random.choice(wheres)
        assignments = ", ".join(f"{name} = %s" for name in values)
        sql = f"UPDATE {table} SET {assignments}{where}"
        return Statement("bulk update", table, sql, (*values.values(), *bound), tuple(values))

    def _move(self, table: str, held: Held) -> Statement:
        """Moves a row to another EJ, together with what it refers to."""
        key, ej_id = self._one(table, held), self._rows.ej_id(held)
        return self._set("move", table, {_ej(table): ej_id} | self._rows.references(table, ej_id, held), key)

    def _insert(self, table: str, held: Held) -> Statement:
        return self._inserting("insert", "INSERT", table, self._some(table, held))

    def _replace(self, table: str, held: Held) -> Statement:
        rows = self._some(table, held, taken=0.7)
        return self._inserting("replace", "INSERT OR REPLACE", table, rows)

    def _upsert(self, table: str, held: Held) -> Statement:
        made = self._inserting("upsert", "INSERT", table, self._some(table, held, taken=0.7))
        key = keys(table)
        updated = [name for name in made.columns if name not in key]
        instead = ", ".join(f"{name} = excluded.{name}" for name in updated)
        action = f"UPDATE SET {instead}" if updated and self._random.random() < 0.9 else "NOTHING"
        return made._replace(sql=f"{made.sql} ON CONFLICT ({', '.join(key)}) DO {action}")

    def _merge(self, table: str, held: Held) -> Statement:
        """Updates the rows of an EJ that match a list, and deletes one of them."""
        key, column = self._one(table, held), self._random.choice(list(TABLES[table].c)).name
        value = self._rows.value(table, column, key, held)
        ours, doomed = keys(table)[-1], self._one(table, held)
        sql = (
            f"MERGE INTO {table} AS t USING (SELECT DISTINCT {_ej(table)} AS ej FROM {table}) AS s"
            f" ON t.{_ej(table)} = s.ej AND t.{_ej(table)} = %s"
            f" WHEN MATCHED AND t.{ours} = %s THEN UPDATE SET {column} = %s"
            f" WHEN MATCHED AND t.{ours} = %s THEN DELETE"
        )
        return Statement(
            "merge", table, sql, (key.ej_id, key.values[-1], value, doomed.values[-1]), (column,)
        )

    def _copy(self, table: str, held: Held) -> Statement:
        rows = self._some(table, held)
        names = columns_of(rows)
        sql = f"COPY {table} ({', '.join(names)}) FROM STDIN"
        return Statement("copy", table, sql, copied=tuple(tuple(row.values()) for row in rows))

    def _delete(self, table: str, held: Held) -> Statement:
        where, bound = _where(table, self._one(table, held))
        return Statement("delete", table, f"DELETE FROM {table} WHERE {where}", bound)

    def _delete_of_ej(self, table: str, held: Held) -> Statement:
        ej_id = self._rows.ej_id(held)
        return Statement("delete of EJ", table, f"DELETE FROM {table} WHERE {_ej(table)} = %s", (ej_id,))

    def _clear(self, table: str, held: Held) -> Statement:  # noqa: ARG002 - the makers' common shape
        return Statement("clear", table, f"DELETE FROM {table}")

    def _truncate(self, table: str, held: Held) -> Statement:  # noqa: ARG002 - the makers' common shape
        return Statement("truncate", table, f"TRUNCATE {table} CASCADE")

    def _one(self, table: str, held: Held) -> Key:
        """Draws a row that is there; where there is none, the key of no row."""
        return self._random.choice(held[table] or [_nobody(table)])

    def _some(self, table: str, held: Held, taken: float = 0.0) -> list[Row]:
        """Draws one to three rows with different keys; `taken` is how likely a key is one that is there."""
        made: dict[tuple[object, ...], Row] = {}
        for _ in range(self._random.choice((1, 1, 1, 2, 3))):
            row = self._rows.row(table, held)
            if self._random.random() < taken:
                key = self._one(table, held)
                row |= zip(keys(table), key.values, strict=True)
            made[tuple(row[name] for name in keys(table))] = row
        return list(made.values())

    def _set(self, kind: str, table: str, values: Row, key: Key) -> Statement:
        where, bound = _where(table, key)
        assignments = ", ".join(f"{name} = %s" for name in values)
        sql = f"UPDATE {table} SET {assignments} WHERE {where}"
        return Statement(kind, table, sql, (*values.values(), *bound), tuple(values))

    def _inserting(self, kind: str, verb: str, table: str, rows: list[Row]) -> Statement:
        names = columns_of(rows)
        tuples = ", ".join([f"({', '.join(['%s'] * len(names))})"] * len(rows))
        sql = f"{verb} INTO {table} ({', '.join(names)}) VALUES {tuples}"
        return Statement(kind, table, sql, tuple(row[name] for row in rows for name in names), tuple(names))


_OFTEN_UNIQUE = ("id", "finess", "code", "venue_no", "movement_no", "value", "seq")


def _nobody(table: str) -> Key:
    """Returns the key of no row."""
    key = (NOBODY, "UF") if table == "namespace" else (NOBODY,) * len(keys(table))
    return Key(key, 1, "")


def _ej(table: str) -> str:
    return "id" if table == "ej" else "ej_id"


def _where(table: str, key: Key) -> tuple[str, tuple[object, ...]]:
    return " AND ".join(f"{name} = %s" for name in keys(table)), key.values
