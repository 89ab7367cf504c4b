"""Reads elements that the Encounters of venues and of movements share."""

import re
from math import inf
from typing import Final

from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.code_tables import concept
from fhirexport_server.fhir.reading.datatypes.dates import moments, times
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
    """Read `location`: places that cannot be resolved are discarded."""
    read_stops = []
    for location in root.children("location"):
        place_reference = location.peek("location")
        if isinstance(place_reference, dict) and place_reference and not is_resolvable(place_reference):
            location.drop(
                "is not kept: it names no place by reference, or by identifier with system and value"
            )
            continue
        place = reference(location, "location", "Location", needed=True)
        status = texts.one_of(location, "status", tables.STOP_STATUS) if "status" in location else None
        level = concept(location, "physicalType", tables.LEVEL) if "physicalType" in location else None
        during = times.interval(location, "period") or Interval()
        if place is not None:
            read_stops.append(Stop(place, level if place.own is None else place.own.kind, status, during))
    return tuple(read_stops)


def attending(root: Element) -> Attending | None:
    """Read `participant`: only the attending doctor is kept, of several the last one."""
    participants = root.children("participant")
    last_first = sorted(participants, key=_until, reverse=True)
    doctor: Attending | None = None
    for participant in last_first:
        if doctor is None and _attends(participant):
            participant.skip("type")
            doctor = _doctor(participant)
        else:
            participant.drop("is not kept: only one attending doctor (ATND) is")
    return doctor


def _until(participant: Element) -> float:
    """Return until when somebody takes part, in epoch seconds; infinity if it is not said."""
    end = moments.latest(participant.peek_in("period", "end"))
    return inf if end is None else end


def _attends(participant: Element) -> bool:
    types = participant.peek("type")
    if not isinstance(types, list):
        return False
    coding_lists = (type_.get("coding") for type_ in types if isinstance(type_, dict))
    codings = (coding for listed in coding_lists if isinstance(listed, list) for coding in listed)
    pairs = ((coding.get("system"), coding.get("code")) for coding in codings if isinstance(coding, dict))
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
    """Read `status`; arrived and triaged patients count as in progress."""
    code = texts.one_of(root, "status", tables.STATUS, needed=True)
    if code in _ARRIVED:
        root.warning("status", "is kept as in-progress: this service does not tell them apart")
        return "in-progress"
    return code


def unit(root: Element) -> Ref | None:
    """Read `serviceProvider`: the unit with the medical responsibility."""
    return reference(root, "serviceProvider", "Organization")
