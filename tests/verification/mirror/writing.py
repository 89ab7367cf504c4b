"""Changes what mirrors are of, in plain SQL, one transaction after the other."""

from random import Random

from verification.metamorphic.statements import Statement
from verification.metamorphic.writer import RefusedError, Writer

EJ = 1
_INSTANT = "2026-01-10 17:00:00"


class Scribe:
    """Draws changes of one EJ: of single resources, of many, and of what others depend on."""

    def __init__(self, writer: Writer, random: Random) -> None:
        self._writer = writer
        self._random = random
        self._number = 0
        self._changes = (
            [self._rename] * 6
            + [self._admit] * 4
            + [self._move] * 4
            + [self._transfer] * 3
            + [self._discharge_wrongly] * 3
            + [self._forget_patient] * 2
            + [self._forget_venue] * 2
            + [self._rename_unit, self._rename_many]
        )

    def write(self) -> None:
        """Commits one change; of those that a rule forbids, none."""
        self._number += 1
        statements = self._random.choice(self._changes)()
        self._writer.begin()
        try:
            for statement in statements:
                self._writer.execute(statement)
        except RefusedError:
            self._writer.end(commit=False)
        else:
            self._writer.end(commit=self._random.random() > 0.05)

    def _rename(self) -> list[Statement]:
        return [self._set("patient", "used_family", f"N{self._number}", self._one("patient"))]

    def _rename_many(self) -> list[Statement]:
        sql = (
            f"UPDATE patient SET used_family = 'N{self._number}' WHERE ej_id = {EJ} AND id - id / 7 * 7 = %s"
        )
        return [Statement("update", "patient", sql, (self._random.randrange(7),))]

    def _rename_unit(self) -> list[Statement]:
        return [self._set("org_unit", "name", f"Unit {self._number}", self._one("org_unit"))]

    def _admit(self) -> list[Statement]:
        """A new patient, at the end of the ids or in a gap, with a venue."""
        patient, venue, movement = (self._free(table) for table in ("patient", "venue", "movement"))
        number = f"M{self._number}"
        return [
            self._insert("patient", id=patient, ej_id=EJ, birth_family=number, first_given="ANNE"),
            self._insert(
                "patient_identifier", ej_id=EJ, patient_id=patient, seq=1, kind="IPP", use_code="usual",
                system="https://chu.example/ipp", value=number,
            ),
            self._insert(
                "venue", id=venue, ej_id=EJ, patient_id=patient, venue_no=number, patient_class="I"
            ),
            self._insert(
                "movement", id=movement, ej_id=EJ, venue_id=venue, movement_no=number,
                started_at=_INSTANT, trigger_event="A01",
            ),
        ]  # fmt: skip

    def _move(self) -> list[Statement]:
        """A movement goes to another venue."""
        return [self._set("movement", "venue_id", self._one("venue"), self._one("movement"))]

    def _transfer(self) -> list[Statement]:
        return [
            self._set("movement", "trigger_event", self._random.choice(("A01", "A02")), self._one("movement"))
        ]

    def _discharge_wrongly(self) -> list[Statement]:
        return [
            Statement("delete", "movement", "DELETE FROM movement WHERE id = %s", (self._one("movement"),))
        ]

    def _forget_venue(self) -> list[Statement]:
        venue = self._one("venue")
        return [
            Statement("delete", table, f"DELETE FROM {table} WHERE {column} = %s", (venue,))
            for table, column in (("movement", "venue_id"), ("venue", "id"))
        ]

    def _forget_patient(self) -> list[Statement]:
        patient = self._one("patient")
        return [
            Statement("delete", table, f"DELETE FROM {table} WHERE {column} = %s", (patient,))
            for table, column in (
                ("patient_identifier", "patient_id"),
                ("patient_contact", "patient_id"),
                ("patient", "id"),
            )
        ]

    def _insert(self, table: str, **row: object) -> Statement:
        marks = ", ".join(["%s"] * len(row))
        return Statement(
            "insert", table, f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
        )

    def _set(self, table: str, column: str, value: object, row_id: int) -> Statement:
        return Statement("update", table, f"UPDATE {table} SET {column} = %s WHERE id = %s", (value, row_id))

    def _one(self, table: str) -> int:
        (lowest, highest) = self._writer.read(f"SELECT min(id), max(id) FROM {table} WHERE ej_id = {EJ}")[0]
        wanted = self._random.randint(lowest, highest)
        sql = f"SELECT id FROM {table} WHERE ej_id = {EJ} AND id >= {wanted} ORDER BY id LIMIT 1"
        return int(self._writer.read(sql)[0][0])

    def _free(self, table: str) -> int:
        highest = int(self._writer.read(f"SELECT max(id) FROM {table}")[0][0])
        if self._random.random() < 0.5:
            return highest + self._random.choice((1, 1, 40, 5_000))
        sql = (
            f"SELECT id + 1 FROM {table} AS one WHERE NOT EXISTS"
            f" (SELECT 1 FROM {table} AS other WHERE other.id = one.id + 1) ORDER BY id LIMIT 1"
        )
        return int(self._writer.read(sql)[0][0])
