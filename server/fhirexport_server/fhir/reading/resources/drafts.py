"""Owns what is read: rows that are not yet in the database, with references that are not yet resolved.

A field's name is its column's name, and its value is as in `domain/rows.py`; a column that names another
row (`parent_id`) is a Ref here (`parent`). `systems` are the kinds of `codes.NAMESPACE_KIND` whose numbers
the draft holds, each with the Identifier.system that they came with. `unsaid` are columns of which the
resource says nothing that can be kept: what they hold stays.
"""

from typing import NamedTuple

from fhirexport_server.fhir.reading.datatypes.dates.times import Interval
from fhirexport_server.fhir.reading.datatypes.own_ids import OwnId
from fhirexport_server.fhir.reading.datatypes.references import Ref

Systems = tuple[tuple[str, str], ...]
Partial = tuple[tuple[str, str], ...]
"""Columns of days that are known less precisely, each with what is known: `YYYY` or `YYYY-MM`."""


class DraftOrigin(NamedTuple):
    """Where a draft comes from, and which row it is to be."""

    entry: int
    """The place of its entry or line, from 0."""
    path: str
    """Of the resource, such as `Bundle.entry[3].resource`, or `Patient` in NDJSON."""
    own: OwnId | None
    """The row that it is by its id; None when only its numbers can tell."""
    key: str | None
    """What references of the same Bundle call it: `<type>/<id>` below this server's base URL, otherwise
    its absolute URL or `urn:`; None when nothing can."""


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
    """None where nothing is said of it."""
    unsaid: frozenset[str] = frozenset()
    partial: Partial = ()


class OrgUnitDraft(NamedTuple):
    """An organisational unit. `parent` may name the EJ; without one it is directly below the EJ."""

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
    """A physical place. `uf` may name the EJ, which means that no unit manages it."""

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
    """A patient. `ej` is the identity domain that it says it belongs to."""

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
    """The kind of place, as far as the reference or its physical type tells."""
    status: str | None
    """FHIR's."""
    during: Interval


class Summary(NamedTuple):
    """What a venue's Encounter says of what its movements amount to: told, to be compared, not stored."""

    status: str
    class_code: str
    """FHIR's (v3-ActCode), as below."""
    period: Interval
    status_history: tuple[tuple[str, Interval], ...]
    class_history: tuple[tuple[str, Interval], ...]
    places: tuple[Stop, ...]
    responsible: Ref | None
    attending: tuple[str | None, str | None] | None
    start_reach: Interval | None = None
    """The seconds that the period's start may mean, where it is known to the day or less."""
    end_reach: Interval | None = None


class VenueDraft(NamedTuple):
    """A venue. `patient_class` and `activity_type` are what it shows, before `stays.settle`."""

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
    """What a movement's Encounter says of what it amounts to: told, to be compared, not stored."""

    status: str
    class_code: str | None
    """FHIR's (v3-ActCode); None where it is none of those known here."""
    end: int | None
    places: tuple[Stop, ...]
    """Without the expected return."""


class MovementDraft(NamedTuple):
    """A movement. `patient_class` is what it shows, before `stays.settle`."""

    source: DraftOrigin
    systems: Systems
    venue: Ref
    patient: Ref | None
    movement_no: str
    started_at: int
    trigger_event: str | None
    """None where it does not say so: see `inference`."""
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
    """The seconds that `started_at` may mean, where it is known to the day or less."""


Draft = EjDraft | OrgUnitDraft | PlaceDraft | PatientDraft | VenueDraft | MovementDraft
