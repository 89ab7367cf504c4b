"""Rows as the store gives them to the FHIR renderer: one flat tuple each.

A field has the name of its column (see `store/schema/`). Values are the same on every database:
  - an instant is in whole seconds since 1970-01-01T00:00:00Z (int),
  - a date is ISO text, `YYYY-MM-DD`,
  - a boolean is a `Flag`.
An absent value is None, never an empty string.
"""

from typing import Final, NamedTuple, TypeAlias

FIRST_DAY: Final = "1850-01-01"
LAST_DAY: Final = "2199-12-31"
"""Between which days every date and every instant is."""
Flag: TypeAlias = int
"""A boolean, which may arrive as 0 or 1: test its truth, do not print it. Compiled code checks types."""


class EjRow(NamedTuple):
    """A legal entity (EJ, entité juridique)."""

    id: int
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
    active: Flag
    time_zone: str


class OrgUnitRow(NamedTuple):
    """An organisational unit below an EJ: EG (site), pôle, service, UF, UAC and others.

    `parent_kind` is the parent's `kind`; None directly below the EJ. `depth` is 1 directly below the EJ,
    and None if the chain of parents never reaches the EJ (a cycle).
    """

    id: int
    kind: str
    parent_id: int | None
    parent_kind: str | None
    depth: int | None
    code: str
    finess: str | None
    siret: str | None
    idnatst: str | None
    name: str | None
    short_name: str | None
    legal_name: str | None
    description: str | None
    sae_category: str | None
    activity_type: str | None
    activity_field: str | None
    equipment_discipline: str | None
    places: int | None
    is_external: Flag | None
    requests_acts: Flag | None
    performs_acts: Flag | None
    is_heb: Flag | None
    is_soin: Flag | None
    is_admin: Flag | None
    is_med: Flag | None
    is_tech: Flag | None
    is_medicotech: Flag | None
    is_mag: Flag | None
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
    active: Flag


class OrgMemberRow(NamedTuple):
    """An attachment outside the main tree: `child` also belongs to `parent`."""

    parent_id: int
    child_id: int
    child_kind: str


class PlaceRow(NamedTuple):
    """A physical place: UH (unité d'hébergement), room, bed and others.

    `parent_kind` and `depth` are as in OrgUnitRow. `uf_kind` is the kind of the unit `uf_id`; None if there
    is no unit.
    """

    id: int
    kind: str
    parent_id: int | None
    parent_kind: str | None
    depth: int | None
    uf_id: int | None
    uf_kind: str | None
    code: str
    name: str | None
    description: str | None
    status: str
    operational_status: str | None
    room_type: str | None
    bed_position: str | None
    phone: str | None
    latitude: float | None
    longitude: float | None


class PatientRow(NamedTuple):
    """A patient in one EJ's identity domain."""

    id: int
    birth_family: str | None
    first_given: str | None
    birth_given_names: str | None
    used_family: str | None
    used_given: str | None
    prefix: str | None
    gender: str | None
    birth_date: str | None
    birth_date_precision: str
    birth_date_corrected: Flag | None
    lunar_birth_date: str | None
    birth_insee: str | None
    birth_city: str | None
    birth_country: str | None
    multiple_birth: int | None
    deceased: Flag | None
    deceased_at: int | None
    deceased_on: str | None
    deceased_on_precision: str
    death_city: str | None
    identity_status: str | None
    is_homonym: Flag
    is_fictitious: Flag
    is_doubtful: Flag
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
    active: Flag
    merged_into_id: int | None


class PatientIdentifierRow(NamedTuple):
    """One identifier of a patient, in the order of `seq`."""

    patient_id: int
    seq: int
    kind: str
    use_code: str
    system: str
    value: str
    assigned_on: str | None
    ended_on: str | None


class PatientContactRow(NamedTuple):
    """One contact of a patient, in the order of `seq`."""

    patient_id: int
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


class VenueRow(NamedTuple):
    """A venue: one stay or visit. What changes over time is in its movements."""

    id: int
    patient_id: int
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


class MovementRow(NamedTuple):
    """An active movement of a venue. Those of one venue are in the order of `pam/movement_order.py`."""

    venue_id: int
    id: int
    movement_no: str
    started_at: int
    trigger_event: str
    nature: str | None
    patient_class: str | None
    activity_type: str | None
    uf_heb_id: int | None
    uf_med_id: int | None
    uf_care_id: int | None
    uh_id: int | None
    room_id: int | None
    bed_id: int | None
    attending_rpps: str | None
    attending_name: str | None
    expected_return_at: int | None


class Batch(NamedTuple):
    """Rows to insert into one table, parents before children.

    A row is a dict from column to value. Columns are the fields above (without the computed
    `parent_kind`, `depth`, `uf_kind`, `child_kind`), `ej_id` on every table but `ej`, and `state` on
    `movement`; tables are `ej`, `namespace` (ej_id, kind, system), `org_unit`, `org_member`, `place`,
    `patient`, `patient_identifier`, `patient_contact`, `venue`, `movement`. Every row of a batch has
    the same columns. Here an instant is an aware datetime, whole seconds; a date is a
    datetime.date; a boolean is a bool.
    """

    table: str
    rows: list[dict[str, object]]


class Rendered(NamedTuple):
    """One FHIR resource, ready to be laid out."""

    type: str
    id: str
    json: bytes
    """Compact UTF-8 JSON of the resource."""
