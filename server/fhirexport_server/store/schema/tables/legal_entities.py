"""The tables of an EJ as a whole: the legal entity and the systems of its numbers."""

from sqlalchemy import PrimaryKeyConstraint, Table, UniqueConstraint

from fhirexport_server.domain import codes
from fhirexport_server.store.schema import base, checks
from fhirexport_server.store.schema.base import ENTITY, METADATA, TABLE

_NUMBER = "Organization.identifier.where(type.coding.code='{}').value"

ej = Table(
    "ej",
    METADATA,
    base.key("The number that FHIR's id ej-<id> is made of; kept for life", "Organization.id"),
    base.text("finess", "FINESS number of the legal entity", _NUMBER.format("FINEJ"), needed=True),
    base.text("siren", "SIREN number", _NUMBER.format("SIREN")),
    base.text("idnatst", "National structure identifier (IDNST)", _NUMBER.format("IDNST")),
    base.text("name", "Usual name", "Organization.name", needed=True),
    base.text(
        "legal_name",
        "Legal name (raison sociale)",
        "Organization.extension('fr-core-organization-raison-sociale').valueString",
    ),
    base.text(
        "short_name",
        "Short name",
        "Organization.extension('fr-core-organization-short-name').valueString",
    ),
    base.text("phone", "Telephone", "Organization.telecom.where(system='phone').value"),
    base.text("email", "E-mail address", "Organization.telecom.where(system='email').value"),
    *base.address("Organization.address"),
    base.day(
        "opened_on", "First day in use", "Organization.extension('organization-period').valuePeriod.start"
    ),
    base.day("closed_on", "Last day in use", "Organization.extension('organization-period').valuePeriod.end"),
    base.flag("active", "Whether it is in use", "Organization.active", needed=True, default="1"),
    base.text(
        "time_zone",
        "The clock that the EJ lives by, as an IANA name: instants are exported with its offset."
        " It is told where it is not the one of most of France, or not the one of its department overseas",
        "Organization.meta.extension('timezone').valueCode",
        "Patient.deceasedDateTime",
        "Encounter.period.start",
        "Encounter.period.end",
        needed=True,
        default="Europe/Paris",
    ),
    base.updated_at(),
    UniqueConstraint("finess"),
    checks.positive("id"),
    checks.finess("finess"),
    checks.digits("siren", 9),
    checks.label("idnatst", 20),
    checks.label("name"),
    checks.label("legal_name"),
    checks.label("short_name", 100),
    checks.label("phone", 40),
    checks.label("email", 100),
    *base.address_rules(),
    checks.day("opened_on"),
    checks.day("closed_on"),
    checks.rule("period", "closed_on >= opened_on", "closed_on is not before opened_on"),
    checks.flag("active"),
    checks.one_of("time_zone", codes.TIME_ZONE),
    comment="The legal entities (entites juridiques, EJ) that run the hospitals. Every export is one EJ's."
    " A row becomes an Organization",
    **ENTITY,
)

_SYSTEMS = (
    "Organization.identifier.system",
    "Location.identifier.system",
    "Encounter.identifier.system",
    "Encounter.account.identifier.system",
)

namespace = Table(
    "namespace",
    METADATA,
    base.owner(),
    base.text(
        "kind",
        "Whose numbers the system is of: UF and UAC of such units, STRUCTURE of all other units, PLACE of"
        " places, VENUE of venues, PREADMISSION of their pre-admissions, NDA of their billing files, MOVEMENT"
        " of movements",
        *_SYSTEMS,
        needed=True,
    ),
    base.text("system", "The system that the numbers of this kind are exported in", *_SYSTEMS, needed=True),
    base.updated_at(),
    PrimaryKeyConstraint("ej_id", "kind"),
    checks.one_of("kind", codes.NAMESPACE_KIND),
    checks.uri("system"),
    comment="The system of an EJ's own numbers, one for each kind; a kind without a row has a system below"
    " BASE_URL",
    **TABLE,
)
