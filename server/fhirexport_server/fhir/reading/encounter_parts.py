"""Owns reading what the Encounters of venues and of movements have in common."""

import re
from collections.abc import Sequence
from typing import Final

from fhirexport_server.fhir.reading import encounter_tables as tables
from fhirexport_server.fhir.reading import texts, times
from fhirexport_server.fhir.reading.codings import coding, concept, known_concept, plain_pair
from fhirexport_server.fhir.reading.drafts import Stop
from fhirexport_server.fhir.reading.element import Element
from fhirexport_server.fhir.reading.references import Ref, reference
from fhirexport_server.fhir.reading.resource import number
from fhirexport_server.fhir.reading.times import Span
from fhirexport_server.fhir.venue_codes import RPPS_SYSTEM

_USES: Final = {use: use for use in ("usual", "official", "temp", "secondary", "old")}
_RPPS: Final = re.compile(r"[0-9]{11}")
Number = tuple[str, str]
"""A value and its system."""
Attending = tuple[str | None, str | None]
"""RPPS number and name."""


def numbers(root: Element) -> dict[str, Number]:
    """Reads `identifier`: by kind of `codes.NAMESPACE_KIND`, the numbers that are kept."""
    found: dict[str, Number] = {}
    for one in root.children("identifier", needed=True):
        type_ = known_concept(one, "type", tables.NUMBER_TYPE)
        kind = None if type_ is None else _namespace(one, type_)
        if kind is None or kind in found:
            one.drop("is not kept: this service has no place for a number of this type, or one more")
            continue
        value = number(one, kind)
        if value is not None:
            found[kind] = value
    return found


def _namespace(one: Element, type_: str) -> str | None:
    use = texts.one_of(one, "use", _USES)
    if type_ == tables.VISIT:
        return "PREADMISSION" if use == "temp" else "VENUE"
    return "MOVEMENT" if type_ == tables.MOVEMENT else "NDA"


def class_code(element: Element) -> str | None:
    """Reads `class`, which is FHIR's; its list is extensible, but ours is what PV1-2 can say."""
    value = element.peek("class")
    if isinstance(value, dict) and len(value) == 2:  # noqa: PLR2004 - a system and a code
        system, code = value.get("system"), value.get("code")
        if isinstance(system, str) and isinstance(code, str) and (system, code) in tables.CLASS:
            element.skip("class")
            return code
    if "class" not in element:
        element.error("class", "is required")
        return None
    return coding(element, "class", tables.CLASS, required=True)


def stops(root: Element) -> tuple[Stop, ...]:
    """Reads `location`."""
    found = []
    for one in root.children("location"):
        place = reference(one, "location", "Location", needed=True)
        status = texts.one_of(one, "status", tables.STOP_STATUS) if "status" in one else None
        level = concept(one, "physicalType", tables.LEVEL) if "physicalType" in one else None
        during = times.span(one, "period") or Span()
        if place is not None:
            found.append(Stop(place, level if place.own is None else place.own.kind, status, during))
    return tuple(found)


def attending(root: Element) -> Attending | None:
    """Reads `participant`: the attending doctor alone is kept."""
    found: Attending | None = None
    for one in root.children("participant"):
        if found is None and any(plain_pair(type_) in tables.PARTICIPATION for type_ in _types(one)):
            one.skip("type")
            found = _doctor(one)
        else:
            one.drop("is not kept: only one attending doctor (ATND) is")
    return found


def _types(participant: Element) -> Sequence[object]:
    types = participant.peek("type")
    return types if isinstance(types, list) and len(types) == 1 else ()


def _doctor(participant: Element) -> Attending | None:
    individual = participant.child("individual", needed=True)
    if individual is None:
        return None
    if individual.string("type") not in {None, "Practitioner", "PractitionerRole"}:
        individual.error("type", "must be Practitioner")
    name = texts.label(individual, "display", 100)
    rpps: str | None = None
    if individual.peek_in("identifier", "system") == RPPS_SYSTEM:
        identifier = individual.child("identifier")
        if identifier is not None:
            identifier.skip("system", "type", "use")
            rpps = texts.matching(identifier, "value", _RPPS, "an RPPS number of eleven digits")
    if rpps is None and name is None:
        participant.warning("individual", "is not kept: neither an RPPS number nor a display says who it is")
        return None
    return rpps, name


def status(root: Element) -> str | None:
    """Reads `status`."""
    return texts.one_of(root, "status", tables.STATUS, needed=True)


def unit(root: Element) -> Ref | None:
    """Reads `serviceProvider`: the unit that has the medical responsibility."""
    return reference(root, "serviceProvider", "Organization")
