"""Owns what an export shows of rows: the columns that it does not show, and those that it shows in part.

This is the one list of what a round trip through FHIR cannot bring back.
"""

from collections.abc import Mapping, Sequence

from fhir_reading.hospital_rows import EjRows
from fhirexport_server.domain.codes import INS_KIND, PATIENT_CLASS
from fhirexport_server.domain.rows import (
    EjRow,
    MovementRow,
    OrgUnitRow,
    PatientRow,
    VenueRow,
)
from fhirexport_server.fhir.fold import fold
from fhirexport_server.fhir.identities import is_qualified
from fhirexport_server.fhir.situations import situations

CLASS = {fhir: ours for ours, fhir in reversed(PATIENT_CLASS.items())}


def shown(rows: EjRows) -> EjRows:
    """Returns the rows that an export of these cannot be told from.

    - A `namespace` of which there is no number is not shown.
    - Cancelled movements are not shown (they are not among the rows).
    - Of `seq`, only the order is.
    """
    qualified = {
        patient.id
        for patient in rows.patients
        if is_qualified(patient, [one for one in rows.identifiers if one.patient_id == patient.id])
    }
    identifiers = [one for one in rows.identifiers if one.patient_id in qualified or one.kind not in INS_KIND]
    return rows._replace(
        ej=_ej(rows.ej),
        units=[_unit(unit) for unit in rows.units],
        members=[member for unit in rows.units for member in rows.members if member.parent_id == unit.id],
        patients=[_patient(patient) for patient in rows.patients],
        identifiers=[
            one._replace(seq=1 + sum(other.patient_id == one.patient_id for other in identifiers[:place]))
            for place, one in enumerate(identifiers)
        ],
        contacts=[
            one._replace(seq=1 + sum(other.patient_id == one.patient_id for other in rows.contacts[:place]))
            for place, one in enumerate(rows.contacts)
        ],
        venues=[_venue(venue, rows.of_venue(venue)) for venue in rows.venues],
        movements=[
            movement for venue in rows.venues for movement in _movements(venue, rows.of_venue(venue), rows)
        ],
    )


def _ej(row: EjRow) -> EjRow:
    first, second = _lines(row.address_line, row.address_line2)
    return row._replace(address_line=first, address_line2=second)


def _unit(row: OrgUnitRow) -> OrgUnitRow:
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


def _patient(row: PatientRow) -> PatientRow:
    first, second = _lines(row.address_line, row.address_line2)
    born, precision = row.birth_date, row.birth_date_precision
    if born is None:
        precision = "D"
    else:
        born = {"D": born, "M": f"{born[:7]}-01", "Y": f"{born[:4]}-01-01"}[precision]
    return row._replace(
        address_line=first,
        address_line2=second,
        birth_date=born,
        birth_date_precision=precision,
        # FHIR has one of both: when somebody died says that they did.
        deceased=True if row.deceased_at is not None else row.deceased,
    )


def _venue(row: VenueRow, movements: Sequence[MovementRow]) -> VenueRow:
    stay = fold(row, movements)
    finished = stay.status == "finished"
    begun = stay.status not in {"planned", "cancelled"}
    first = next(situations(row, movements)).class_code if movements else PATIENT_CLASS[row.patient_class]
    without_own = fold(row._replace(activity_type=None), movements).activity_type
    return row._replace(
        # Of the classes that are one in FHIR (O, R), the first; and as the first movement has it.
        patient_class=CLASS[first],
        activity_type=row.activity_type if without_own is None else None,
        expected_admit_at=None if begun else row.expected_admit_at,
        discharge_disposition=row.discharge_disposition if finished else None,
        destination_finess=row.destination_finess if finished else None,
    )


def _movements(venue: VenueRow, movements: Sequence[MovementRow], rows: EjRows) -> list[MovementRow]:
    kinds = rows.context().places
    found = []
    first = _venue(venue, movements).patient_class
    holds = PATIENT_CLASS[first]
    there = False
    for row, situation in zip(movements, situations(venue, movements), strict=True):
        announces = row.trigger_event in {"A05", "A14", "A15", "A16"}
        new = None if situation.class_code == holds else CLASS[situation.class_code]
        if not (announces and there):
            holds = situation.class_code
        there = there or not (announces or row.trigger_event == "A54")
        row = row._replace(patient_class=new)  # noqa: PLW2901 - the same row, as it is shown
        places = [place for place in (row.bed_id, row.room_id, row.uh_id) if place is not None]
        bed, room, uh = _slots(places, kinds)
        found.append(row._replace(bed_id=bed, room_id=room, uh_id=uh))
    return found


def _slots(places: Sequence[int], kinds: Mapping[int, str]) -> tuple[int | None, int | None, int | None]:
    """Which of three columns a place comes from is not shown, but for its kind."""
    levels = {"BED": 0, "ROOM": 1, "BOX": 1, "EXAM_ROOM": 1, "CONSULTATION_ROOM": 1}
    wished = [levels.get(kinds[place], 2) for place in places]
    costs = [
        (sum(abs(slot - wish) for slot, wish in zip(slots, wished, strict=True)), slots)
        for slots in _CHOICES[len(places)]
    ]
    row = dict(zip(min(costs)[1], places, strict=True))
    return row.get(0), row.get(1), row.get(2)


_CHOICES: dict[int, list[tuple[int, ...]]] = {
    0: [()],
    1: [(0,), (1,), (2,)],
    2: [(0, 1), (0, 2), (1, 2)],
    3: [(0, 1, 2)],
}
