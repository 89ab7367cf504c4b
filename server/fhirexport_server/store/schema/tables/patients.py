"""The table of patients."""

from sqlalchemy import Index, Table, UniqueConstraint

from fhirexport_server.domain import codes
from fhirexport_server.store.schema import base, checks
from fhirexport_server.store.schema.base import ENTITY, METADATA
from fhirexport_server.store.schema.column_types import SMALL

_BIRTH_NAME = "Patient.name.where(use='official')"
_USED_NAME = "Patient.name.where(use='usual')"
_BIRTH_PLACE = "Patient.extension('patient-birthPlace').valueAddress"
_RELIABILITY = "Patient.extension('fr-core-identity-reliability')"
_STATUS = f"{_RELIABILITY}.extension('identityStatus').valueCoding"
_PHONE = "Patient.telecom.where(system='phone').where(use='{}').value"
_PRECISION = (
    "How much of {} is known: D the day, M the month, Y the year; what is not known of it is left out"
)
_ATTRIBUTES = {
    "is_homonym": ("Whether others have the same traits (homonym)", "HOMA"),
    "is_fictitious": ("Whether the identity is fictitious", "FICT"),
    "is_doubtful": ("Whether the identity is doubtful", "DOUT"),
}
# fr-core-patient-ins allows no other way of validating a qualified identity.
_VALI_MODES = "'PA', 'CN', 'AN', 'LE'"

patient = Table(
    "patient",
    METADATA,
    base.key("The number that FHIR's id pat-<id> is made of; kept for life", "Patient.id"),
    base.owner(
        "Patient.managingOrganization.reference", meaning="The EJ whose identity domain the patient is in"
    ),
    base.text("birth_family", "Family name at birth", f"{_BIRTH_NAME}.family"),
    base.text("first_given", "First of the given names at birth", f"{_BIRTH_NAME}.given"),
    base.text(
        "birth_given_names",
        "All given names at birth, the first one too, with a blank between them",
        f"{_BIRTH_NAME}.extension('fr-core-patient-birth-list-given-name').valueString",
        f"{_BIRTH_NAME}.given",
    ),
    base.text("used_family", "Family name in use", f"{_USED_NAME}.family"),
    base.text("used_given", "Given name in use", f"{_USED_NAME}.given"),
    base.text("prefix", "Title, of the birth name where there is one", "Patient.name.prefix"),
    base.text("gender", "Administrative gender", "Patient.gender"),
    base.day("birth_date", "Date of birth", "Patient.birthDate"),
    base.text(
        "birth_date_precision", _PRECISION.format("birth_date"), "Patient.birthDate", needed=True, default="D"
    ),
    base.flag(
        "birth_date_corrected",
        "Whether the date of birth was corrected",
        "Patient.extension('fr-core-patient-birthdate-update-indicator').valueBoolean",
    ),
    base.text(
        "lunar_birth_date",
        "Date of birth in a lunar calendar, as it is written",
        "Patient.extension('fr-core-lunar-date').valueString",
    ),
    base.text(
        "birth_insee",
        "INSEE code of the commune of birth, or of the country where it is abroad",
        f"{_BIRTH_PLACE}.extension('fr-core-address-insee-code').valueCoding.code",
    ),
    base.text("birth_city", "Town of birth", f"{_BIRTH_PLACE}.city"),
    base.text("birth_country", "Country of birth, ISO 3166-1 alpha-3", f"{_BIRTH_PLACE}.country"),
    base.column(
        "multiple_birth", SMALL, "Rank in a multiple birth: 1 the first", "Patient.multipleBirthInteger"
    ),
    base.flag(
        "deceased",
        "Whether the patient has died; not exported beside a date of death, which says so",
        "Patient.deceasedBoolean",
    ),
    base.instant("deceased_at", "When the patient died, to the second", "Patient.deceasedDateTime"),
    base.day(
        "deceased_on",
        "The day of death; exported where deceased_at is empty",
        "Patient.deceasedDateTime",
    ),
    base.text(
        "deceased_on_precision",
        _PRECISION.format("deceased_on"),
        "Patient.deceasedDateTime",
        needed=True,
        default="D",
    ),
    base.text(
        "death_city",
        "Town of death",
        "Patient.extension('fr-core-patient-death-place').valueAddress.city",
    ),
    base.text(
        "identity_status",
        "Status of the identity (fr-core-cs-v2-0445): VALI is a qualified one, which is exported in the"
        " profile fr-core-patient-ins where all its traits and one matricule INS are there",
        f"{_STATUS}.code",
        "Patient.meta.profile",
    ),
    *(
        base.flag(
            name,
            f"{meaning}; only a true one is exported",
            f"{_STATUS}.where(code='{code}').code",
            needed=True,
            default="0",
        )
        for name, (meaning, code) in _ATTRIBUTES.items()
    ),
    base.text(
        "identity_method",
        "How the identity was collected (fr-core-cs-method-collection)",
        f"{_RELIABILITY}.extension('methodCollection').valueCoding.code",
    ),
    base.day(
        "identity_collected_on",
        "When the identity was collected",
        f"{_RELIABILITY}.extension('dateCollection').valueDate",
    ),
    base.day(
        "identity_validated_on",
        "When the identity was validated",
        f"{_RELIABILITY}.extension('validationDate').valueDate",
    ),
    base.text(
        "identity_validation_mode",
        "By what the identity was validated (fr-core-cs-mode-validation-identity)",
        f"{_RELIABILITY}.extension('validationMode').valueCoding.code",
    ),
    base.text(
        "marital_status",
        "Marital status (v3-MaritalStatus, PACS of fr-core-cs-marital-status, UNK of v3-NullFlavor)",
        "Patient.maritalStatus.coding.code",
    ),
    base.text(
        "nationality",
        "Nationality, ISO 3166-1 alpha-2",
        "Patient.extension('fr-core-patient-nationality').extension('code').valueCodeableConcept.coding.code",
    ),
    *base.address("Patient.address"),
    base.text("phone_home", "Telephone at home", _PHONE.format("home")),
    base.text("phone_mobile", "Mobile telephone", _PHONE.format("mobile")),
    base.text("phone_work", "Telephone at work", _PHONE.format("work")),
    base.text("email", "E-mail address", "Patient.telecom.where(system='email').value"),
    base.flag("active", "Whether the record is in use", "Patient.active", needed=True, default="1"),
    base.reference(
        "merged_into_id",
        "The patient that this one was merged into, of whom it is a duplicate",
        "Patient.link.other.reference",
    ),
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
    checks.rule(
        "official_name_whole",
        "(birth_family IS NULL) = (first_given IS NULL)",
        "birth_family and first_given are both there or both empty",
    ),
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
    checks.between("multiple_birth", 1, 20),
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
    checks.rule(
        "vali_mode",
        f"identity_status <> 'VALI' OR identity_validation_mode IN ({_VALI_MODES})",
        "where identity_status is VALI, identity_validation_mode is PA, CN, AN, LE or empty",
    ),
    checks.one_of("marital_status", codes.MARITAL_STATUS),
    checks.letters("nationality", 2),
    *base.address_rules(),
    checks.label("phone_home", 40),
    checks.label("phone_mobile", 40),
    checks.label("phone_work", 40),
    checks.label("email", 100),
    checks.flag("active"),
    checks.rule("merged_into_other", "merged_into_id <> id", "not the patient itself", of="merged_into_id"),
    comment="The patients in an EJ's identity domain. A row becomes a Patient",
    **ENTITY,
)
