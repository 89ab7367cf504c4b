"""Owns the tables of the patients dataset."""

from sqlalchemy import Column, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy import text as sql

from fhirexport_server.domain import codes
from fhirexport_server.store.schema import base, checks
from fhirexport_server.store.schema.base import ENTITY, METADATA, TABLE
from fhirexport_server.store.schema.column_types import BIG_ID, SMALL

_USES = " OR ".join(
    f"(kind = '{kind}' AND use_code IN ({', '.join(map(repr, uses))}))"
    for kind, uses in codes.PATIENT_IDENTIFIER_USE.items()
)
_SYSTEMS = " ".join(
    f"WHEN '{kind}' THEN system = '{system}'" for kind, system in codes.PATIENT_IDENTIFIER_SYSTEM.items()
)
_NOT_INS = "system NOT LIKE 'urn:oid:1.2.250.1.213.1.4.%'"
_SAID = "family, given, phone, email, address_line, postal_code, city"
_ROLES = (*codes.CONTACT_ROLE_CLASS, *codes.CONTACT_ROLE_LEGAL, *codes.CONTACT_ROLE_V2)
_ATTRIBUTES = ("is_homonym", "is_fictitious", "is_doubtful")
# fr-core-patient-ins allows no other way of validating a qualified identity.
_VALI_MODES = "'PA', 'CN', 'AN', 'LE'"


def _of_patient() -> ForeignKeyConstraint:
    return base.within_ej("patient_id", "patient", ondelete="CASCADE")


patient = Table(
    "patient",
    METADATA,
    base.key(),
    base.owner(),
    base.text("birth_family"),
    base.text("first_given"),
    base.text("birth_given_names"),
    base.text("used_family"),
    base.text("used_given"),
    base.text("prefix"),
    base.text("gender"),
    base.day("birth_date"),
    base.text("birth_date_precision", needed=True, default="D"),
    base.flag("birth_date_corrected"),
    base.text("lunar_birth_date"),
    base.text("birth_insee"),
    base.text("birth_city"),
    base.text("birth_country"),
    Column("multiple_birth", SMALL),
    base.flag("deceased"),
    base.instant("deceased_at"),
    # What is known of the date of death where its instant is not.
    base.day("deceased_on"),
    base.text("deceased_on_precision", needed=True, default="D"),
    base.text("death_city"),
    base.text("identity_status"),
    *(base.flag(name, needed=True, default="0") for name in _ATTRIBUTES),
    base.text("identity_method"),
    base.day("identity_collected_on"),
    base.day("identity_validated_on"),
    base.text("identity_validation_mode"),
    base.text("marital_status"),
    base.text("nationality"),
    *base.address(),
    base.text("phone_home"),
    base.text("phone_mobile"),
    base.text("phone_work"),
    base.text("email"),
    base.flag("active", needed=True, default="1"),
    Column("merged_into_id", BIG_ID),
    base.updated_at(),
    UniqueConstraint("ej_id", "id"),
    base.within_ej("merged_into_id", "patient"),
    Index(None, "merged_into_id"),
    checks.positive("id"),
    checks.label("birth_family", 100),
    checks.label("first_given", 100),
    checks.label("birth_given_names", 200),
    checks.only_with("birth_given_names", "birth_family IS NOT NULL"),
    # fr-core-human-name: an official name has both.
    checks.rule("official_name_whole", "(birth_family IS NULL) = (first_given IS NULL)"),
    checks.label("used_family", 100),
    checks.label("used_given", 100),
    checks.one_of("prefix", codes.PREFIX),
    checks.one_of("gender", codes.GENDER),
    checks.day("birth_date"),
    checks.one_of("birth_date_precision", codes.DATE_PRECISION),
    checks.flag("birth_date_corrected"),
    checks.label("lunar_birth_date", 40),
    checks.insee("birth_insee"),
    checks.label("birth_city", 100),
    checks.letters("birth_country", 3),
    checks.rule("multiple_birth_range", "multiple_birth BETWEEN 1 AND 20"),
    checks.flag("deceased"),
    checks.instant("deceased_at"),
    checks.day("deceased_on"),
    checks.one_of("deceased_on_precision", codes.DATE_PRECISION),
    checks.label("death_city", 100),
    checks.one_of("identity_status", codes.IDENTITY_STATUS),
    *(checks.flag(name) for name in _ATTRIBUTES),
    checks.one_of("identity_method", codes.IDENTITY_METHOD),
    checks.day("identity_collected_on"),
    checks.day("identity_validated_on"),
    checks.one_of("identity_validation_mode", codes.IDENTITY_VALIDATION_MODE),
    checks.rule("vali_mode", f"identity_status <> 'VALI' OR identity_validation_mode IN ({_VALI_MODES})"),
    checks.one_of("marital_status", codes.MARITAL_STATUS),
    checks.letters("nationality", 2),
    *base.address_rules(),
    checks.label("phone_home", 40),
    checks.label("phone_mobile", 40),
    checks.label("phone_work", 40),
    checks.label("email", 100),
    checks.flag("active"),
    checks.rule("merged_into_other", "merged_into_id <> id"),
    **ENTITY,
)

patient_identifier = Table(
    "patient_identifier",
    METADATA,
    base.owner(),
    Column("patient_id", BIG_ID, nullable=False),
    Column("seq", SMALL, nullable=False),
    base.text("kind", needed=True),
    base.text("use_code", needed=True),
    base.text("system", needed=True),
    base.text("value", needed=True),
    base.day("assigned_on"),
    base.day("ended_on"),
    base.updated_at(),
    PrimaryKeyConstraint("ej_id", "patient_id", "seq"),
    _of_patient(),
    checks.one_of("kind", codes.PATIENT_IDENTIFIER_USE),
    checks.rule("use_code_of_kind", _USES),
    checks.uri("system"),
    checks.rule("system_of_kind", f"CASE kind {_SYSTEMS} ELSE {_NOT_INS} END"),
    checks.label("value", 64),
    checks.day("assigned_on"),
    checks.day("ended_on"),
    checks.rule("period", "ended_on >= assigned_on"),
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
    Column("patient_id", BIG_ID, nullable=False),
    Column("seq", SMALL, nullable=False),
    base.text("role_code"),
    base.text("relation_code"),
    base.text("family"),
    base.text("given"),
    base.text("phone"),
    base.text("email"),
    base.text("address_line"),
    base.text("postal_code"),
    base.text("city"),
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
    checks.rule("says_something", f"coalesce({_SAID}) IS NOT NULL"),
    **TABLE,
)
