"""The tables of organizational units, from sites down to UACs."""

from sqlalchemy import Index, Integer, PrimaryKeyConstraint, Table, UniqueConstraint

from fhirexport_server.domain import codes
from fhirexport_server.store.schema import base, checks
from fhirexport_server.store.schema.base import ENTITY, METADATA, TABLE

_FR = "Organization.extension('fr-core-organization-{}').{}"
_NUMBER = "Organization.identifier.where(type.coding.code='{}').value"
_PERIOD = "Organization.extension('organization-period').valuePeriod"
_IS = {
    "is_external": ("Of a UF: whether it is external (UF externe)", "uf-externe"),
    "requests_acts": ("Of a UF: whether it asks for acts", "demandeuse-acte"),
    "performs_acts": ("Of a UF: whether it performs acts", "executante-acte"),
}
_INDICATORS = {
    "is_heb": ("accommodates patients (hebergement)", "HEB"),
    "is_soin": ("cares for patients (soin)", "SOIN"),
    "is_admin": ("is administrative", "ADMIN"),
    "is_med": ("is medical", "MED"),
    "is_tech": ("is technical", "TECH"),
    "is_medicotech": ("is medico-technical", "MEDICOTECH"),
    "is_mag": ("is a store (magasin)", "MAG"),
}
_UF_FLAGS = (*_IS, *_INDICATORS)
_UF_CODES = ("activity_type", "activity_field", "equipment_discipline", "places")

org_unit = Table(
    "org_unit",
    METADATA,
    base.key(
        "The number that FHIR's id is made of, after a word for the kind: eg-<id>, pole-<id>, uf-<id>; kept"
        " for life",
        "Organization.id",
    ),
    base.owner(
        "Organization.partOf.reference",
        meaning="The EJ that the unit belongs to; it is what a unit without a parent is part of",
    ),
    base.text(
        "kind",
        "What kind of unit it is: EG a site, POLE a group of services, UF the unit that activity is counted"
        " by, UAC a subdivision of a UF. It is part of the FHIR id, so that another kind is another"
        " Organization",
        "Organization.type.coding.code",
        "Organization.id",
        needed=True,
    ),
    base.reference(
        "parent_id",
        "The unit that it is part of; empty directly below the EJ. No cycles, 64 levels at most",
        "Organization.partOf.reference",
    ),
    base.text(
        "code",
        "The EJ's own number of the unit, in the system that namespace has for it; unique within EJ and kind",
        "Organization.identifier.value",
        needed=True,
    ),
    base.text("finess", "Of a site: FINESS number", _NUMBER.format("FINEG")),
    base.text("siret", "Of a site: SIRET number", _NUMBER.format("SIRET")),
    base.text("idnatst", "Of a site: national structure identifier (IDNST)", _NUMBER.format("IDNST")),
    base.text("name", "Name", "Organization.name", needed=True),
    base.text("short_name", "Short name", _FR.format("short-name", "valueString")),
    base.text(
        "legal_name", "Of a site: legal name (raison sociale)", _FR.format("raison-sociale", "valueString")
    ),
    base.text(
        "description",
        "What the unit does",
        "Organization.extension('extension-Organization.description').valueMarkdown",
    ),
    base.text(
        "sae_category",
        "Of a site: category of establishment (TRE_R66)",
        _FR.format("sae-categorie", "valueCodeableConcept.coding.code"),
    ),
    base.text(
        "activity_type",
        "Of a UF: type of activity (fr-core-cs-type-activite)",
        _FR.format("type-activite", "valueCodeableConcept.coding.code"),
    ),
    base.text(
        "activity_field",
        "Of a UF: field of activity (fr-core-cs-champ-activite)",
        _FR.format("champ-activite", "valueCoding.code"),
    ),
    base.text(
        "equipment_discipline",
        "Of a UF: discipline of equipment (fr-core-cs-discipline-equipement)",
        _FR.format("discipline-equipement", "valueCoding.code"),
    ),
    base.column(
        "places",
        Integer,
        "Of a UF: how many patients it can accommodate in theory, a number of places",
        _FR.format("place-hebergement-theorique", "valueInteger"),
    ),
    *(base.flag(name, meaning, _FR.format(end, "valueBoolean")) for name, (meaning, end) in _IS.items()),
    *(
        base.flag(
            name,
            f"Of a UF: whether it {what}; only a true one is exported",
            _FR.format("uf-indicateur", f"valueCodeableConcept.coding.where(code='{code}').code"),
        )
        for name, (what, code) in _INDICATORS.items()
    ),
    base.text(
        "service_discipline",
        "Of a UAC: discipline of service (fr-core-cs-discipline-prestation)",
        _FR.format("discipline-prestation", "valueCoding.code"),
    ),
    base.text(
        "rate",
        "Of a UAC: code of its rate (fr-core-cs-code-tarif-tnjp)",
        _FR.format("tarif", "valueCoding.code"),
    ),
    base.text("phone", "Telephone", "Organization.telecom.where(system='phone').value"),
    base.text("email", "E-mail address", "Organization.telecom.where(system='email').value"),
    *base.address("Organization.address"),
    base.day("opened_on", "First day in use", f"{_PERIOD}.start"),
    base.day("closed_on", "Last day in use", f"{_PERIOD}.end"),
    base.flag("active", "Whether it is in use", "Organization.active", needed=True, default="1"),
    base.updated_at(),
    UniqueConstraint("ej_id", "id"),
    UniqueConstraint("ej_id", "kind", "code"),
    base.within_ej("parent_id", "org_unit"),
    Index(None, "ej_id", "parent_id"),
    checks.positive("id"),
    checks.one_of("kind", codes.ORG_KIND),
    checks.rule("parent_other", "parent_id <> id", "not the unit itself", of="parent_id"),
    checks.label("code", 64),
    checks.finess("finess"),
    checks.digits("siret", 14),
    checks.label("idnatst", 20),
    checks.label("name"),
    checks.label("short_name", 100),
    checks.label("legal_name"),
    checks.label("description", 1000),
    checks.one_of("sae_category", codes.SAE_CATEGORY),
    *(checks.only_with(name, "kind = 'EG'") for name in ("finess", "siret", "idnatst", "sae_category")),
    checks.only_with("legal_name", "kind = 'EG'"),
    checks.one_of("activity_type", codes.ACTIVITY_TYPE),
    checks.one_of("activity_field", codes.ACTIVITY_FIELD),
    checks.code("equipment_discipline"),
    checks.between("places", 0, 10000),
    *(checks.flag(name) for name in _UF_FLAGS),
    *(checks.only_with(name, "kind = 'UF'") for name in (*_UF_CODES, *_UF_FLAGS)),
    checks.code("service_discipline"),
    checks.one_of("rate", codes.RATE),
    *(checks.only_with(name, "kind = 'UAC'") for name in ("service_discipline", "rate")),
    checks.label("phone", 40),
    checks.label("email", 100),
    *base.address_rules(),
    checks.day("opened_on"),
    checks.day("closed_on"),
    checks.rule("period", "closed_on >= opened_on", "closed_on is not before opened_on"),
    checks.flag("active"),
    comment="The units below an EJ: sites, poles, services, UF, UAC and their like. A row becomes an"
    " Organization",
    **ENTITY,
)

org_member = Table(
    "org_member",
    METADATA,
    base.owner(),
    base.reference(
        "parent_id",
        "The unit whose Organization names the other",
        "Organization.extension('fr-core-organization-member')",
        needed=True,
    ),
    base.reference(
        "child_id",
        "The unit that belongs to it as well",
        "Organization.extension('fr-core-organization-member').valueReference.reference",
        needed=True,
    ),
    base.updated_at(),
    PrimaryKeyConstraint("ej_id", "parent_id", "child_id"),
    base.within_ej("parent_id", "org_unit", ondelete="CASCADE"),
    base.within_ej("child_id", "org_unit", ondelete="CASCADE"),
    Index(None, "ej_id", "child_id"),
    checks.rule("other", "parent_id <> child_id", "parent_id and child_id are two units"),
    comment="Units that belong to another unit beside the tree of org_unit.parent_id. A row becomes an"
    " extension of the parent's Organization",
    **TABLE,
)
