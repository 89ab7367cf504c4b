"""The naive rival: ORM entities, dicts, json. What a first version usually looks like."""

import json
from datetime import date
from typing import Any

from fhirexport_server.store.schema import movement, patient, patient_identifier, venue
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, foreign, registry, relationship, selectinload


class Movement:
    """An entity."""


class Venue:
    """An entity."""

    id: int
    patient_id: int
    venue_no: str
    patient_class: str
    movements: Any


class Identifier:
    """An entity."""


class Patient:
    """An entity."""

    id: int
    birth_family: str
    first_given: str
    gender: str
    birth_date: date | None
    city: str
    postal_code: str
    identifiers: Any


def map_entities() -> None:
    """Maps the entities to the tables. Once a process."""
    mapper = registry()
    mapper.map_imperatively(Movement, movement)
    mapper.map_imperatively(Identifier, patient_identifier)
    mapper.map_imperatively(
        Venue,
        venue,
        properties={
            "movements": relationship(
                Movement,
                primaryjoin=venue.c.id == foreign(movement.c.venue_id),
                order_by=(movement.c.started_at, movement.c.id),
                viewonly=True,
            )
        },
    )
    mapper.map_imperatively(
        Patient,
        patient,
        properties={
            "identifiers": relationship(
                Identifier,
                primaryjoin=patient.c.id == foreign(patient_identifier.c.patient_id),
                order_by=patient_identifier.c.seq,
                viewonly=True,
            )
        },
    )


def venues(engine: Engine, ej_id: int, *, eager: bool) -> int:
    """Renders the venues; returns the size of the bundle in bytes."""
    query = select(Venue).where(venue.c.ej_id == ej_id).order_by(venue.c.id)
    if eager:
        query = query.options(selectinload(Venue.movements))
    with Session(engine) as session:
        entries = [{"resource": _encounter(entity)} for entity in session.scalars(query)]
    return len(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))


def patients(engine: Engine, ej_id: int, *, eager: bool) -> int:
    """Renders the patients; returns the size of the bundle in bytes."""
    query = select(Patient).where(patient.c.ej_id == ej_id).order_by(patient.c.id)
    if eager:
        query = query.options(selectinload(Patient.identifiers))
    with Session(engine) as session:
        entries = [{"resource": _patient(entity)} for entity in session.scalars(query)]
    return len(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))


def _encounter(entity: Venue) -> dict[str, Any]:
    moves = [m for m in entity.movements if m.state == "active"]
    return {
        "resourceType": "Encounter",
        "id": f"ven-{entity.id}",
        "identifier": [{"system": "urn:oid:1.2.3", "value": entity.venue_no}],
        "status": "finished" if moves and moves[-1].trigger_event == "A03" else "in-progress",
        "class": {"code": entity.patient_class},
        "subject": {"reference": f"Patient/pat-{entity.patient_id}"},
        "period": {"start": moves[0].started_at.isoformat() if moves else None},
        "location": [
            {
                "location": {"reference": f"Location/bed-{m.bed_id}"},
                "status": "completed",
                "period": {"start": m.started_at.isoformat()},
            }
            for m in moves
        ],
    }


def _patient(entity: Patient) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": f"pat-{entity.id}",
        "identifier": [{"system": i.system, "value": i.value} for i in entity.identifiers],
        "name": [{"use": "official", "family": entity.birth_family, "given": [entity.first_given]}],
        "gender": entity.gender,
        "birthDate": entity.birth_date.isoformat() if entity.birth_date else None,
        "address": [{"city": entity.city, "postalCode": entity.postal_code}],
    }
