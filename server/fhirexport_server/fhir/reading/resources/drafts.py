"""Drafts: rows that are not yet in the database, with references that are not yet resolved.

A field has the name of its column, and a value as in `domain/rows.py`. A column that names another row
(`parent_id`) is a Ref here (`parent`). `systems` holds the kinds of `codes.NAMESPACE_KIND` whose numbers the
draft has, each with the Identifier.system that came with it. `unsaid` holds the columns about which the
resource says nothing that can be kept: their stored values stay.
"""

from typing import NamedTuple

from fhirexport_server.fhir.reading.datatypes.dates.times import Interval
from fhirexport_server.fhir.reading.datatypes.own_ids import OwnId
from fhirexport_server.fhir.reading.datatypes.references import Ref

Systems = tuple[tuple[str, str], ...]
Partial = tuple[tuple[str, str], ...]
"""Columns whose day is less precise, each with the text that was sent: `YYYY` or `YYYY-MM`."""


class DraftOrigin(NamedTuple):
    """Where a draft comes from, and the row that it claims to be."""

    entry: int
    """The index of its entry or line, from 0."""
    path: str
    """The path of the resource, such as `Bundle.entry[3].resource`, or `Patient` in NDJSON."""
    own: OwnId | None
    """The row that its id names; None if only its numbers can tell."""
    key: str | None
    """The name that references of the same Bundle use: `<type>/<id>` below this server's base URL, otherwise
    the absolute URL or `urn:`; None if it has no such name."""


class EjDraft(NamedTuple):
    """A legal entity (EJ)."""

    source: DraftOrigin
    finess: str
    siren: str | None
    idnatst: str | None
    name: str
    legal_name: str | None
    short_name: str | None
    phone: str | None
    email: str | None
    address_line: str | None
    address_line2: str | None
    postal_code: str | None
    city: str | None
    insee_code: str | None
    country: str | None
    opened_on: str | None
    closed_on: str | None
    active: bool
    time_zone: str | None
    """None if the resource does not name one."""
    unsaid: frozenset[str] = frozenset()
    partial: Partial = ()


class OrgUnitDraft(NamedTuple):
    """An organisational unit. `parent` may name the EJ; None means directly below the EJ."""

    source: DraftOrigin
    systems: Systems
    kind: str
    parent: Ref | None
    members: tuple[Ref, ...]
    code: str
    finess: str | None
    siret: str | None
    idnatst: str | None
    name: str
    short_name: str | None
    legal_name: str | None
    description: str | None
    sae_category: str | None
    activity_type: str | None
    activity_field: str | None
    equipment_discipline: str | None
    places: int | None
    is_external: bool | None
    requests_acts: bool | None
    performs_acts: bool | None
    is_heb: bool | None
    is_soin: bool | None
    is_admin: bool | None
    is_med: bool | None
    is_tech: bool | None
    is_medicotech: bool | None
    is_mag: bool | None
    service_discipline: str | None
    rate: str | None
    phone: str | None
    email: str | None
    address_line: str | None
    address_line2: str | None
    postal_code: str | None
    city: str | None
    insee_code: str | None
    country: str | None
    opened_on: str | None
    closed_on: str | None
    active: bool
    unsaid: frozenset[str] = frozenset()
    partial: Partial = ()


class PlaceDraft(NamedTuple):
    """A physical place. `uf` may name the EJ, which means that no unit manages the place."""

    source: DraftOrigin
    systems: Systems
    kind: str
    parent: Ref | None
    uf: Ref | None
    code: str
    name: str
    description: str | None
    status: str
    operational_status: str | None
    room_type: str | None
    bed_position: str | None
    phone: str | None
    latitude: float | None
    longitude: float | None
    unsaid: frozenset[str] = frozenset()


class PatientIdentifierDraft(NamedTuple):
    """One identifier of a patient, in the order of `seq`, from 1."""

    seq: int
    kind: str
    use_code: str
    system: str
    value: str
    assigned_on: str | None
    ended_on: str | None
    partial: Partial = ()


class PatientContactDraft(NamedTuple):
    """One contact of a patient, in the order of `seq`, from 1."""

    seq: int
    role_code: str | None
    relation_code: str | None
    family: str | None
    given: str | None
    phone: str | None
    email: str | None
    address_line: str | None
    postal_code: str | None
    city: str | None


class PatientDraft(NamedTuple):
    """A patient. `ej` is the legal entity that it names as its own."""

    source: DraftOrigin
    ej: Ref | None
    identifiers: tuple[PatientIdentifierDraft, ...]
    contacts: tuple[PatientContactDraft, ...]
    birth_family: str | None
    first_given: str | None
    birth_given_names: str | None
    used_family: str | None
    used_given: str | None
    prefix: str | None
    gender: str | None
    birth_date: str | None
    birth_date_precision: str
    birth_date_corrected: bool | None
    lunar_birth_date: str | None
    birth_insee: str | None
    birth_city: str | None
    birth_country: str | None
    multiple_birth: int | None
    deceased: bool | None
    deceased_at: int | None
    deceased_on: str | None
    deceased_on_precision: str
    death_city: str | None
    identity_status: str | None
    is_homonym: bool
    is_fictitious: bool
    is_doubtful: bool
    identity_method: str | None
    identity_collected_on: str | None
    identity_validated_on: str | None
    identity_validation_mode: str | None
    marital_status: str | None
    nationality: str | None
    address_line: str | None
    address_line2: str | None
    postal_code: str | None
    city: str | None
    insee_code: str | None
    country: str | None
    phone_home: str | None
    phone_mobile: str | None
    phone_work: str | None
    email: str | None
    active: bool
    merged_into: Ref | None
    unsaid: frozenset[str] = frozenset()


class Stop(NamedTuple):
    """One `location` of an Encounter."""

    place: Ref
    level: str | None
    """The kind of place, if the reference or the physical type tells."""
    status: str | None
    """FHIR's status."""
    during: Interval


class Summary(NamedTuple):
    """What a venue's Encounter says that follows from its movements: compared with them, not stored."""

    status: str
    class_code: str
    """FHIR's code (v3-ActCode), as in `class_history`."""
    period: Interval
    status_history: tuple[tuple[str, Interval], ...]
    class_history: tuple[tuple[str, Interval], ...]
    places: tuple[Stop, ...]
    responsible: Ref | None
    attending: tuple[str | None, str | None] | None
    start_reach: Interval | None = None
    """The seconds that the period's start may mean, if it has no time."""
    end_reach: Interval | None = None


class VenueDraft(NamedTuple):
    """A venue. `patient_class` and `activity_type` are as shown, before `whole_stays.settle`."""

    source: DraftOrigin
    systems: Systems
    patient: Ref
    venue_no: str
    nda: str | None
    preadmission_no: str | None
    patient_class: str
    admission_type: str | None
    activity_type: str | None
    service_discipline: str | None
    admit_source: str | None
    expected_admit_at: int | None
    expected_discharge_on: str | None
    discharge_disposition: str | None
    origin_finess: str | None
    destination_finess: str | None
    summary: Summary


class StatedSituation(NamedTuple):
    """What a movement's Encounter says that follows from its stay: compared with it, not stored."""

    status: str
    class_code: str | None
    """FHIR's code (v3-ActCode); None if this service does not know it."""
    end: int | None
    places: tuple[Stop, ...]
    """Without the expected return."""


class MovementDraft(NamedTuple):
    """A movement. `patient_class` is as shown, before `whole_stays.settle`."""

    source: DraftOrigin
    systems: Systems
    venue: Ref
    patient: Ref | None
    movement_no: str
    started_at: int
    trigger_event: str | None
    """None if the Encounter does not name it: see `together/inference.py`."""
    state: str
    nature: str | None
    patient_class: str | None
    activity_type: str | None
    uf_heb: Ref | None
    uf_med: Ref | None
    uf_care: Ref | None
    uh: Ref | None
    room: Ref | None
    bed: Ref | None
    attending_rpps: str | None
    attending_name: str | None
    expected_return_at: int | None
    situation: StatedSituation
    start_reach: Interval | None = None
    """The seconds that `started_at` may mean, if it was sent without a time."""


Draft = EjDraft | OrgUnitDraft | PlaceDraft | PatientDraft | VenueDraft | MovementDraft
