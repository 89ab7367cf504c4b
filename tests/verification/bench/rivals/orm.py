"""The naive rival: ORM entities, dicts, json. What a first version usually looks like.

It makes the same resources as ours. So that nobody has to write them twice, entities become our rows, our
renderer makes resources of them, and these become dicts again: that takes less time than to build the dicts
in Python, which favours the rival by a little.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from fhirexport_server.domain.rows import (
    EjRow,
    MovementRow,
    OrgMemberRow,
    OrgUnitRow,
    PatientContactRow,
    PatientIdentifierRow,
    PatientRow,
    PlaceRow,
    Rendered,
    VenueRow,
)
from fhirexport_server.fhir.rendering import patients as patient_rendering
from fhirexport_server.fhir.rendering import structure as structure_rendering
from fhirexport_server.fhir.rendering import venues as venue_rendering
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.pam.movement_order import in_order
from fhirexport_server.store.schema import METADATA
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, foreign, registry, relationship, remote, selectinload

BASE_URL = "http://localhost:8000/fhir"
_TABLE = METADATA.tables


class Ej:
    """An entity."""


class Namespace:
    """An entity."""


class Unit:
    """An entity."""


class Member:
    """An entity."""


class Place:
    """An entity."""


class Patient:
    """An entity."""

    identifiers: Any
    contacts: Any


class Identifier:
    """An entity."""


class Contact:
    """An entity."""


class Venue:
    """An entity."""

    movements: Any


class Movement:
    """An entity."""


def map_entities() -> None:
    """Maps the entities to the tables. Once a process."""
    mapper = registry()
    unit, member, place = _TABLE["org_unit"].c, _TABLE["org_member"].c, _TABLE["place"].c
    patient, venue, movement = _TABLE["patient"].c, _TABLE["venue"].c, _TABLE["movement"].c
    identifier, contact = _TABLE["patient_identifier"].c, _TABLE["patient_contact"].c

    def many(entity: type, condition: Any, *order: Any) -> Any:  # noqa: ANN401 - as SQLAlchemy has them
        return relationship(entity, primaryjoin=condition, order_by=order, viewonly=True)

    def one(entity: type, condition: Any) -> Any:  # noqa: ANN401 - as above
        return relationship(entity, primaryjoin=condition, uselist=False, viewonly=True)

    for entity, table, properties in (
        (Ej, "ej", {}),
        (Namespace, "namespace", {}),
        (Identifier, "patient_identifier", {}),
        (Contact, "patient_contact", {}),
        (Movement, "movement", {}),
        (Member, "org_member", {"child": one(Unit, foreign(member.child_id) == remote(unit.id))}),
        (
            Unit,
            "org_unit",
            {
                "parent": one(Unit, foreign(unit.parent_id) == remote(unit.id)),
                "members": many(Member, unit.id == foreign(member.parent_id), member.child_id),
            },
        ),
        (
            Place,
            "place",
            {
                "parent": one(Place, foreign(place.parent_id) == remote(place.id)),
                "unit": one(Unit, foreign(place.uf_id) == remote(unit.id)),
            },
        ),
        (
            Patient,
            "patient",
            {
                "identifiers": many(Identifier, patient.id == foreign(identifier.patient_id), identifier.seq),
                "contacts": many(Contact, patient.id == foreign(contact.patient_id), contact.seq),
            },
        ),
        (
            Venue,
            "venue",
            {
                "movements": many(
                    Movement, venue.id == foreign(movement.venue_id), movement.started_at, movement.id
                )
            },
        ),
    ):
        mapper.map_imperatively(entity, _TABLE[table], properties=properties)


def structure_text(engine: Engine, ej_id: int) -> str:
    """Renders the structure; returns the bundle."""
    with Session(engine) as session:
        context = _context(session, ej_id)
        resources = [structure_rendering.ej(_row(EjRow, session.get_one(Ej, ej_id)))]
        for unit in _all(session, Unit, "org_unit", ej_id):
            row = _row(
                OrgUnitRow, unit, parent_kind=unit.parent and unit.parent.kind, depth=_depth(unit.parent)
            )
            members = [_row(OrgMemberRow, one, child_kind=one.child.kind) for one in unit.members]
            resources.append(structure_rendering.org_unit(row, members, context))
        for place in _all(session, Place, "place", ej_id):
            parent, unit = place.parent, place.unit
            row = _row(
                PlaceRow,
                place,
                parent_kind=parent and parent.kind,
                depth=_depth(parent),
                uf_kind=unit and unit.kind,
            )
            resources.append(structure_rendering.place(row, context))
        return _bundle(resources)


def patients(engine: Engine, ej_id: int, *, eager: bool) -> int:
    """Renders the patients; returns the size of the bundle in bytes."""
    return len(patients_text(engine, ej_id, eager=eager))


def patients_text(engine: Engine, ej_id: int, *, eager: bool) -> str:
    """Renders the patients; returns the bundle."""
    options = (selectinload(Patient.identifiers), selectinload(Patient.contacts)) if eager else ()
    with Session(engine) as session:
        context = _context(session, ej_id)
        return _bundle(
            patient_rendering.patient(
                _row(PatientRow, one),
                [_row(PatientIdentifierRow, part) for part in one.identifiers],
                [_row(PatientContactRow, part) for part in one.contacts],
                context,
            )
            for one in _all(session, Patient, "patient", ej_id, *options)
        )


def venues(engine: Engine, ej_id: int, *, eager: bool) -> int:
    """Renders the venues; returns the size of the bundle in bytes."""
    return len(venues_text(engine, ej_id, eager=eager))


def venues_text(engine: Engine, ej_id: int, *, eager: bool) -> str:
    """Renders the venues; returns the bundle."""
    options = (selectinload(Venue.movements),) if eager else ()
    with Session(engine) as session:
        context = _context(session, ej_id)
        return _bundle(
            venue_rendering.venue(
                _row(VenueRow, one),
                in_order([_row(MovementRow, part) for part in one.movements if part.state == "active"]),
                context,
            )
            for one in _all(session, Venue, "venue", ej_id, *options)
        )


def _all(session: Session, entity: Any, table: str, ej_id: int, *options: Any) -> Iterable[Any]:  # noqa: ANN401 - as above
    columns = _TABLE[table].c
    return session.scalars(
        select(entity).where(columns.ej_id == ej_id).order_by(columns.id).options(*options)
    )


def _context(session: Session, ej_id: int) -> EjContext:
    def pairs(table: str, key: str, value: str) -> Mapping[Any, Any]:
        columns = _TABLE[table].c
        query = select(columns[key], columns[value]).where(columns.ej_id == ej_id)
        return {row[0]: row[1] for row in session.execute(query)}

    ej = session.get_one(Ej, ej_id)
    return EjContext(
        ej_id=ej_id,
        base_url=BASE_URL,
        time_zone=ej.time_zone,  # type: ignore[attr-defined]  # mapped imperatively
        namespaces=pairs("namespace", "kind", "system"),
        units=pairs("org_unit", "id", "kind"),
        places=pairs("place", "id", "kind"),
    )


def _depth(parent: Any) -> int:  # noqa: ANN401 - as above
    return 1 if parent is None else 1 + _depth(parent.parent)


def _row(row_type: Any, entity: object, **computed: object) -> Any:  # noqa: ANN401 - as above
    values = (
        computed[name] if name in computed else _plain(getattr(entity, name)) for name in row_type._fields
    )
    return row_type._make(values)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return int(value.timestamp())
    return value.isoformat() if isinstance(value, date) else value


def _bundle(resources: Iterable[Rendered]) -> str:
    entries = [
        {"fullUrl": f"{BASE_URL}/{one.type}/{one.id}", "resource": json.loads(one.json)} for one in resources
    ]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
