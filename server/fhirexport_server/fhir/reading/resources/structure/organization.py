"""Reads an Organization: an EJ, or a unit below it. The inverse of `fhir/rendering/structure.py`."""

from dataclasses import replace
from typing import Final

from fhirexport_server.domain import codes
from fhirexport_server.fhir import structure_codes as code
from fhirexport_server.fhir.codings import TIME_ZONE
from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.addresses import only_address
from fhirexport_server.fhir.reading.datatypes.code_tables import concept_of, concepts_of
from fhirexport_server.fhir.reading.datatypes.contact_points import ANY_USE, Points, telecom
from fhirexport_server.fhir.reading.datatypes.extensions import Extensions
from fhirexport_server.fhir.reading.datatypes.own_ids import EJ
from fhirexport_server.fhir.reading.datatypes.references import Ref, reference
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.resources import common_elements
from fhirexport_server.fhir.reading.resources.common_elements import profiles
from fhirexport_server.fhir.reading.resources.drafts import DraftOrigin, EjDraft, OrgUnitDraft
from fhirexport_server.fhir.reading.resources.structure import organization_numbers
from fhirexport_server.fhir.reading.resources.structure import structure_tables as tables
from fhirexport_server.fhir.time_zones import time_zone_of

_TELECOM: Final[Points] = {
    ("phone", "work"): "phone",
    ("phone", ANY_USE): "phone",
    ("email", "work"): "email",
    ("email", ANY_USE): "email",
}
# Stands for a required value that was refused, and the draft with it, so that the rest is still checked.
_REFUSED: Final = ""


def organization(root: Element, source: DraftOrigin) -> EjDraft | OrgUnitDraft | None:
    """Read an Organization without its `resourceType` and `id`; None if it is refused."""
    meta = root.child("meta")
    claimed = profiles(meta, tables.UNIT_PROFILES)
    kind = _kind(root)
    if kind is None:
        root.abandon()
        return None
    if source.own is not None and source.own.kind != kind:
        root.error("type", "must be the kind of unit that the id names")
    for profile in claimed:
        kinds = tables.UNIT_PROFILES[profile]
        if kinds is not None and kind not in kinds:
            root.error("meta.profile", "must be a profile of this kind of unit")
    return _ej(root, meta, source) if kind == EJ else _unit(root, source, kind)


def _ej(root: Element, meta: Element | None, source: DraftOrigin) -> EjDraft:
    national = organization_numbers.numbers(root, EJ).national
    finess = national.get("FINEJ", _REFUSED)
    time_zone = _time_zone(meta)
    # The dates of the legal entity are in its own time zone.
    own_zone = time_zone or time_zone_of(finess) or root.scope.context.time_zone
    root.scope.context = replace(root.scope.context, time_zone=own_zone)
    extension = Extensions(root, tables.EJ_EXTENSIONS)
    in_use = extension.days(code.IN_USE)
    points = telecom(root, _TELECOM)
    address = only_address(root, "work")
    active = root.boolean("active")
    name = common_elements.name(root, finess)
    if "partOf" in root:
        root.skip("partOf")
        root.warning("partOf", "is not kept: a legal entity is part of nothing here")
    return EjDraft(
        source=source,
        finess=finess,
        siren=national.get("SIREN"),
        idnatst=national.get("IDNST"),
        name=name.text,
        legal_name=extension.text(code.LEGAL_NAME, 200),
        short_name=extension.text(code.SHORT_NAME, 100),
        phone=points.get("phone"),
        email=points.get("email"),
        address_line=address.address_line,
        address_line2=address.address_line2,
        postal_code=address.postal_code,
        city=address.city,
        insee_code=address.insee_code,
        country=address.country,
        opened_on=in_use.first,
        closed_on=in_use.last,
        active=active is not False,
        time_zone=time_zone,
        unsaid=frozenset() if name.is_said else frozenset(("name",)),
        partial=in_use.partial("opened_on", "closed_on"),
    )


def _time_zone(meta: Element | None) -> str | None:
    extension = None if meta is None else Extensions(meta, {TIME_ZONE}).only(TIME_ZONE)
    zones = {zone: zone for zone in codes.TIME_ZONE}
    return None if extension is None else texts.one_of(extension, "valueCode", zones, needed=True)


def _unit(root: Element, source: DraftOrigin, kind: str) -> OrgUnitDraft:
    numbers = organization_numbers.numbers(root, kind)
    extension = Extensions(root, tables.UNIT_EXTENSIONS[kind])
    in_use = extension.days(code.IN_USE)
    indicators = _indicators(extension)
    points = telecom(root, _TELECOM)
    address = only_address(root, "work")
    active = root.boolean("active")
    has_no_parent = "partOf" not in root
    parent = reference(root, "partOf", "Organization")
    own, system = numbers.own or (_REFUSED, _REFUSED)
    name = common_elements.name(root, own)
    unsaid = {"name": name.is_said, "parent_id": has_no_parent or parent is not None}
    return OrgUnitDraft(
        source=source,
        systems=((organization_numbers.namespace(kind), system),),
        kind=kind,
        parent=parent,
        members=_members(extension),
        code=own,
        finess=numbers.national.get("FINEG"),
        siret=numbers.national.get("SIRET"),
        idnatst=numbers.national.get("IDNST"),
        name=name.text,
        short_name=extension.text(code.SHORT_NAME, 100),
        legal_name=extension.text(code.LEGAL_NAME, 200),
        description=extension.text(code.DESCRIPTION, 1000, "valueMarkdown"),
        sae_category=extension.concept(code.SAE_CATEGORY, tables.SAE_CATEGORY),
        activity_type=extension.concept(code.ACTIVITY_TYPE, tables.ACTIVITY_TYPE),
        activity_field=extension.coding(code.ACTIVITY_FIELD, tables.ACTIVITY_FIELD),
        equipment_discipline=extension.open_coding(
            code.EQUIPMENT_DISCIPLINE, code.EQUIPMENT_DISCIPLINE_SYSTEM
        ),
        places=extension.integer(code.PLACES, 0, 10_000),
        is_external=extension.flag(code.IS_EXTERNAL),
        requests_acts=extension.flag(code.REQUESTS_ACTS),
        performs_acts=extension.flag(code.PERFORMS_ACTS),
        is_heb="HEB" in indicators or None,
        is_soin="SOIN" in indicators or None,
        is_admin="ADMIN" in indicators or None,
        is_med="MED" in indicators or None,
        is_tech="TECH" in indicators or None,
        is_medicotech="MEDICOTECH" in indicators or None,
        is_mag="MAG" in indicators or None,
        service_discipline=extension.open_coding(code.SERVICE_DISCIPLINE, code.SERVICE_DISCIPLINE_SYSTEM),
        rate=extension.coding(code.RATE, tables.RATE),
        phone=points.get("phone"),
        email=points.get("email"),
        address_line=address.address_line,
        address_line2=address.address_line2,
        postal_code=address.postal_code,
        city=address.city,
        insee_code=address.insee_code,
        country=address.country,
        opened_on=in_use.first,
        closed_on=in_use.last,
        active=active is not False,
        unsaid=frozenset(column for column, is_said in unsaid.items() if not is_said),
        partial=in_use.partial("opened_on", "closed_on"),
    )


def _kind(root: Element) -> str | None:
    """The kind of unit; other types of the Organization are discarded."""
    errors = root.errors
    kinds = []
    for type_ in root.children("type", needed=True):
        kind = concept_of(type_, tables.UNIT_KIND)
        if kind is not None:
            kinds.append(kind)
    if len(kinds) == 1:
        return kinds[0]
    if root.errors > errors:
        return None
    root.error("type", f"must be one code of {tables.UNIT_SYSTEM} for a kind of unit that this service holds")
    return None


def _indicators(extension: Extensions) -> set[str]:
    indicator_codes: set[str] = set()
    for indicator_extension in extension.all(tables.INDICATOR_URL):
        indicator = indicator_extension.child("valueCodeableConcept", needed=True)
        if indicator is not None:
            indicator_codes.update(concepts_of(indicator, tables.INDICATOR, required=True))
    return indicator_codes


def _members(extension: Extensions) -> tuple[Ref, ...]:
    """The units that are attached to this one beside the main tree, each once."""
    members: dict[object, Ref] = {}
    for member_extension in extension.all(code.MEMBER):
        member = reference(
            member_extension,
            "valueReference",
            "Organization",
            needed="valueReference" not in member_extension,
        )
        if member is not None:
            members.setdefault(member.target, member)
    return tuple(members.values())
