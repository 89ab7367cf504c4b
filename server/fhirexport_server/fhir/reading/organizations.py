"""Owns reading an Organization: an EJ, or a unit below it. The inverse of `fhir/structure.py`."""

import re
from typing import Final, NamedTuple

from fhirexport_server.domain import codes
from fhirexport_server.fhir import structure_codes as code
from fhirexport_server.fhir.codings import TIME_ZONE
from fhirexport_server.fhir.reading import structure_tables as tables
from fhirexport_server.fhir.reading import texts
from fhirexport_server.fhir.reading.codings import concept_of, every, known_concept
from fhirexport_server.fhir.reading.contact_points import Points, only_address, telecom
from fhirexport_server.fhir.reading.drafts import EjDraft, OrgUnitDraft, Source
from fhirexport_server.fhir.reading.element import Element
from fhirexport_server.fhir.reading.extensions import Extensions
from fhirexport_server.fhir.reading.ids import EJ
from fhirexport_server.fhir.reading.references import Ref, reference
from fhirexport_server.fhir.reading.resource import number, profiles

_TELECOM: Final[Points] = {
    ("phone", "work"): "phone",
    ("phone", None): "phone",
    ("email", "work"): "email",
    ("email", None): "email",
}
_DIGITS: Final = {
    "SIREN": (re.compile(r"[0-9]{9}"), "nine digits"),
    "SIRET": (re.compile(r"[0-9]{14}"), "fourteen digits"),
}
# What stands for a needed value that was refused: the draft is, too, but all the rest is looked at.
_REFUSED: Final = ""


class _Numbers(NamedTuple):
    """The identifiers of an Organization."""

    national: dict[str, str]
    """By the code of the type."""
    own: tuple[str, str] | None
    """The number that the EJ gave it, and the number's system."""


def organization(root: Element, source: Source) -> EjDraft | OrgUnitDraft | None:
    """Reads an Organization, whose `resourceType` and `id` were read; None when it is refused."""
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


def _ej(root: Element, meta: Element | None, source: Source) -> EjDraft:
    national = _numbers(root, EJ).national
    extension = Extensions(root, tables.EJ_EXTENSIONS)
    in_use = extension.days(code.IN_USE)
    points = telecom(root, _TELECOM)
    address = only_address(root, "work")
    active = root.boolean("active")
    name = texts.label(root, "name", 200, needed=True)
    if "partOf" in root:
        root.skip("partOf")
        root.error("partOf", "must not be there: a legal entity is part of nothing here")
    return EjDraft(
        source=source,
        finess=national.get("FINEJ", _REFUSED),
        siren=national.get("SIREN"),
        idnatst=national.get("IDNST"),
        name=name or _REFUSED,
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
        time_zone=_time_zone(meta),
    )


def _time_zone(meta: Element | None) -> str | None:
    told = None if meta is None else Extensions(meta, {TIME_ZONE}).only(TIME_ZONE)
    zones = {zone: zone for zone in codes.TIME_ZONE}
    return None if told is None else texts.one_of(told, "valueCode", zones, needed=True)


def _unit(root: Element, source: Source, kind: str) -> OrgUnitDraft:
    numbers = _numbers(root, kind)
    extension = Extensions(root, tables.UNIT_EXTENSIONS[kind])
    in_use = extension.days(code.IN_USE)
    indicators = _indicators(extension)
    points = telecom(root, _TELECOM)
    address = only_address(root, "work")
    active = root.boolean("active")
    parent = reference(root, "partOf", "Organization")
    name = texts.label(root, "name", 200, needed=True)
    own, system = numbers.own or (_REFUSED, _REFUSED)
    return OrgUnitDraft(
        source=source,
        systems=((_namespace(kind), system),),
        kind=kind,
        parent=parent,
        members=_members(extension),
        code=own,
        finess=numbers.national.get("FINEG"),
        siret=numbers.national.get("SIRET"),
        idnatst=numbers.national.get("IDNST"),
        name=name or _REFUSED,
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
    )


def _kind(root: Element) -> str | None:
    """The kind of unit; the other types that an Organization has are given up."""
    errors = root.errors
    kinds = []
    for one in root.children("type", needed=True):
        kind = concept_of(one, tables.UNIT_KIND)
        if kind is not None:
            kinds.append(kind)
    if len(kinds) == 1:
        return kinds[0]
    if root.errors > errors:
        return None
    root.error("type", f"must be one code of {tables.UNIT_SYSTEM} for a kind of unit that this service holds")
    return None


def _namespace(kind: str) -> str:
    return code.UNIT_NAMESPACE.get(kind, "STRUCTURE")


def _numbers(root: Element, kind: str) -> _Numbers:
    """Sorts the identifiers: those of national systems by their type, the EJ's own by its system."""
    national: dict[str, str] = {}
    own: tuple[str, str] | None = None
    wanted = root.scope.context.systems.get(_namespace(kind))
    errors = root.errors
    for one in root.children("identifier"):
        type_ = known_concept(one, "type", tables.NATIONAL_TYPE)
        system = one.peek("system")
        if type_ is None and system not in tables.NATIONAL_SYSTEMS:
            if kind != EJ and own is None and wanted in (None, system):
                own = number(one, _namespace(kind))
            else:
                one.drop("is not kept: this service has no place for an identifier of this system")
        elif type_ is None:
            one.error("type", f"must say which number it is: {', '.join(tables.NATIONAL)}")
            one.skip("system", "value", "use")
        else:
            _national(one, type_, kind, national)
    if kind == EJ and "FINEJ" not in national and root.errors == errors:
        root.error("identifier", "must hold the FINESS number of the legal entity (type FINEJ)")
    if kind != EJ and own is None and root.errors == errors:
        root.error(
            "identifier", f"must hold the unit's own number{'' if wanted is None else f' of {wanted}'}"
        )
    return _Numbers(national, own)


def _national(one: Element, type_: str, kind: str, found: dict[str, str]) -> None:
    system, kinds = tables.NATIONAL[type_]
    if kind not in kinds:
        one.refuse("must not be there: a unit of this kind has no number of this type")
        return
    if type_ in found:
        one.drop("is not kept: only one number of each type is")
        return
    if one.string("system", needed=True) not in {None, system}:
        one.error("system", f"must be {system}")
    if one.string("use") not in {None, "official"}:
        one.error("use", "must be official")
    if type_ in tables.FINESS:
        value = texts.finess(one, "value")
    elif type_ in _DIGITS:
        value = texts.matching(one, "value", *_DIGITS[type_])
    else:
        value = texts.label(one, "value", 20, needed=True)
    if value is not None:
        found[type_] = value


def _indicators(extension: Extensions) -> set[str]:
    found: set[str] = set()
    for one in extension.all(tables.INDICATOR_URL):
        indicator = one.child("valueCodeableConcept", needed=True)
        if indicator is not None:
            found.update(every(indicator, tables.INDICATOR, required=True))
    return found


def _members(extension: Extensions) -> tuple[Ref, ...]:
    """The units that belong to this one beside the main tree, each once."""
    found: dict[object, Ref] = {}
    for one in extension.all(code.MEMBER):
        member = reference(one, "valueReference", "Organization", needed=True)
        if member is not None:
            found.setdefault(member.target, member)
    return tuple(found.values())
