"""The naive rival: ORM entities, dicts, json. What a first version usually looks like."""

import json
from datetime import date
from typing import Any

from fhirexport_server.store.schema import (
    movement,
    org_member,
    org_unit,
    patient,
    patient_identifier,
    place,
    venue,
)
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


class Member:
    """An entity."""


class Unit:
    """An entity."""

    id: int
    code: str
    name: str
    kind: str
    parent_id: int | None
    members: Any


class Place:
    """An entity."""

    id: int
    code: str
    name: str
    kind: str
    parent_id: int | None
    parent: Any


def map_entities() -> None:
    """Maps the entities to the tables. Once a process."""
    mapper = registry()
    mapper.map_imperatively(Movement, movement)
    mapper.map_imperatively(Identifier, patient_identifier)
    mapper.map_imperatively(Member, org_member)
    mapper.map_imperatively(
        Unit,
        org_unit,
        properties={
            "members": relationship(
                Member, primaryjoin=org_unit.c.id == foreign(org_member.c.parent_id), viewonly=True
            )
        },
    )
    mapper.map_imperatively(
        Place,
        place,
        properties={
            "parent": relationship(
                Place,
                primaryjoin=foreign(place.c.parent_id) == place.c.id,
                remote_side=place.c.id,
                viewonly=True,
            )
        },
    )
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


def structure_text(engine: Engine, ej_id: int) -> str:
    """Renders the structure; returns the bundle."""
    with Session(engine) as session:
        units = session.scalars(select(Unit).where(org_unit.c.ej_id == ej_id).order_by(org_unit.c.id))
        entries = [{"resource": _organization(entity)} for entity in units]
        places = session.scalars(select(Place).where(place.c.ej_id == ej_id).order_by(place.c.id))
        entries += [{"resource": _location(entity)} for entity in places]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


def venues(engine: Engine, ej_id: int, *, eager: bool) -> int:
    """Renders the venues; returns the size of the bundle in bytes."""
    return len(venues_text(engine, ej_id, eager=eager))


def venues_text(engine: Engine, ej_id: int, *, eager: bool) -> str:
    """Renders the venues; returns the bundle."""
    query = select(Venue).where(venue.c.ej_id == ej_id).order_by(venue.c.id)
    if eager:
        query = query.options(selectinload(Venue.movements))
    with Session(engine) as session:
        entries = [{"resource": _encounter(entity)} for entity in session.scalars(query)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


def patients(engine: Engine, ej_id: int, *, eager: bool) -> int:
    """Renders the patients; returns the size of the bundle in bytes."""
    return len(patients_text(engine, ej_id, eager=eager))


def patients_text(engine: Engine, ej_id: int, *, eager: bool) -> str:
    """Renders the patients; returns the bundle."""
    query = select(Patient).where(patient.c.ej_id == ej_id).order_by(patient.c.id)
    if eager:
        query = query.options(selectinload(Patient.identifiers))
    with Session(engine) as session:
        entries = [{"resource": _patient(entity)} for entity in session.scalars(query)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


def _organization(entity: Unit) -> dict[str, Any]:
    return {
        "resourceType": "Organization",
        "id": f"org-{entity.id}",
        "identifier": [{"system": "urn:oid:1.2.3", "value": entity.code}],
        "type": [{"coding": [{"code": entity.kind}]}],
        "name": entity.name,
        "partOf": {"reference": f"Organization/org-{entity.parent_id}"} if entity.parent_id else None,
        "contact": [{"name": {"text": str(member.child_id)}} for member in entity.members],
    }


def _location(entity: Place) -> dict[str, Any]:
    return {
        "resourceType": "Location",
        "id": f"loc-{entity.id}",
        "identifier": [{"system": "urn:oid:1.2.3", "value": entity.code}],
        "physicalType": {"coding": [{"code": entity.kind}]},
        "name": entity.name,
        "partOf": {"reference": f"Location/loc-{entity.parent.id}"} if entity.parent else None,
    }


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
