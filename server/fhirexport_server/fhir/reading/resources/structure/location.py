"""Reads a Location: a place. The inverse of `fhir/rendering/structure.py`."""

from typing import Final

from fhirexport_server.domain import codes
from fhirexport_server.fhir import structure_codes as code
from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.code_tables import coding, concept, concept_of
from fhirexport_server.fhir.reading.datatypes.contact_points import ANY_USE, Points, telecom
from fhirexport_server.fhir.reading.datatypes.extensions import Extensions
from fhirexport_server.fhir.reading.datatypes.references import reference
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.resources.common_elements import name as name_of
from fhirexport_server.fhir.reading.resources.common_elements import profiles
from fhirexport_server.fhir.reading.resources.drafts import DraftOrigin, PlaceDraft
from fhirexport_server.fhir.reading.resources.structure import structure_tables as tables
from fhirexport_server.fhir.reading.resources.structure.organization_numbers import own_number

_TELECOM: Final[Points] = {("phone", "work"): "phone", ("phone", ANY_USE): "phone"}
_STATUS: Final = {status: status for status in codes.PLACE_STATUS}
_MODE: Final = {"instance": "instance"}
# Stands for a required value that was refused, and the draft with it, so that the rest is still checked.
_REFUSED: Final = ""


def location(root: Element, source: DraftOrigin) -> PlaceDraft | None:
    """Read a Location without its `resourceType` and `id`; None if it is refused."""
    profiles(root.child("meta"), (tables.PLACE,))
    kind = _kind(root)
    if kind is None:
        root.abandon()
        return None
    if source.own is not None and source.own.kind != kind:
        root.error("type", "must be the kind of place that the id names")
    number, system = _number(root) or (_REFUSED, _REFUSED)
    known = {"ROOM": (code.ROOM_TYPE,), "BED": (code.BED_POSITION,)}.get(kind, ())
    extension = Extensions(root, known)
    name = name_of(root, number)
    status = texts.one_of(root, "status", _STATUS)
    texts.one_of(root, "mode", _MODE)
    operational_status = None
    if "operationalStatus" in root:
        operational_status = coding(root, "operationalStatus", tables.OPERATIONAL_STATUS)
    points = telecom(root, _TELECOM)
    latitude, longitude = _position(root)
    present = {name for name in ("partOf", "managingOrganization") if name in root}
    parent = reference(root, "partOf", "Location")
    uf = reference(root, "managingOrganization", "Organization")
    unsaid = {
        "name": name.is_said,
        "parent_id": parent is not None or "partOf" not in present,
        "uf_id": uf is not None or "managingOrganization" not in present,
    }
    return PlaceDraft(
        source=source,
        systems=(("PLACE", system),),
        kind=kind,
        parent=parent,
        uf=uf,
        code=number,
        name=name.text,
        description=texts.label(root, "description", 1000),
        status=status or "active",
        operational_status=operational_status,
        room_type=extension.coding(code.ROOM_TYPE, tables.ROOM_TYPE),
        bed_position=extension.coding(code.BED_POSITION, tables.BED_POSITION),
        phone=points.get("phone"),
        latitude=latitude,
        longitude=longitude,
        unsaid=frozenset(column for column, is_said in unsaid.items() if not is_said),
    )


def _position(root: Element) -> tuple[float | None, float | None]:
    """The latitude and longitude; both or neither."""
    position = root.child("position")
    if position is None:
        return None, None
    latitude = position.decimal("latitude", -90, 90)
    longitude = position.decimal("longitude", -180, 180)
    return (None, None) if latitude is None or longitude is None else (latitude, longitude)


def _kind(root: Element) -> str | None:
    """The kind of place, from its type, otherwise from its physical type."""
    errors = root.errors
    types = root.children("type")
    kinds = [
        kind for type_ in types for kind in [concept_of(type_, tables.PLACE_KIND, required=True)] if kind
    ]
    if types and len(kinds) != 1:
        if root.errors == errors:
            root.error("type", "must be one kind of place: what may be said of it depends on it")
        return None
    physical = concept(root, "physicalType", tables.PHYSICAL_TYPE)
    if kinds:
        if physical is not None and physical != tables.PHYSICAL[kinds[0]]:
            root.warning("physicalType", "is not kept: it follows from the type")
        return kinds[0]
    kind = None if physical is None else tables.KIND_OF_PHYSICAL_TYPE.get(physical)
    if kind is None:
        root.error("type", "is required, but where the physicalType says which kind of place it is")
    return kind


def _number(root: Element) -> tuple[str, str] | None:
    """The place's number, in the EJ's system for places; other identifiers are discarded."""
    errors = root.errors
    own = own_number(root.children("identifier"), "PLACE")
    if own is None and root.errors == errors:
        system = root.scope.context.systems.get("PLACE")
        root.error(
            "identifier", f"must hold the place's own number{'' if system is None else f' of {system}'}"
        )
    return own
