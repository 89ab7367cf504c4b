"""The FHIR R4 resources that are exported, with only the properties in use: one Struct per type."""

from collections.abc import Sequence

from msgspec import Raw, field

from fhirexport_server.fhir.model import (
    Address,
    CodeableConcept,
    Coding,
    ContactPoint,
    Extension,
    FhirStruct,
    HumanName,
    Identifier,
    Period,
    Reference,
)


class Resource(FhirStruct, frozen=True, kw_only=True, tag_field="resourceType"):
    """The base of every resource."""

    id: str
    meta: Raw
    extension: Sequence[Extension] | None = None
    identifier: Sequence[Identifier] | None = None


class Organization(Resource, frozen=True, kw_only=True, tag="Organization"):
    """An EJ, or a unit below it."""

    active: bool
    type: Sequence[Raw]
    name: str
    telecom: Sequence[ContactPoint] | None = None
    address: Sequence[Address] | None = None
    part_of: Reference | None = None


class Position(FhirStruct, frozen=True, kw_only=True):
    """Where a place is, in degrees (WGS 84)."""

    longitude: float
    latitude: float


class Location(Resource, frozen=True, kw_only=True, tag="Location"):
    """A place."""

    status: str
    operational_status: Coding | None = None
    name: str
    description: str | None = None
    mode: str
    type: Sequence[Raw | CodeableConcept] | None = None
    telecom: Sequence[ContactPoint] | None = None
    physical_type: Raw
    position: Position | None = None
    managing_organization: Reference
    part_of: Reference | None = None


class PatientContact(FhirStruct, frozen=True, kw_only=True):
    """A contact person of a patient."""

    relationship: Sequence[Raw] | None = None
    name: HumanName | None = None
    telecom: Sequence[ContactPoint] | None = None
    address: Address | None = None


class PatientLink(FhirStruct, frozen=True, kw_only=True):
    """A link to another Patient that is the same person."""

    other: Reference
    type: str


class Patient(Resource, frozen=True, kw_only=True, tag="Patient"):
    """A patient in an EJ's identity domain."""

    active: bool
    name: Sequence[HumanName] | None = None
    telecom: Sequence[ContactPoint] | None = None
    gender: str | None = None
    birth_date: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    address: Sequence[Address] | None = None
    marital_status: Raw | None = None
    multiple_birth_integer: int | None = None
    contact: Sequence[PatientContact] | None = None
    managing_organization: Reference
    link: Sequence[PatientLink] | None = None


class StatusHistory(FhirStruct, frozen=True, kw_only=True):
    """A status that an Encounter had."""

    status: str
    period: Period


class ClassHistory(FhirStruct, frozen=True, kw_only=True):
    """A class that an Encounter had."""

    class_: Raw = field(name="class")
    period: Period


class Participant(FhirStruct, frozen=True, kw_only=True):
    """A person who takes part in an Encounter."""

    type: Sequence[Raw]
    individual: Reference


class Hospitalization(FhirStruct, frozen=True, kw_only=True):
    """How an Encounter began and ended."""

    origin: Reference | None = None
    admit_source: Raw | None = None
    destination: Reference | None = None
    discharge_disposition: Raw | None = None


class EncounterLocation(FhirStruct, frozen=True, kw_only=True):
    """A place of an Encounter: past, present or planned."""

    location: Reference
    status: str
    physical_type: Raw
    period: Period | None = None


class Encounter(Resource, frozen=True, kw_only=True, tag="Encounter"):
    """A venue, or one movement of it."""

    status: str
    status_history: Sequence[StatusHistory] | None = None
    class_: Raw = field(name="class")
    class_history: Sequence[ClassHistory] | None = None
    type: Sequence[Raw | CodeableConcept] | None = None
    service_type: Raw | None = None
    subject: Reference
    participant: Sequence[Participant] | None = None
    period: Period | Raw
    account: Sequence[Reference] | None = None
    hospitalization: Hospitalization | None = None
    location: Sequence[EncounterLocation] | None = None
    service_provider: Reference | None = None
    part_of: Reference | None = None
