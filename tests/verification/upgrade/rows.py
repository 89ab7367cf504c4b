"""What the database of an upgrade holds: the rows that a release has filled it with, and what writers add.

Everything is plain SQL, so that any release's schema can take it, whatever this one's classes say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text
from support.rows import writing

EJ_ID = 1
KEPT = 20
"""How many of its movements each writer leaves; it deletes those before."""
_FIRST_ID = 1_000_000_000
_BEGUN = datetime(2026, 1, 10, 17, tzinfo=UTC)
_TABLES = (
    "ej",
    "namespace",
    "org_unit",
    "org_member",
    "place",
    "patient",
    "patient_identifier",
    "patient_contact",
    "venue",
    "movement",
)
"""The tables of data, parents first."""

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""By table; each row by column, as the driver gives and takes it."""


@dataclass(frozen=True)
class Stay:
    """What a writer writes to, and nobody else."""

    writer: int
    venue_id: int
    patient_id: int


def mark(writer: int, number: int) -> str:
    """Return the text by which an export shows that it has a transaction of a writer."""
    return f"UPGRADE-{writer}-{number}"


def read_rows(url: str) -> Rows:
    """Return all rows of data in a database, with the columns that its schema has."""
    with writing(url) as connection:
        return {
            table: [dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()]
            for table in _TABLES
        }


def write_rows(url: str, rows: Rows) -> None:
    """Insert rows into the empty tables of a schema, which may have more columns."""
    with writing(url) as connection:
        for table, of_table in rows.items():
            if of_table:
                columns = list(of_table[0])
                values = ", ".join(f":{column}" for column in columns)
                connection.execute(
                    text(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"),
                    [dict(row) for row in of_table],
                )


def stays(rows: Rows, writers: int) -> Sequence[Stay]:
    """Return a stay for each writer, of different patients."""
    named = {row["id"] for row in rows["patient"] if row["ej_id"] == EJ_ID and row["first_given"]}
    found = [
        (row["id"], row["patient_id"])
        for row in rows["venue"]
        if row["ej_id"] == EJ_ID and row["patient_id"] in named
    ]
    by_patient = sorted({patient: venue for venue, patient in found}.items())
    return [
        Stay(writer, venue, patient) for writer, (patient, venue) in enumerate(by_patient[:writers], start=1)
    ]


def transact(connection: Connection, stay: Stay, number: int) -> None:
    """Do what a writer's transaction of a number does: a movement comes, one goes, a patient is renamed."""
    begun = (_BEGUN + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    movement = {
        "id": _movement_id(stay, number),
        "ej_id": EJ_ID,
        "venue_id": stay.venue_id,
        "movement_no": mark(stay.writer, number),
        "started_at": begun,
        "trigger_event": "A02",
    }
    connection.execute(
        text(
            "INSERT INTO movement (id, ej_id, venue_id, movement_no, started_at, trigger_event)"
            " VALUES (:id, :ej_id, :venue_id, :movement_no, :started_at, :trigger_event)"
        ),
        movement,
    )
    connection.execute(text("DELETE FROM movement WHERE id = :id"), {"id": _movement_id(stay, number - KEPT)})
    connection.execute(
        text("UPDATE patient SET first_given = :name WHERE id = :id"),
        {"id": stay.patient_id, "name": mark(stay.writer, number)},
    )


def _movement_id(stay: Stay, number: int) -> int:
    return _FIRST_ID * stay.writer + number
