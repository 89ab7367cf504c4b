"""Reading the Encounter of a venue. The inverse of `fhir/rendering/venues.py`, as far as a summary goes."""

from typing import Final

from fhirexport_server.fhir import venue_codes as code
from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.code_tables import Table, concept, concept_of, open_concept
from fhirexport_server.fhir.reading.datatypes.dates import times
from fhirexport_server.fhir.reading.datatypes.dates.precision import reach
from fhirexport_server.fhir.reading.datatypes.dates.times import Interval
from fhirexport_server.fhir.reading.datatypes.extensions import Extensions
from fhirexport_server.fhir.reading.datatypes.own_ids import VENUE
from fhirexport_server.fhir.reading.datatypes.references import reference
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.resources.common_elements import number, profiles
from fhirexport_server.fhir.reading.resources.drafts import DraftOrigin, Summary, VenueDraft
from fhirexport_server.fhir.reading.resources.encounters import encounter_tables as tables
from fhirexport_server.fhir.reading.resources.encounters.encounter_class import class_code
from fhirexport_server.fhir.reading.resources.encounters.encounter_numbers import Number, numbers
from fhirexport_server.fhir.reading.resources.encounters.shared_elements import attending, status, stops, unit
from fhirexport_server.fhir.structure_codes import FINESS_SYSTEM

# A stay that has not begun: the start of its period is when the patient is expected.
_NOT_BEGUN: Final = ("planned", "cancelled")


def venue(root: Element, source: DraftOrigin) -> VenueDraft | None:
    """Read a venue's Encounter, whose `resourceType` and `id` were read; None when it is refused."""
    profiles(root.child("meta"), (tables.ENCOUNTER,))
    if source.own is not None and source.own.kind != VENUE:
        root.error("id", "must be a venue's: the resource is no part of one")
    errors = root.errors
    found = numbers(root, "VENUE")
    if "VENUE" not in found and root.errors == errors:
        root.error("identifier", "must hold the venue's number (type VN, use other than temp)")
    now = status(root)
    if now == "entered-in-error":
        root.error("status", "must not be entered-in-error: delete the venue instead")
    classes = _class_history(root)
    shown = class_code(root, needed=not classes) or (classes[-1][0] if classes else None)
    patient = reference(root, "subject", "Patient", needed=True)
    reaches = reach(root, "period", "start"), reach(root, "period", "end")
    period = _period(root)
    types = coded_types(root, tables.VENUE_TYPE)
    nda = _nda(root, found.get("NDA"))
    hospitalization = _Hospitalization(root)
    extension = Extensions(root, tables.EXTENSIONS)
    expected_discharge_on = extension.day(code.EXPECTED_DISCHARGE)
    service_discipline = open_concept(root, "serviceType", code.SERVICE_DISCIPLINE_SYSTEM)
    doctor = attending(root)
    places = stops(root)
    statuses = _status_history(root)
    responsible = unit(root)
    if now is None or shown is None or patient is None or "VENUE" not in found:
        return None
    return VenueDraft(
        source=source,
        systems=tuple((kind, system) for kind, (_, system) in found.items()),
        patient=patient,
        venue_no=found["VENUE"][0],
        nda=nda,
        preadmission_no=found["PREADMISSION"][0] if "PREADMISSION" in found else None,
        patient_class=tables.PATIENT_CLASS[shown],
        admission_type=types.get("admission_type"),
        activity_type=types.get("activity_type"),
        service_discipline=service_discipline,
        admit_source=hospitalization.admit_source,
        expected_admit_at=period.start if now in _NOT_BEGUN else None,
        expected_discharge_on=expected_discharge_on,
        discharge_disposition=hospitalization.disposition,
        origin_finess=hospitalization.origin,
        destination_finess=hospitalization.destination,
        summary=Summary(now, shown, period, statuses, classes, places, responsible, doctor, *reaches),
    )


def coded_types(root: Element, table: Table[tuple[str, str]]) -> dict[str, str]:
    """Read `type`: what its concepts say, by column."""
    found: dict[str, str] = {}
    for one in root.children("type"):
        said = concept_of(one, table)
        if said is None:
            continue
        column, value = said
        if column in found:
            one.warning("", "is not kept: another type says the same")
        else:
            found[column] = value
    return found


def _period(root: Element) -> Interval:
    """When the stay was, as far as it says."""
    period = root.child("period", needed=True)
    if period is None:
        return Interval()
    absent = Extensions(period, (tables.DATA_ABSENT,)).only(tables.DATA_ABSENT)
    if absent is not None:
        absent.string("valueCode", needed=True)
    return times.span_of(period)


def _nda(root: Element, identifier: Number | None) -> str | None:
    """The account's number: among the identifiers, by the logical reference to the account, or both."""
    account = root.only_child("account")
    if account is None:
        return None if identifier is None else identifier[0]
    account.skip("type", "display")
    number_ = account.child("identifier")
    if number_ is None:
        return None if identifier is None else identifier[0]
    number_.skip("type", "use")
    said = number(number_, "NDA")
    if identifier is not None and said is not None and said != identifier:
        number_.error("value", "must be the number of the account (AN) among the identifiers")
    return (identifier or said or (None, None))[0]


class _Hospitalization:
    """What `hospitalization` says."""

    def __init__(self, root: Element) -> None:
        self.origin: str | None = None
        self.admit_source: str | None = None
        self.destination: str | None = None
        self.disposition: str | None = None
        element = root.child("hospitalization")
        if element is None:
            return
        self.origin = _establishment(element, "origin")
        text = element.peek_in("admitSource", "text")
        if isinstance(text, str) and text in tables.ADMIT_SOURCE_TEXT:
            element.skip("admitSource")
            self.admit_source = text
        else:
            self.admit_source = concept(element, "admitSource", tables.ADMIT_SOURCE)
        self.destination = _establishment(element, "destination")
        self.disposition = concept(element, "dischargeDisposition", tables.DISCHARGE_DISPOSITION)


def _establishment(element: Element, name: str) -> str | None:
    """An establishment, by its FINESS number."""
    if element.peek_in(name, "reference") is not None or element.peek_in(name, "identifier") is None:
        if name in element:
            element.skip(name)
            element.warning(name, "is not kept: only an identifier with a FINESS number is")
        return None
    target = element.child(name)
    identifier = None if target is None else target.child("identifier")
    if target is None or identifier is None:
        return None
    target.skip("display")
    if target.string("type") not in {None, "Organization"}:
        target.drop("is not kept: only an Organization is")
        identifier.skip(*tuple(identifier.whole()))
        return None
    if identifier.peek("system") != FINESS_SYSTEM:
        identifier.drop(f"is not kept: only a number of {FINESS_SYSTEM} is")
        return None
    value = identifier.peek("value")
    if not isinstance(value, str) or not texts.is_finess(value.strip()):
        identifier.drop("is not kept: it is no FINESS number")
        return None
    identifier.skip("system", "type", "use", "value")
    return value.strip()


def _status_history(root: Element) -> tuple[tuple[str, Interval], ...]:
    found = []
    for one in root.children("statusHistory"):
        was, during = status(one), times.span(one, "period", needed=True)
        if was is not None and during is not None:
            found.append((was, during))
    return tuple(found)


def _class_history(root: Element) -> tuple[tuple[str, Interval], ...]:
    found = []
    for one in root.children("classHistory"):
        was, during = class_code(one, needed=False), times.span(one, "period", needed=True)
        if was is not None and during is not None:
            found.append((was, during))
    return tuple(found)
