"""Owns reading a Location: a place. The inverse of `fhir/structure.py`."""

from typing import Final

from fhirexport_server.domain import codes
from fhirexport_server.fhir import structure_codes as code
from fhirexport_server.fhir.reading import structure_tables as tables
from fhirexport_server.fhir.reading import texts
from fhirexport_server.fhir.reading.codings import coding, concept, concept_of
from fhirexport_server.fhir.reading.contact_points import Points, telecom
from fhirexport_server.fhir.reading.drafts import PlaceDraft, Source
from fhirexport_server.fhir.reading.element import Element
from fhirexport_server.fhir.reading.extensions import Extensions
from fhirexport_server.fhir.reading.references import reference
from fhirexport_server.fhir.reading.resource import number, profiles

_TELECOM: Final[Points] = {("phone", "work"): "phone", ("phone", None): "phone"}
_STATUS: Final = {status: status for status in codes.PLACE_STATUS}
_MODE: Final = {"instance": "instance"}
# What stands for a needed value that was refused: the draft is, too, but all the rest is looked at.
_REFUSED: Final = ""


def location(root: Element, source: Source) -> PlaceDraft | None:
    """Reads a Location, whose `resourceType` and `id` were read; None when it is refused."""
    profiles(root.child("meta"), (tables.PLACE,))
    kind = _kind(root)
    if kind is None:
        root.abandon()
        return None
    if source.own is not None and source.own.kind != kind:
        root.error("type", "must be the kind of place that the id names")
    own = _number(root)
    known = {"ROOM": (code.ROOM_TYPE,), "BED": (code.BED_POSITION,)}.get(kind, ())
    extension = Extensions(root, known)
    name = texts.label(root, "name", 200, needed=True)
    status = texts.one_of(root, "status", _STATUS)
    texts.one_of(root, "mode", _MODE)
    operational_status = None
    if "operationalStatus" in root:
        operational_status = coding(root, "operationalStatus", tables.OPERATIONAL_STATUS)
    points = telecom(root, _TELECOM)
    latitude = longitude = None
    position = root.child("position")
    if position is not None:
        latitude = position.decimal("latitude", -90, 90)
        longitude = position.decimal("longitude", -180, 180)
    parent = reference(root, "partOf", "Location")
    uf = reference(root, "managingOrganization", "Organization")
    number_, system = own or (_REFUSED, _REFUSED)
    return PlaceDraft(
        source=source,
        systems=(("PLACE", system),),
        kind=kind,
        parent=parent,
        uf=uf,
        code=number_,
        name=name or _REFUSED,
        description=texts.label(root, "description", 1000),
        status=status or "active",
        operational_status=operational_status,
        room_type=extension.coding(code.ROOM_TYPE, tables.ROOM_TYPE),
        bed_position=extension.coding(code.BED_POSITION, tables.BED_POSITION),
        phone=points.get("phone"),
        latitude=latitude,
        longitude=longitude,
    )


def _kind(root: Element) -> str | None:
    """The kind of place: by its type, or a unité d'hébergement by its physical type alone."""
    errors = root.errors
    types = root.children("type")
    found = [kind for one in types for kind in [concept_of(one, tables.PLACE_KIND, required=True)] if kind]
    physical = concept(root, "physicalType", tables.PHYSICAL_TYPE)
    if types:
        if len(found) != 1 and root.errors > errors:
            return None
        if len(found) != 1:
            root.error("type", "must be one kind of place: what may be said of it depends on it")
            return None
        if physical is not None and physical != tables.PHYSICAL[found[0]]:
            root.warning("physicalType", "is not kept: it follows from the type")
        return found[0]
    if physical == tables.WARD:
        return "UH"
    root.error("type", "is required, but for a unité d'hébergement, whose physicalType is wa")
    return None


def _number(root: Element) -> tuple[str, str] | None:
    """The place's number, by the EJ's system for places; other identifiers are given up."""
    wanted = root.scope.context.systems.get("PLACE")
    own: tuple[str, str] | None = None
    errors = root.errors
    for one in root.children("identifier"):
        if own is None and wanted in (None, one.peek("system")):
            own = number(one, "PLACE")
        else:
            one.drop("is not kept: this service has no place for an identifier of this system")
    if own is None and root.errors == errors:
        root.error(
            "identifier", f"must hold the place's own number{'' if wanted is None else f' of {wanted}'}"
        )
    return own
