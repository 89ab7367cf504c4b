"""The tables of the venues dataset. A venue's status, period and history are a fold over its movements."""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from fhirexport_server.domain import codes
from fhirexport_server.store.schema import base, checks
from fhirexport_server.store.schema.base import ENTITY, METADATA
from fhirexport_server.store.schema.column_types import BIG_ID

_UNITS = ("uf_heb_id", "uf_med_id", "uf_care_id")
_PLACES = ("uh_id", "room_id", "bed_id")

venue = Table(
    "venue",
    METADATA,
    base.key(),
    base.owner(),
    Column("patient_id", BIG_ID, nullable=False),
    base.text("venue_no", needed=True),
    base.text("nda"),
    base.text("preadmission_no"),
    base.text("patient_class", needed=True),
    base.text("admission_type"),
    base.text("activity_type"),
    base.text("service_discipline"),
    base.text("admit_source"),
    base.instant("expected_admit_at"),
    base.day("expected_discharge_on"),
    base.text("discharge_disposition"),
    base.text("origin_finess"),
    base.text("destination_finess"),
    base.updated_at(),
    UniqueConstraint("ej_id", "id"),
    UniqueConstraint("ej_id", "venue_no"),
    base.within_ej("patient_id", "patient"),
    Index(None, "ej_id", "patient_id"),
    checks.positive("id"),
    checks.label("venue_no", 64),
    checks.label("nda", 64),
    checks.label("preadmission_no", 64),
    checks.one_of("patient_class", codes.PATIENT_CLASS),
    checks.one_of("admission_type", (*codes.ADMISSION_TYPE_V2, *codes.ADMISSION_TYPE_FR)),
    checks.one_of("activity_type", codes.ACTIVITY_TYPE),
    checks.code("service_discipline"),
    checks.one_of("admit_source", codes.ADMIT_SOURCE),
    checks.instant("expected_admit_at"),
    checks.day("expected_discharge_on"),
    checks.one_of("discharge_disposition", codes.DISCHARGE_DISPOSITION),
    checks.finess("origin_finess"),
    checks.finess("destination_finess"),
    **ENTITY,
)

movement = Table(
    "movement",
    METADATA,
    base.key(),
    base.owner(),
    Column("venue_id", BIG_ID, nullable=False),
    base.text("movement_no", needed=True),
    base.instant("started_at", needed=True),
    base.text("trigger_event", needed=True),
    base.text("state", needed=True, default="active"),
    base.text("nature"),
    base.text("patient_class"),
    base.text("activity_type"),
    *(Column(name, BIG_ID) for name in (*_UNITS, *_PLACES)),
    base.text("attending_rpps"),
    base.text("attending_name"),
    base.instant("expected_return_at"),
    # Made by an import of a venue that came without movements; what such a venue says is kept this way.
    base.flag("derived", needed=True, default="0"),
    base.updated_at(),
    UniqueConstraint("ej_id", "movement_no"),
    base.within_ej("venue_id", "venue", ondelete="CASCADE"),
    *(base.within_ej(name, "org_unit") for name in _UNITS),
    *(base.within_ej(name, "place") for name in _PLACES),
    # The order of the export, so that it needs no sort; it also serves the look-up of a venue's movements.
    Index("movement_export", "ej_id", "venue_id", "started_at", "id"),
    checks.positive("id"),
    checks.label("movement_no", 64),
    checks.instant("started_at"),
    checks.one_of("trigger_event", codes.TRIGGER_EVENT),
    checks.one_of("state", codes.MOVEMENT_STATE),
    checks.one_of("nature", codes.NATURE),
    checks.one_of("patient_class", codes.PATIENT_CLASS),
    checks.one_of("activity_type", codes.ACTIVITY_TYPE),
    checks.digits("attending_rpps", 11),
    checks.label("attending_name", 100),
    checks.instant("expected_return_at"),
    checks.only_with("expected_return_at", "coalesce(bed_id, room_id, uh_id) IS NOT NULL"),
    checks.flag("derived"),
    **ENTITY,
)
