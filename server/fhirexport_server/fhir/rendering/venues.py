"""Renders a venue as an Encounter, and each of its movements as another."""

from collections.abc import Iterator, Sequence

from msgspec import Raw

from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.domain.rows import MovementRow, Rendered, VenueRow
from fhirexport_server.fhir import ids
from fhirexport_server.fhir import venue_codes as code
from fhirexport_server.fhir.codings import known, open_concept
from fhirexport_server.fhir.encoder import rendered
from fhirexport_server.fhir.model import CodeableConcept, Coding, Extension, Identifier, Reference
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.fhir.rendering.encounter_parts import attending, location, period, unit
from fhirexport_server.fhir.resources import (
    ClassHistory,
    Encounter,
    EncounterLocation,
    Hospitalization,
    StatusHistory,
)
from fhirexport_server.fhir.structure_codes import FINESS_SYSTEM
from fhirexport_server.pam.fold import Stay, fold
from fhirexport_server.pam.situations import Situation, situations


def venue(row: VenueRow, movements: Sequence[MovementRow], ctx: EjContext) -> Rendered:
    """Render a venue as an Encounter (fr-core-encounter) with its history.

    Args:
        row: The venue.
        movements: Its active movements, in their order (`pam/movement_order.py`).
        ctx: The context of the export.

    Raises:
        RowNotRenderableError: A row breaks a rule of FHIR or of the profile.
    """
    stay = fold(row, movements)
    logical_id = ids.venue_id(row.id)
    status_history = [
        StatusHistory(status=status, period=period(start, end, ctx))
        for status, start, end in stay.status_history
    ]
    class_history = [
        ClassHistory(class_=code.CLASS[value], period=period(start, end, ctx))
        for value, start, end in stay.class_history
    ]
    resource = Encounter(
        id=logical_id,
        meta=code.ENCOUNTER,
        extension=_expected_discharge(row),
        identifier=_venue_identifiers(row, ctx),
        status=stay.status,
        status_history=status_history or None,
        class_=code.CLASS[stay.class_code],
        class_history=class_history or None,
        type=_types(row, stay) or None,
        service_type=_service_type(row),
        subject=_subject(row),
        participant=None if stay.attending is None else [attending(*stay.attending)],
        period=code.UNKNOWN_PERIOD if stay.start is None else period(stay.start, stay.end, ctx),
        account=None if row.nda is None else [Reference(type="Account", identifier=_account(row.nda, ctx))],
        hospitalization=_hospitalization(row, stay),
        location=_locations(row, stay, ctx) or None,
        service_provider=unit(stay.responsible, ("venue", row.id), ctx),
    )
    return rendered("Encounter", logical_id, resource)


def movements(row: VenueRow, movements: Sequence[MovementRow], ctx: EjContext) -> Iterator[Rendered]:
    """Render each movement as an Encounter (fr-core-encounter) that is part of the venue's.

    It holds what the movement's own row says, nothing from earlier movements.

    Args:
        row: The venue.
        movements: Its active movements, in their order (`pam/movement_order.py`).
        ctx: The context of the export.

    Raises:
        RowNotRenderableError: A row breaks a rule of FHIR or of the profile.
    """
    subject = _subject(row)
    part_of = Reference(reference=f"Encounter/{ids.venue_id(row.id)}")
    for situation in situations(row, movements):
        yield _movement(situation, subject, part_of, ctx)


def _movement(situation: Situation, subject: Reference, part_of: Reference, ctx: EjContext) -> Rendered:
    row = situation.movement
    logical_id = ids.movement_id(row.id)
    participant = None
    if row.attending_rpps is not None or row.attending_name is not None:
        participant = [attending(row.attending_rpps, row.attending_name)]
    resource = Encounter(
        id=logical_id,
        meta=code.ENCOUNTER,
        identifier=[
            Identifier(type=code.MOVEMENT_NUMBER, system=ctx.systems["MOVEMENT"], value=row.movement_no)
        ],
        status=situation.status,
        class_=code.CLASS[situation.class_code],
        type=_movement_types(row, ctx),
        subject=subject,
        participant=participant,
        period=period(row.started_at, situation.end, ctx),
        location=_movement_locations(situation, ctx) or None,
        service_provider=unit(row.uf_med_id, ("movement", row.id), ctx),
        part_of=part_of,
    )
    return rendered("Encounter", logical_id, resource)


def _venue_identifiers(row: VenueRow, ctx: EjContext) -> list[Identifier]:
    systems = ctx.systems
    identifiers = [
        Identifier(use="official", type=code.VISIT_NUMBER, system=systems["VENUE"], value=row.venue_no)
    ]
    if row.preadmission_no is not None:
        # Not hospitalization.preAdmissionIdentifier: the profile fixes its system to a text that is no URI.
        identifiers.append(
            Identifier(
                use="temp", type=code.VISIT_NUMBER, system=systems["PREADMISSION"], value=row.preadmission_no
            )
        )
    if row.nda is not None:
        identifiers.append(_account(row.nda, ctx))
    return identifiers


def _account(nda: str, ctx: EjContext) -> Identifier:
    return Identifier(type=code.ACCOUNT_NUMBER, system=ctx.systems["NDA"], value=nda)


def _expected_discharge(row: VenueRow) -> list[Extension] | None:
    if row.expected_discharge_on is None:
        return None
    return [Extension(url=code.EXPECTED_DISCHARGE, value_date=row.expected_discharge_on)]


def _movement_types(row: MovementRow, ctx: EjContext) -> list[Raw | CodeableConcept]:
    """The event, nature, activity and units of a movement, for which R4 has no other element."""
    event = known(code.TRIGGERS, row.trigger_event, ("movement", row.id, "trigger_event"))
    types: list[Raw | CodeableConcept] = [_own(code.TRIGGER, event, ctx)]
    if row.nature is not None:
        nature = known(code.NATURES, row.nature, ("movement", row.id, "nature"))
        types.append(_own(code.NATURE, nature, ctx))
    types += _activity_type(row.activity_type, ("movement", row.id))
    for name, unit_id in ((code.CARE_UNIT, row.uf_care_id), (code.ACCOMMODATION_UNIT, row.uf_heb_id)):
        reference = unit(unit_id, ("movement", row.id), ctx)
        if reference is not None and reference.reference is not None:
            types.append(_own(name, reference.reference.removeprefix("Organization/"), ctx))
    return types


def _own(name: str, value: str, ctx: EjContext) -> CodeableConcept:
    return CodeableConcept(coding=[Coding(system=ctx.code_system(name), code=value)])


def _types(row: VenueRow, stay: Stay) -> list[Raw]:
    types = []
    if row.admission_type is not None:
        types.append(known(code.ADMISSION_TYPE, row.admission_type, ("venue", row.id, "admission_type")))
    return types + _activity_type(stay.activity_type, ("venue", row.id))


def _activity_type(activity_type: str | None, row: tuple[str, int]) -> list[Raw]:
    if activity_type is None:
        return []
    return [known(code.ACTIVITY_TYPE, activity_type, (*row, "activity_type"))]


def _service_type(row: VenueRow) -> Raw | None:
    if row.service_discipline is None:
        return None
    column = ("venue", row.id, "service_discipline")
    return open_concept(code.SERVICE_DISCIPLINE_SYSTEM, row.service_discipline, column)


def _subject(row: VenueRow) -> Reference:
    return Reference(reference=f"Patient/{ids.patient_id(row.patient_id)}")


def _hospitalization(row: VenueRow, stay: Stay) -> Hospitalization | None:
    # How a stay ends is not known before it has ended.
    is_over = stay.status == "finished"
    destination = row.destination_finess if is_over else None
    disposition = row.discharge_disposition if is_over else None
    if row.origin_finess is None and row.admit_source is None and destination is None and disposition is None:
        return None
    admit_source = None
    if row.admit_source is not None:
        admit_source = known(code.ADMIT_SOURCE, row.admit_source, ("venue", row.id, "admit_source"))
    discharge_disposition = None
    if disposition is not None:
        column = ("venue", row.id, "discharge_disposition")
        discharge_disposition = known(code.DISCHARGE_DISPOSITION, disposition, column)
    return Hospitalization(
        origin=_establishment(row.origin_finess),
        admit_source=admit_source,
        destination=_establishment(destination),
        discharge_disposition=discharge_disposition,
    )


def _establishment(finess: str | None) -> Reference | None:
    if finess is None:
        return None
    return Reference(type="Organization", identifier=Identifier(system=FINESS_SYSTEM, value=finess))


def _locations(row: VenueRow, stay: Stay, ctx: EjContext) -> list[EncounterLocation]:
    locations = [
        location(
            place, "active" if end is None else "completed", period(start, end, ctx), ("venue", row.id), ctx
        )
        for place, start, end in stay.places
    ]
    if stay.reserved is not None:
        place, start, end = stay.reserved
        locations.append(location(place, "reserved", period(start, end, ctx), ("venue", row.id), ctx))
    if stay.expected is not None:
        status = _announced_status(stay.expected, ctx)
        locations.append(location(stay.expected, status, None, ("venue", row.id), ctx))
    return locations


def _movement_locations(situation: Situation, ctx: EjContext) -> list[EncounterLocation]:
    """The places that a movement names, the most precise first."""
    row = situation.movement
    locations = []
    for place in (row.bed_id, row.room_id, row.uh_id):
        if place is not None:
            planned = situation.status == "planned"
            status = _announced_status(place, ctx) if planned else code.LOCATION_STATUS[situation.status]
            during = None if planned else period(row.started_at, situation.end, ctx)
            locations.append(location(place, status, during, ("movement", row.id), ctx))
    if row.expected_return_at is not None:
        locations.append(_return(row, row.expected_return_at, ctx))
    return locations


def _return(row: MovementRow, expected_at: int, ctx: EjContext) -> EncounterLocation:
    """The place where a patient on leave is expected, from the expected return on."""
    places = [place for place in (row.bed_id, row.room_id, row.uh_id) if place is not None]
    if not places:
        raise RowNotRenderableError("movement", row.id, "an expected return needs a place to return to")
    return location(places[0], "planned", period(expected_at, None, ctx), ("movement", row.id), ctx)


def _announced_status(place: int, ctx: EjContext) -> str:
    """Return the status of an announced place: a bed is reserved, a wider place only planned."""
    return "reserved" if ctx.places.get(place) == "BED" else "planned"
