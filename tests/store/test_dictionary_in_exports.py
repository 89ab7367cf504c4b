"""Shows that each column becomes the FHIR elements that the data dictionary names, and no others do.

A column is changed in all rows of the demo group. Each element that it is said to become then changes in some
resource; where it is said to become none, the export stays as it was. A key cannot be changed alone: its
elements have to be there.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from fhirexport import AsyncClient
from fhirexport_server.demo.group import batches
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from fhirexport_server.store.schema import METADATA, dictionary
from fhirexport_server.store.schema.revisions import READ_BY
from sqlalchemy import Column, Table, text
from support.fhirpath import found
from support.rows import writing
from support.server import running_server

EJ_ID = 1
MORE = (
    "UPDATE ej SET address_line2 = 'BP 401', opened_on = '1960-01-01', closed_on = '2199-01-01'",
    "UPDATE org_unit SET description = 'Urgences', address_line2 = 'BP 401' WHERE kind = 'EG'",
    "UPDATE patient SET lunar_birth_date = '1990-00-00' WHERE id <= 10",
    "UPDATE patient SET deceased_on = '2026-01-02' WHERE deceased_at IS NULL AND id > 40",
    "UPDATE patient SET is_fictitious = 1 WHERE id = 1",
    "UPDATE patient_contact SET postal_code = '01000'",
    "UPDATE venue SET admit_source = '90' WHERE admit_source = '6'",
    "UPDATE movement SET patient_class = NULL WHERE trigger_event = 'A04'",
)
"""What the demo group leaves empty."""

LONGER = "{0} || 'X'"
NOT = "1 - {0}"
CHANGES: Mapping[str, str] = {
    "ej.finess": "'999999999' WHERE id = 1",
    "ej.name": LONGER,
    "ej.active": NOT,
    "ej.time_zone": "'Indian/Reunion'",
    "namespace.system": LONGER,
    "org_unit.kind": "'SECTOR' WHERE kind = 'SERVICE'",
    "org_unit.code": LONGER,
    "org_unit.name": LONGER,
    "org_unit.active": NOT,
    "place.kind": "'FLOOR' WHERE kind = 'BUILDING'",
    "place.code": LONGER,
    "place.name": LONGER,
    "place.status": "'suspended'",
    "place.latitude": "latitude / 2",
    "place.longitude": "longitude / 2",
    "patient.birth_family": LONGER,
    "patient.first_given": LONGER,
    "patient.birth_date_precision": "'Y'",
    "patient.deceased_on_precision": "'Y'",
    "patient.is_homonym": NOT,
    "patient.is_fictitious": NOT,
    "patient.is_doubtful": NOT,
    "patient.active": NOT,
    "patient_identifier.kind": "'IPP' WHERE kind = 'RRI'",
    "patient_identifier.use_code": "'old' WHERE use_code = 'usual'",
    "patient_identifier.system": "system || 'X' WHERE kind = 'IPP'",
    "patient_identifier.value": LONGER,
    "patient_contact.family": LONGER,
    "venue.patient_id": "(SELECT min(id) FROM patient WHERE ej_id = venue.ej_id)",
    "venue.venue_no": LONGER,
    "venue.patient_class": "'V'",
    "movement.venue_id": "(SELECT min(id) FROM venue WHERE ej_id = movement.ej_id)",
    "movement.movement_no": LONGER,
    "movement.started_at": "strftime('%Y-%m-%dT%H:%M:%SZ', started_at, '+1 minute')",
    "movement.trigger_event": "'A05'",
    "movement.state": "'cancelled'",
    "movement.derived": NOT,
}
"""What a column is changed to that cannot be emptied, in SQL."""

Export = dict[str, dict[str, Any]]
"""The resources by their ids."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The demo group, with something in every column."""
    url = f"sqlite:///{tmp_path_factory.mktemp('dictionary') / 'fhirexport.db'}"
    migrate(url)
    load(url, batches(patients=100))
    with writing(url) as connection:
        for statement in MORE:
            connection.execute(text(statement))
    return url


def test_no_column_is_left_out() -> None:
    columns = {f"{table}.{column.name}" for table in READ_BY for column in METADATA.tables[table].c}
    assert set(CHANGES) <= columns
    for name, table in METADATA.tables.items():
        assert name in READ_BY or not any(map(dictionary.fhir, table.c))


@pytest.mark.parametrize("name", READ_BY)
@pytest.mark.long
async def test_a_column_becomes_what_the_dictionary_says(name: str, url: str) -> None:
    table = METADATA.tables[name]
    wrong = []
    async with running_server(url) as address, AsyncClient(address) as client:
        before = await _exported(client, name)
        for column in table.c:
            paths = dictionary.fhir(column)
            if column.primary_key or column.name == "ej_id":
                wrong += [f"{path} of {column} is not there" for path in paths if not _values(before, path)]
                continue
            with _changed(url, table, column):
                after = await _exported(client, name)
            wrong += [
                f"{path} of {column} does not change"
                for path in paths
                if _values(before, path) == _values(after, path)
            ]
            if not paths and before != after:
                wrong.append(f"{column} is exported")
        assert await _exported(client, name) == before
    assert wrong == []


async def _exported(client: AsyncClient, table: str) -> Export:
    """Return the resources of the exports that read a table."""
    exports = {
        Dataset.STRUCTURE: client.structure,
        Dataset.PATIENTS: client.patients,
        Dataset.VENUES: lambda ej_id: client.venues(ej_id, movements=True),
    }
    return {
        resource["id"]: resource for dataset in READ_BY[table] async for resource in exports[dataset](EJ_ID)
    }


def _values(export: Export, path: str) -> dict[str, list[Any]]:
    """Return what a path leads to, by the resources' ids."""
    values = {identity: found(resource, path) for identity, resource in export.items()}
    return {identity: those for identity, those in values.items() if those}


@contextmanager
def _changed(url: str, table: Table, column: Column[Any]) -> Iterator[None]:
    """Have another value in all rows, and afterwards those from before."""
    keys = [key.name for key in table.primary_key]
    change = CHANGES.get(str(column), "NULL" if column.nullable else LONGER).format(column.name)
    where = " AND ".join(f"{key} = :{key}" for key in keys)
    with writing(url) as connection:
        rows = connection.execute(
            text(f"SELECT {', '.join(keys)}, {column.name} AS held FROM {table.name}")
        ).mappings()
        held = [dict(row) for row in rows]
        assert any(row["held"] is not None for row in held), (
            f"the demo group leaves {column} empty: fill it there (demo/), or in MORE"
        )
        connection.execute(text(f"UPDATE {table.name} SET {column.name} = {change}"))
    try:
        yield
    finally:
        with writing(url) as connection:
            connection.execute(text(f"UPDATE {table.name} SET {column.name} = :held WHERE {where}"), held)
