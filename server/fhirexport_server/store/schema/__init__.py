"""The relational model: tables, checks, indexes and triggers, as SQLAlchemy Core metadata."""

from fhirexport_server.store.schema.base import METADATA
from fhirexport_server.store.schema.revisions import (
    database_incarnation,
    revision_base,
    revision_delta,
    revision_log,
    tombstone,
)
from fhirexport_server.store.schema.tables.answered_imports import import_request
from fhirexport_server.store.schema.tables.audit_log import cache_audit
from fhirexport_server.store.schema.tables.legal_entities import ej, namespace
from fhirexport_server.store.schema.tables.org_units import org_member, org_unit
from fhirexport_server.store.schema.tables.patient_parts import patient_contact, patient_identifier
from fhirexport_server.store.schema.tables.patients import patient
from fhirexport_server.store.schema.tables.physical_places import place
from fhirexport_server.store.schema.tables.venues import movement, venue

__all__ = [
    "METADATA",
    "cache_audit",
    "database_incarnation",
    "ej",
    "import_request",
    "movement",
    "namespace",
    "org_member",
    "org_unit",
    "patient",
    "patient_contact",
    "patient_identifier",
    "place",
    "revision_base",
    "revision_delta",
    "revision_log",
    "tombstone",
    "venue",
]
