"""Owns what an export shows of rows: the columns that it does not show, and those that it shows in part.

Reading an export gives these rows, not those that it was made of. What they differ in is not lost when an
export is imported again: only what was changed in it is written.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fhirexport_server.domain.codes import INS_KIND, PATIENT_CLASS
from fhirexport_server.domain.rows import (
    EjRow,
    MovementRow,
    OrgUnitRow,
    PatientIdentifierRow,
    PatientRow,
    VenueRow,
)
from fhirexport_server.fhir.rendering.identities import is_qualified
from fhirexport_server.pam.fold import fold
from fhirexport_server.pam.held_class import new_classes
from fhirexport_server.pam.situations import situations
from fhirexport_server.pam.slots import slots

_CLASS: Final = {fhir: ours for ours, fhir in reversed(PATIENT_CLASS.items())}


def ej(row: EjRow) -> EjRow:
    """What is shown of a legal entity."""
    first, second = _lines(row.address_line, row.address_line2)
    return row._replace(address_line=first, address_line2=second)


def unit(row: OrgUnitRow) -> OrgUnitRow:
    """What is shown of a unit."""
    first, second = _lines(row.address_line, row.address_line2)
    row = row._replace(address_line=first, address_line2=second)
    # An indicator is there or not: that a unit is known to lack it is not shown.
    return row._replace(
        is_heb=row.is_heb or None,
        is_soin=row.is_soin or None,
        is_admin=row.is_admin or None,
        is_med=row.is_med or None,
        is_tech=row.is_tech or None,
        is_medicotech=row.is_medicotech or None,
        is_mag=row.is_mag or None,
    )


def _lines(first: str | None, second: str | None) -> tuple[str | None, str | None]:
    """A second line without a first one is the first one."""
    return (second, None) if first is None else (first, second)


def patient(row: PatientRow) -> PatientRow:
    """What is shown of a patient, but for identifiers and contacts."""
    first, second = _lines(row.address_line, row.address_line2)
    born, precision = _partial(row.birth_date, row.birth_date_precision)
    # The instant is shown where there is one.
    died, known_to = _partial(row.deceased_on if row.deceased_at is None else None, row.deceased_on_precision)
    return row._replace(
        address_line=first,
        address_line2=second,
        birth_date=born,
        birth_date_precision=precision,
        # FHIR has one of both: when somebody died says that they did.
        deceased=row.deceased if row.deceased_at is None and died is None else True,
        deceased_on=died,
        deceased_on_precision=known_to,
    )


def _partial(day: str | None, precision: str) -> tuple[str | None, str]:
    """A date and its precision: what is not known of it is the first."""
    if day is None:
        return None, "D"
    return {"D": day, "M": f"{day[:7]}-01", "Y": f"{day[:4]}-01-01"}[precision], precision


def identifiers(patient: PatientRow, rows: Sequence[PatientIdentifierRow]) -> list[PatientIdentifierRow]:
    """Which of a patient's identifiers are shown: a matricule INS only of a qualified identity."""
    qualified = is_qualified(patient, rows)
    return [one for one in rows if qualified or one.kind not in INS_KIND]


def venue(row: VenueRow, movements: Sequence[MovementRow]) -> VenueRow:
    """What is shown of a venue.

    Args:
        row: the venue.
        movements: its active movements, in their order (`pam/movement_order.py`).
    """
    stay = fold(row, movements)
    finished = stay.status == "finished"
    begun = stay.status not in {"planned", "cancelled"}
    without_own = fold(row._replace(activity_type=None), movements).activity_type
    return row._replace(
        # Of the classes that are one in FHIR (O, R), the first; and as the first movement has it.
        patient_class=_first_class(row, movements),
        activity_type=row.activity_type if without_own is None else None,
        expected_admit_at=None if begun else row.expected_admit_at,
        discharge_disposition=row.discharge_disposition if finished else None,
        destination_finess=row.destination_finess if finished else None,
    )


def movements(venue: VenueRow, rows: Sequence[MovementRow], kinds: Mapping[int, str]) -> list[MovementRow]:
    """What is shown of a venue's movements.

    Args:
        venue: the venue.
        rows: its active movements, in their order (`pam/movement_order.py`).
        kinds: from a place's id to its kind.
    """
    shown = []
    codes = (
        (situation.movement.trigger_event, situation.class_code) for situation in situations(venue, rows)
    )
    new = new_classes(PATIENT_CLASS[_first_class(venue, rows)], codes)
    for row, code in zip(rows, new, strict=True):
        places = [place for place in (row.bed_id, row.room_id, row.uh_id) if place is not None]
        bed, room, uh = slots(places, kinds)
        patient_class = None if code is None else _CLASS[code]
        shown.append(row._replace(patient_class=patient_class, bed_id=bed, room_id=room, uh_id=uh))
    return shown


def classes(venue: VenueRow, rows: Sequence[MovementRow]) -> list[str]:
    """The class that each of a venue's movements shows, as a code of ours.

    Args:
        venue: the venue.
        rows: its active movements, in their order (`pam/movement_order.py`).
    """
    return [_CLASS[situation.class_code] for situation in situations(venue, rows)]


def _first_class(venue: VenueRow, movements: Sequence[MovementRow]) -> str:
    first = next(situations(venue, movements), None)
    return _CLASS[PATIENT_CLASS[venue.patient_class] if first is None else first.class_code]
