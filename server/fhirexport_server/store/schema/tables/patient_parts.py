"""The tables of what a patient may have several of: identifiers and contacts."""

from sqlalchemy import ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table
from sqlalchemy import text as sql

from fhirexport_server.domain import codes
from fhirexport_server.store.schema import base, checks
from fhirexport_server.store.schema.base import METADATA, TABLE
from fhirexport_server.store.schema.column_types import SMALL

_USES = " OR ".join(
    f"(kind = '{kind}' AND use_code IN ({', '.join(map(repr, uses))}))"
    for kind, uses in codes.PATIENT_IDENTIFIER_USE.items()
)
_USES_IN_WORDS = ", ".join(
    f"{kind} {' or '.join(uses)}" for kind, uses in codes.PATIENT_IDENTIFIER_USE.items()
)
_SYSTEMS = " ".join(
    f"WHEN '{kind}' THEN system = '{system}'" for kind, system in codes.PATIENT_IDENTIFIER_SYSTEM.items()
)
_SYSTEMS_IN_WORDS = ", ".join(f"{kind} {system}" for kind, system in codes.PATIENT_IDENTIFIER_SYSTEM.items())
_INS_SYSTEMS = "urn:oid:1.2.250.1.213.1.4."
_NOT_INS = f"system NOT LIKE '{_INS_SYSTEMS}%'"
_SAID = "family, given, phone, email, address_line, postal_code, city"
_ROLES = (*codes.CONTACT_ROLE_CLASS, *codes.CONTACT_ROLE_LEGAL, *codes.CONTACT_ROLE_V2)


def _of_patient() -> ForeignKeyConstraint:
    return base.within_ej("patient_id", "patient", ondelete="CASCADE")


patient_identifier = Table(
    "patient_identifier",
    METADATA,
    base.owner(),
    base.reference("patient_id", "The patient whose Patient shows it", "Patient.identifier", needed=True),
    base.column("seq", SMALL, "Its place among the patient's, from the smallest up", needed=True),
    base.text(
        "kind",
        "What kind of number it is: IPP the patient's own in the EJ, INS-NIR and INS-NIA a matricule INS"
        " (which is exported with a qualified identity only), INS-NIR-TEST and INS-NIR-DEMO one of a test"
        " or demonstration, INS-C a calculated INS, NDP the pharmaceutical record's, RRI a regional"
        " registry's",
        "Patient.identifier.type.coding.code",
        needed=True,
    ),
    base.text("use_code", "Its use", "Patient.identifier.use", needed=True),
    base.text("system", "The system that it is a number of", "Patient.identifier.system", needed=True),
    base.text("value", "The number", "Patient.identifier.value", needed=True),
    base.day("assigned_on", "First day that it counts", "Patient.identifier.period.start"),
    base.day("ended_on", "Last day that it counts", "Patient.identifier.period.end"),
    base.updated_at(),
    PrimaryKeyConstraint("ej_id", "patient_id", "seq"),
    _of_patient(),
    checks.one_of("kind", codes.PATIENT_IDENTIFIER_USE),
    checks.rule("use_code_of_kind", _USES, f"by kind: {_USES_IN_WORDS}", of="use_code"),
    checks.uri("system"),
    checks.rule(
        "system_of_kind",
        f"CASE kind {_SYSTEMS} ELSE {_NOT_INS} END",
        f"by kind: {_SYSTEMS_IN_WORDS}, of others none that begins with {_INS_SYSTEMS}",
        of="system",
    ),
    checks.label("value", 64),
    checks.day("assigned_on"),
    checks.day("ended_on"),
    checks.rule("period", "ended_on >= assigned_on", "ended_on is not before assigned_on"),
    comment="The numbers of patients. System and value are unique within the EJ among those whose use_code"
    " is not old; a patient has one official number at most, and one of kind NDP. A row becomes an"
    " Identifier of the Patient",
    **TABLE,
)
_CURRENT = sql("use_code <> 'old'")
Index(
    "patient_identifier_lookup",
    patient_identifier.c.ej_id,
    patient_identifier.c.system,
    patient_identifier.c.value,
    unique=True,
    sqlite_where=_CURRENT,
    postgresql_where=_CURRENT,
)
# fr-core-patient has one at most.
_NDP = sql("kind = 'NDP'")
Index(
    "patient_identifier_ndp",
    patient_identifier.c.ej_id,
    patient_identifier.c.patient_id,
    unique=True,
    sqlite_where=_NDP,
    postgresql_where=_NDP,
)
# fr-core-patient-ins, invariant fr-core-2.
_OFFICIAL = sql("use_code = 'official'")
Index(
    "patient_identifier_official",
    patient_identifier.c.ej_id,
    patient_identifier.c.patient_id,
    unique=True,
    sqlite_where=_OFFICIAL,
    postgresql_where=_OFFICIAL,
)

patient_contact = Table(
    "patient_contact",
    METADATA,
    base.owner(),
    base.reference("patient_id", "The patient whose Patient shows it", "Patient.contact", needed=True),
    base.column("seq", SMALL, "Its place among the patient's, from the smallest up", needed=True),
    base.text(
        "role_code",
        "What the person is to the patient (TRE_R260, TRE_R217, v2-0131)",
        "Patient.contact.relationship.coding.code",
    ),
    base.text(
        "relation_code",
        "How the person is related to the patient (TRE_R216)",
        "Patient.contact.relationship.coding.code",
    ),
    base.text("family", "Family name", "Patient.contact.name.family"),
    base.text("given", "Given name", "Patient.contact.name.given"),
    base.text("phone", "Telephone", "Patient.contact.telecom.where(system='phone').value"),
    base.text("email", "E-mail address", "Patient.contact.telecom.where(system='email').value"),
    base.text("address_line", "Number and street", "Patient.contact.address.line"),
    base.text("postal_code", "Postal code", "Patient.contact.address.postalCode"),
    base.text("city", "Town", "Patient.contact.address.city"),
    base.updated_at(),
    PrimaryKeyConstraint("ej_id", "patient_id", "seq"),
    _of_patient(),
    checks.one_of("role_code", _ROLES),
    checks.one_of("relation_code", codes.CONTACT_RELATION),
    checks.label("family", 100),
    checks.label("given", 100),
    checks.label("phone", 40),
    checks.label("email", 100),
    checks.label("address_line"),
    checks.label("postal_code", 20),
    checks.label("city", 100),
    # FHIR R4 pat-1: a contact says at least a name, a telecom or an address.
    checks.rule("says_something", f"coalesce({_SAID}) IS NOT NULL", f"one of {_SAID} is there"),
    comment="The persons to turn to about a patient. A row becomes a contact of the Patient",
    **TABLE,
)
