"""Reads the Encounter of a venue. The inverse of `fhir/rendering/venues.py`."""

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

# The stay has not begun: the start of its period is when the patient is expected.
_NOT_BEGUN: Final = ("planned", "cancelled")


def venue(root: Element, source: DraftOrigin) -> VenueDraft | None:
    """Read a venue's Encounter without its `resourceType` and `id`; None if it is refused."""
    profiles(root.child("meta"), (tables.ENCOUNTER,))
    if source.own is not None and source.own.kind != VENUE:
        root.error("id", "must be a venue's: the resource is no part of one")
    errors = root.errors
    kept_numbers = numbers(root, "VENUE")
    if "VENUE" not in kept_numbers and root.errors == errors:
        root.error("identifier", "must hold the venue's number (type VN, use other than temp)")
    current_status = status(root)
    if current_status == "entered-in-error":
        root.error("status", "must not be entered-in-error: delete the venue instead")
    classes = _class_history(root)
    current_class = class_code(root, needed=not classes) or (classes[-1][0] if classes else None)
    patient = reference(root, "subject", "Patient", needed=True)
    reaches = reach(root, "period", "start"), reach(root, "period", "end")
    period = _period(root)
    types = coded_types(root, tables.VENUE_TYPE)
    nda = _nda(root, kept_numbers.get("NDA"))
    hospitalization = _Hospitalization(root)
    extension = Extensions(root, tables.EXTENSIONS)
    expected_discharge_on = extension.day(code.EXPECTED_DISCHARGE)
    service_discipline = open_concept(root, "serviceType", code.SERVICE_DISCIPLINE_SYSTEM)
    doctor = attending(root)
    places = stops(root)
    statuses = _status_history(root)
    responsible = unit(root)
    if current_status is None or current_class is None or patient is None or "VENUE" not in kept_numbers:
        return None
    return VenueDraft(
        source=source,
        systems=tuple((kind, system) for kind, (_, system) in kept_numbers.items()),
        patient=patient,
        venue_no=kept_numbers["VENUE"][0],
        nda=nda,
        preadmission_no=kept_numbers["PREADMISSION"][0] if "PREADMISSION" in kept_numbers else None,
        patient_class=tables.PATIENT_CLASS[current_class],
        admission_type=types.get("admission_type"),
        activity_type=types.get("activity_type"),
        service_discipline=service_discipline,
        admit_source=hospitalization.admit_source,
        expected_admit_at=period.start if current_status in _NOT_BEGUN else None,
        expected_discharge_on=expected_discharge_on,
        discharge_disposition=hospitalization.disposition,
        origin_finess=hospitalization.origin,
        destination_finess=hospitalization.destination,
        summary=Summary(
            current_status, current_class, period, statuses, classes, places, responsible, doctor, *reaches
        ),
    )


def coded_types(root: Element, table: Table[tuple[str, str]]) -> dict[str, str]:
    """Read `type`: the values of its concepts, by column."""
    values: dict[str, str] = {}
    for type_ in root.children("type"):
        meaning = concept_of(type_, table)
        if meaning is None:
            continue
        column, value = meaning
        if column in values:
            type_.warning("", "is not kept: another type says the same")
        else:
            values[column] = value
    return values


def _period(root: Element) -> Interval:
    """Read `period`; it may say that it is unknown."""
    period = root.child("period", needed=True)
    if period is None:
        return Interval()
    absent = Extensions(period, (tables.DATA_ABSENT,)).only(tables.DATA_ABSENT)
    if absent is not None:
        absent.string("valueCode", needed=True)
    return times.interval_of(period)


def _nda(root: Element, identifier: Number | None) -> str | None:
    """The account's number, from the identifiers, from the reference to the account, or both."""
    account = root.only_child("account")
    if account is None:
        return None if identifier is None else identifier[0]
    account.skip("type", "display")
    account_identifier = account.child("identifier")
    if account_identifier is None:
        return None if identifier is None else identifier[0]
    account_identifier.skip("type", "use")
    account_number = number(account_identifier, "NDA")
    if identifier is not None and account_number is not None and account_number != identifier:
        account_identifier.error("value", "must be the number of the account (AN) among the identifiers")
    return (identifier or account_number or (None, None))[0]


class _Hospitalization:
    """The columns of `hospitalization`."""

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
    """The FINESS number of an establishment."""
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
        identifier.skip(*tuple(identifier.unread()))
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
    history = []
    for entry in root.children("statusHistory"):
        past_status, during = status(entry), times.interval(entry, "period", needed=True)
        if past_status is not None and during is not None:
            history.append((past_status, during))
    return tuple(history)


def _class_history(root: Element) -> tuple[tuple[str, Interval], ...]:
    history = []
    for entry in root.children("classHistory"):
        past_class, during = class_code(entry, needed=False), times.interval(entry, "period", needed=True)
        if past_class is not None and during is not None:
            history.append((past_class, during))
    return tuple(history)
