"""The floor: the time that the drivers alone take to fetch the rows that an export reads."""

import sqlite3

import psycopg
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store import queries
from fhirexport_server.store.connection.engine import create

Connection = sqlite3.Connection | psycopg.Connection[tuple[object, ...]]
FETCH_ROWS = 1000


def statements(url: str, ej_id: int, dataset: Dataset) -> list[str]:
    """Returns the export's queries as plain SQL of this database."""
    selections = {
        Dataset.STRUCTURE: (queries.org_units, queries.org_members, queries.places),
        Dataset.PATIENTS: (queries.patients, queries.patient_identifiers, queries.patient_contacts),
        Dataset.VENUES: (queries.venues, queries.movements),
    }[dataset]
    engine = create(url)
    try:
        return [
            str(make(ej_id).compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True}))
            for make in selections
        ]
    finally:
        engine.dispose()


def fetch(connection: Connection, sql: list[str]) -> int:
    """Fetches every row, a thousand at a time through a server-side cursor; returns how many."""
    count = 0
    for number, statement in enumerate(sql):
        if isinstance(connection, psycopg.Connection):
            with connection.cursor(name=f"floor_{number}") as cursor:
                cursor.itersize = FETCH_ROWS
                cursor.execute(statement)
                while rows := cursor.fetchmany(FETCH_ROWS):
                    count += len(rows)
        else:
            found = connection.execute(statement)
            while rows := found.fetchmany(FETCH_ROWS):
                count += len(rows)
    if isinstance(connection, psycopg.Connection):
        connection.rollback()
    return count


def connect(url: str) -> Connection:
    """Opens the database with the bare driver."""
    if url.startswith("sqlite:///"):
        return sqlite3.connect(url.removeprefix("sqlite:///"))
    return psycopg.connect(url)
