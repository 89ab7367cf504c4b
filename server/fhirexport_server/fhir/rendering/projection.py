"""What an export shows of rows: some columns are not exported, others only in part.

Reading an export gives these rows, not the stored ones. The difference is not lost when an export is
imported again: an import writes only what differs from these.
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

_CLASS: Final = {fhir: value for value, fhir in reversed(PATIENT_CLASS.items())}


def ej(row: EjRow) -> EjRow:
    """Return a legal entity as an export shows it."""
    first, second = _lines(row.address_line, row.address_line2)
    return row._replace(address_line=first, address_line2=second)


def unit(row: OrgUnitRow) -> OrgUnitRow:
    """Return a unit as an export shows it."""
    first, second = _lines(row.address_line, row.address_line2)
    row = row._replace(address_line=first, address_line2=second)
    # FR Core has no way to say that a unit lacks an indicator.
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
    """Return both lines; a second line without a first one becomes the first."""
    return (second, None) if first is None else (first, second)


def patient(row: PatientRow) -> PatientRow:
    """Return a patient as an export shows it, without identifiers and contacts."""
    first, second = _lines(row.address_line, row.address_line2)
    birth_date, precision = _partial(row.birth_date, row.birth_date_precision)
    # If the instant is known, the day is not shown.
    death_date, death_precision = _partial(
        row.deceased_on if row.deceased_at is None else None, row.deceased_on_precision
    )
    return row._replace(
        address_line=first,
        address_line2=second,
        birth_date=birth_date,
        birth_date_precision=precision,
        # FHIR allows deceasedBoolean or deceasedDateTime, and the date says that the patient died.
        deceased=row.deceased if row.deceased_at is None and death_date is None else True,
        deceased_on=death_date,
        deceased_on_precision=death_precision,
    )


def _partial(day: str | None, precision: str) -> tuple[str | None, str]:
    """Return a date and its precision; an unknown month or day is the first one."""
    if day is None:
        return None, "D"
    return {"D": day, "M": f"{day[:7]}-01", "Y": f"{day[:4]}-01-01"}[precision], precision


def identifiers(patient: PatientRow, rows: Sequence[PatientIdentifierRow]) -> list[PatientIdentifierRow]:
    """Return the identifiers that an export shows: an INS matricule only if the identity is qualified."""
    qualified = is_qualified(patient, rows)
    return [row for row in rows if qualified or row.kind not in INS_KIND]


def venue(row: VenueRow, movements: Sequence[MovementRow]) -> VenueRow:
    """Return a venue as an export shows it.

    Args:
        row: The venue.
        movements: Its active movements, in their order (`pam/movement_order.py`).
    """
    stay = fold(row, movements)
    finished = stay.status == "finished"
    begun = stay.status not in {"planned", "cancelled"}
    movements_activity = fold(row._replace(activity_type=None), movements).activity_type
    return row._replace(
        # O and R are the same class in FHIR: O stands for both. The first movement decides the class.
        patient_class=_first_class(row, movements),
        activity_type=row.activity_type if movements_activity is None else None,
        expected_admit_at=None if begun else row.expected_admit_at,
        discharge_disposition=row.discharge_disposition if finished else None,
        destination_finess=row.destination_finess if finished else None,
    )


def movements(venue: VenueRow, rows: Sequence[MovementRow], kinds: Mapping[int, str]) -> list[MovementRow]:
    """Return a venue's movements as an export shows them.

    Args:
        venue: The venue.
        rows: Its active movements, in their order (`pam/movement_order.py`).
        kinds: The kind of each place, by its id.
    """
    shown_rows = []
    codes = (
        (situation.movement.trigger_event, situation.class_code) for situation in situations(venue, rows)
    )
    new_codes = new_classes(PATIENT_CLASS[_first_class(venue, rows)], codes)
    for row, code in zip(rows, new_codes, strict=True):
        places = [place for place in (row.bed_id, row.room_id, row.uh_id) if place is not None]
        bed, room, uh = slots(places, kinds)
        patient_class = None if code is None else _CLASS[code]
        shown_rows.append(row._replace(patient_class=patient_class, bed_id=bed, room_id=room, uh_id=uh))
    return shown_rows


def classes(venue: VenueRow, rows: Sequence[MovementRow]) -> list[str]:
    """Return the class that an export shows for each movement, as a code of `patient_class`.

    Args:
        venue: The venue.
        rows: Its active movements, in their order (`pam/movement_order.py`).
    """
    return [_CLASS[situation.class_code] for situation in situations(venue, rows)]


def _first_class(venue: VenueRow, movements: Sequence[MovementRow]) -> str:
    situation = next(situations(venue, movements), None)
    return _CLASS[PATIENT_CLASS[venue.patient_class] if situation is None else situation.class_code]
