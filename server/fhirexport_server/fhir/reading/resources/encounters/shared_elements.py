"""Owns reading what the Encounters of venues and of movements have in common."""

import re
from typing import Final

from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.code_tables import concept
from fhirexport_server.fhir.reading.datatypes.dates import times
from fhirexport_server.fhir.reading.datatypes.dates.times import Interval
from fhirexport_server.fhir.reading.datatypes.references import Ref, is_resolvable, reference
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.resources.drafts import Stop
from fhirexport_server.fhir.reading.resources.encounters import encounter_tables as tables
from fhirexport_server.fhir.venue_codes import RPPS_SYSTEM

_ARRIVED: Final = ("arrived", "triaged")
_RPPS: Final = re.compile(r"[0-9]{11}")
Attending = tuple[str | None, str | None]
"""RPPS number and name."""


def stops(root: Element) -> tuple[Stop, ...]:
    """Read `location`."""
    found = []
    for one in root.children("location"):
        named = one.peek("location")
        if isinstance(named, dict) and named and not is_resolvable(named):
            one.drop("is not kept: it names no place by reference, or by identifier with system and value")
            continue
        place = reference(one, "location", "Location", needed=True)
        status = texts.one_of(one, "status", tables.STOP_STATUS) if "status" in one else None
        level = concept(one, "physicalType", tables.LEVEL) if "physicalType" in one else None
        during = times.span(one, "period") or Interval()
        if place is not None:
            found.append(Stop(place, level if place.own is None else place.own.kind, status, during))
    return tuple(found)


def attending(root: Element) -> Attending | None:
    """Read `participant`: the attending doctor alone is kept."""
    found: Attending | None = None
    for one in root.children("participant"):
        if found is None and _attends(one):
            one.skip("type")
            found = _doctor(one)
        else:
            one.drop("is not kept: only one attending doctor (ATND) is")
    return found


def _attends(participant: Element) -> bool:
    types = participant.peek("type")
    if not isinstance(types, list):
        return False
    codings = (one.get("coding") for one in types if isinstance(one, dict))
    each = (coding for some in codings if isinstance(some, list) for coding in some)
    pairs = ((one.get("system"), one.get("code")) for one in each if isinstance(one, dict))
    return any(pair in tables.PARTICIPATION for pair in pairs if all(isinstance(part, str) for part in pair))


def _doctor(participant: Element) -> Attending | None:
    individual = participant.child("individual")
    if individual is None:
        participant.drop("is not kept: it does not say who the attending doctor is")
        return None
    if individual.string("type") not in {None, "Practitioner", "PractitionerRole"}:
        individual.drop("is not kept: only a Practitioner is")
        return None
    name = texts.label(individual, "display", 100)
    rpps: str | None = None
    if individual.peek_in("identifier", "system") == RPPS_SYSTEM:
        identifier = individual.child("identifier")
        if identifier is not None:
            identifier.skip("system", "type", "use")
            value = identifier.peek("value")
            if isinstance(value, str) and _RPPS.fullmatch(value.strip()) is not None:
                identifier.skip("value")
                rpps = value.strip()
            else:
                identifier.drop("is not kept: an RPPS number has eleven digits")
    if rpps is None and name is None:
        participant.warning("individual", "is not kept: neither an RPPS number nor a display says who it is")
        return None
    return rpps, name


def status(root: Element) -> str | None:
    """Read `status`. Who has arrived, or been assessed, is there."""
    found = texts.one_of(root, "status", tables.STATUS, needed=True)
    if found in _ARRIVED:
        root.warning("status", "is kept as in-progress: this service does not tell them apart")
        return "in-progress"
    return found


def unit(root: Element) -> Ref | None:
    """Read `serviceProvider`: the unit that has the medical responsibility."""
    return reference(root, "serviceProvider", "Organization")
