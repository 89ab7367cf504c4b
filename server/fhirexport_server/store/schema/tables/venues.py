"""The tables of the venues dataset. A venue's status, period and history follow from its movements."""

from sqlalchemy import Index, Table, UniqueConstraint

from fhirexport_server.domain import codes
from fhirexport_server.store.schema import base, checks
from fhirexport_server.store.schema.base import ENTITY, METADATA

_TYPE = "Encounter.type.coding.where(system.endsWith('{}')).code"
_ACTIVITY_TYPE = _TYPE.format("/fr-core-cs-type-activite")
_ACCOUNT_NUMBER = "Encounter.identifier.where(type.coding.code='AN').value"
_PLACE = "Encounter.location.location.reference"
_UNITS = {
    "uf_heb_id": ("The UF that accommodates the patient from then on", _TYPE.format("/accommodation-unit")),
    "uf_med_id": (
        "The UF with the medical responsibility from then on",
        "Encounter.serviceProvider.reference",
    ),
    "uf_care_id": ("The UF that cares for the patient from then on", _TYPE.format("/care-unit")),
}
_PLACES = {
    "uh_id": "The ward (UH) where the patient is from then on",
    "room_id": "The room where the patient is from then on",
    "bed_id": "The bed where the patient is from then on",
}
_FINISHED = "exported once the venue is finished"

venue = Table(
    "venue",
    METADATA,
    base.key("The number that FHIR's id ven-<id> is made of; kept for life", "Encounter.id"),
    base.owner(),
    base.reference("patient_id", "The patient whose stay it is", "Encounter.subject.reference", needed=True),
    base.text(
        "venue_no",
        "The EJ's number of the venue (VN); unique within the EJ",
        "Encounter.identifier.where(use='official').value",
        needed=True,
    ),
    base.text(
        "nda",
        "The number of the billing file that it is in (numero de dossier administratif)",
        _ACCOUNT_NUMBER,
        "Encounter.account.identifier.value",
    ),
    base.text(
        "preadmission_no",
        "The number that it had as a pre-admission",
        "Encounter.identifier.where(use='temp').value",
    ),
    base.text(
        "patient_class",
        "The class of patient (PV1-2) until a movement says another: E emergency, I inpatient, O"
        " outpatient, R recurring, V virtual",
        "Encounter.class.code",
        "Encounter.classHistory.class.code",
        needed=True,
    ),
    base.text(
        "admission_type",
        "How the patient was admitted (PV1-4: v2-0007, fr-core-cs-type-admission)",
        "Encounter.type.coding.code",
    ),
    base.text(
        "activity_type",
        "Type of activity (fr-core-cs-type-activite) until a movement says another",
        _ACTIVITY_TYPE,
    ),
    base.text(
        "service_discipline",
        "Discipline of service (fr-core-cs-discipline-prestation)",
        "Encounter.serviceType.coding.code",
    ),
    base.text(
        "admit_source",
        "Where the patient came from (PV1-14, v2-0023 as PAM France has it); 90 and 91 are exported as text",
        "Encounter.hospitalization.admitSource.coding.code",
        "Encounter.hospitalization.admitSource.text",
    ),
    base.instant(
        "expected_admit_at",
        "When the patient is expected; exported until a movement starts the stay",
        "Encounter.period.start",
    ),
    base.day(
        "expected_discharge_on",
        "When the discharge is expected",
        "Encounter.extension('fr-core-estimated-discharge-date').valueDate",
    ),
    base.text(
        "discharge_disposition",
        f"How the stay ended (PV1-36, fr-core-cs-circonstances-sortie); {_FINISHED}",
        "Encounter.hospitalization.dischargeDisposition.coding.code",
    ),
    base.text(
        "origin_finess",
        "FINESS number of the establishment that the patient came from",
        "Encounter.hospitalization.origin.identifier.value",
    ),
    base.text(
        "destination_finess",
        f"FINESS number of the establishment that the patient went to; {_FINISHED}",
        "Encounter.hospitalization.destination.identifier.value",
    ),
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
    comment="The venues: stays and visits of patients. A row becomes an Encounter, whose status, period,"
    " class and histories follow from its active movements",
    **ENTITY,
)

movement = Table(
    "movement",
    METADATA,
    base.key(
        "The number that FHIR's id mvt-<id> is made of, where movements are exported; kept for life",
        "Encounter.id",
    ),
    base.owner(),
    base.reference("venue_id", "The venue that it is a step of", "Encounter.partOf.reference", needed=True),
    base.text(
        "movement_no",
        "The EJ's number of the movement (MN); unique within the EJ",
        "Encounter.identifier.where(type.coding.code='MN').value",
        needed=True,
    ),
    base.instant(
        "started_at",
        "When it takes effect; the next movement ends it",
        "Encounter.period.start",
        "Encounter.period.end",
        "Encounter.statusHistory.period.start",
        "Encounter.classHistory.period.start",
        "Encounter.location.period.start",
        needed=True,
    ),
    base.text(
        "trigger_event",
        "The event (PAM): A05 pre-admission, A14 pending admission, A01 admission, A04 arrival of an"
        " outpatient or an emergency, A06 to inpatient, A07 to outpatient, A02 transfer, A54 another"
        " attending doctor, A15 pending transfer, A16 pending discharge, A21 leave, A22 return, A03"
        " discharge",
        _TYPE.format("/movement-event"),
        "Encounter.status",
        "Encounter.statusHistory.status",
        needed=True,
    ),
    base.text(
        "state",
        "Whether it counts: one that is cancelled is not exported and has never been for its venue, which is"
        " cancelled where no movement counts",
        "Encounter.status",
        needed=True,
        default="active",
    ),
    base.text(
        "nature",
        "What changes (ZBE-9), a set of letters; without H or L a transfer changes no place",
        _TYPE.format("/movement-nature"),
    ),
    base.text(
        "patient_class",
        "The class of patient (PV1-2) from then on; empty where it stays",
        "Encounter.class.code",
        "Encounter.classHistory.class.code",
    ),
    base.text(
        "activity_type",
        "Type of activity (fr-core-cs-type-activite) from then on; empty where it stays",
        _ACTIVITY_TYPE,
    ),
    *(base.reference(name, meaning, path) for name, (meaning, path) in _UNITS.items()),
    *(base.reference(name, meaning, _PLACE) for name, meaning in _PLACES.items()),
    base.text(
        "attending_rpps",
        "RPPS number of the attending doctor",
        "Encounter.participant.individual.identifier.value",
    ),
    base.text("attending_name", "Name of the attending doctor", "Encounter.participant.individual.display"),
    base.instant(
        "expected_return_at",
        "When a patient on leave is expected back, at the most precise place that it names",
        "Encounter.location.where(status='planned').period.start",
    ),
    base.flag(
        "derived",
        "Whether an import made it of the summary of a venue that came without movements; whoever writes real"
        " movements of that venue deletes it",
        needed=True,
        default="0",
    ),
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
    comment="The movements of venues, each the beginning of a period in which nothing changes. A row"
    " becomes an Encounter that is part of its venue's, where movements are asked for, and shapes the"
    " venue's",
    **ENTITY,
)
