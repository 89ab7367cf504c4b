"""A small valid hospital, table by table, for tests that change it a little."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from fhirexport_server.domain.rows import Batch
from fhirexport_server.store.connection.engine import create
from sqlalchemy import Connection

EJ_ID = 1
SMALL: dict[str, dict[str, Any]] = {
    "ej": {"id": 1, "finess": "010780054", "name": "CH"},
    "namespace": {"ej_id": 1, "kind": "VENUE", "system": "urn:oid:1.2.3"},
    "org_unit": {"id": 1, "ej_id": 1, "kind": "EG", "code": "E1", "name": "Site"},
    "place": {"id": 1, "ej_id": 1, "kind": "UH", "code": "H1", "name": "UH 1"},
    "patient": {"id": 1, "ej_id": 1, "birth_family": "MARTIN", "first_given": "ANNE"},
    "patient_identifier": {
        "ej_id": 1,
        "patient_id": 1,
        "seq": 1,
        "kind": "IPP",
        "use_code": "usual",
        "system": "https://chu.example/ipp",
        "value": "8001",
    },
    "patient_contact": {"ej_id": 1, "patient_id": 1, "seq": 1, "family": "MARTIN"},
    "venue": {"id": 1, "ej_id": 1, "patient_id": 1, "venue_no": "V1", "patient_class": "I"},
    "movement": {
        "id": 1,
        "ej_id": 1,
        "venue_id": 1,
        "movement_no": "M1",
        "started_at": datetime(2026, 1, 10, 17, tzinfo=UTC),
        "trigger_event": "A01",
    },
}


def small() -> list[Batch]:
    """The hospital as batches: one row in each table but org_member."""
    return [Batch(table, [dict(row)]) for table, row in SMALL.items()]


@contextmanager
def writing(url: str) -> Iterator[Connection]:
    """A connection whose transaction is committed at the end, as another program's would be."""
    engine = create(url, new=True)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
