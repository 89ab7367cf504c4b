"""Venues of the demo: one for each patient, with the five movements of a scenario."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from stdnum import luhn

from fhirexport_server.demo.cast import SIBLING
from fhirexport_server.demo.clock import REFERENCE, TODAY
from fhirexport_server.demo.columns import Row
from fhirexport_server.demo.dice import Dice
from fhirexport_server.demo.hospitals.care import Care, Ward
from fhirexport_server.demo.people.name_lists import DOCTORS
from fhirexport_server.demo.people.person import Person
from fhirexport_server.demo.stays.scenarios import BY_WEIGHT, FINISHED, SCENARIOS, Scenario

MOVEMENTS = 5
# The RPPS numbers of test cards begin with 99700.
_RPPS = tuple(
    number + luhn.calc_check_digit(number) for number in (f"99700{n:05}" for n in range(len(DOCTORS)))
)
# Hospitals nearby, from the public FINESS register.
_ELSEWHERE = ("010000032", "010008407", "750100091", "750100166", "2B0000012")
_CHILD, _OLD, _VERY_OLD, _MOTHER = range(16), 75, 88, range(18, 46)
# The hours since the last movement, at least and at most.
_SINCE = {
    "finished": (2, 2400),
    "in-progress": (1, 96),
    "onleave": (1, 30),
    "planned": (4, 300),
    "cancelled": (24, 2000),
}
_DISPOSITIONS = ("3", "3", "3", "3", "3", "3", "3", "3", "4", "6")
_URGENT = ("E", "V")
_TO_A_BED = ("enter", "back", "ward", "other", "critical")


class StayRows(NamedTuple):
    """The row of a venue, the rows of its movements, and its end, if it has ended."""

    venue: Row
    movements: list[Row]
    ended_at: datetime | None
    fatal: bool


class _Whereabouts(NamedTuple):
    """Where the patient is, and which units are responsible, as columns of a movement."""

    uf_heb_id: int | None
    uf_med_id: int | None
    uf_care_id: int | None
    bed: tuple[int | None, int | None, int | None]
    activity_type: str | None


_NOWHERE = _Whereabouts(None, None, None, (None, None, None), None)


def stay(dice: Dice, person: Person, care: Care) -> StayRows:
    """Return the stay of a patient; the stay of a duplicate belongs to the patient it was merged into."""
    number, scenario = person.number, _scenario(dice, person)
    destinations = _destinations(dice, person, care)
    times = _times(dice, scenario)
    movements: list[Row] = []
    whereabouts, patient_class, doctor = _NOWHERE, scenario.patient_class, dice.below(len(DOCTORS))
    for index, (step, started_at) in enumerate(zip(scenario.steps, times, strict=True)):
        next_whereabouts = _move(dice, step.move, whereabouts, destinations)
        if step.move == "attending":
            doctor = dice.below(len(DOCTORS))
        next_class = step.to or patient_class
        movement_id = number * MOVEMENTS + index + 1
        movements.append(
            {
                "id": movement_id,
                "venue_id": number + 1,
                "ej_id": care.ej_id,
                "movement_no": f"M{movement_id:010}",
                "started_at": started_at,
                "trigger_event": step.event,
                "state": "cancelled" if step.cancelled else "active",
                "nature": step.nature,
                "patient_class": next_class,
                "activity_type": next_whereabouts.activity_type,
                "uf_heb_id": next_whereabouts.uf_heb_id,
                "uf_med_id": next_whereabouts.uf_med_id,
                "uf_care_id": next_whereabouts.uf_care_id,
                "uh_id": next_whereabouts.bed[0],
                "room_id": next_whereabouts.bed[1],
                "bed_id": next_whereabouts.bed[2],
                "attending_rpps": _RPPS[doctor],
                "attending_name": DOCTORS[doctor],
                "expected_return_at": started_at + timedelta(hours=dice.between(24, 48))
                if step.move == "leave"
                else None,
            }
        )
        if not step.cancelled:
            patient_class = next_class
            if step.move != "other":
                whereabouts = next_whereabouts
    venue = _venue(dice, person, care, scenario, destinations["enter"])
    venue["patient_class"] = patient_class
    ended = times[-1] if scenario.status == "finished" else None
    return StayRows(venue, movements, ended, scenario.fatal)


def _scenario(dice: Dice, person: Person) -> Scenario:
    if person.part.dead:
        return dice.pick(FINISHED)
    return SCENARIOS[person.number] if person.number < len(SCENARIOS) else dice.pick(BY_WEIGHT)


def _destinations(dice: Dice, person: Person, care: Care) -> dict[str, Ward]:
    """Return the ward to which each kind of move leads a patient."""
    audience = "adult"
    if person.age in _CHILD:
        audience = "child"
    elif person.woman and person.age in _MOTHER and dice.chance(0.3):
        audience = "mother"
    elif person.age >= _VERY_OLD and dice.chance(0.3):
        audience = "LG_SJR"
    elif dice.chance(0.04):
        audience = "PSY"
    ward = dice.pick(care.wards[audience])
    other = dice.pick(care.wards["SMR" if person.age >= _OLD else audience])
    return {
        "enter": ward,
        "back": ward,
        "ward": other,
        "other": other,
        "critical": dice.pick(care.wards["critical"]),
        "visit": dice.pick(care.clinics),
        "medical": dice.pick(care.clinics),
        "arrive": care.emergency,
    }


def _times(dice: Dice, scenario: Scenario) -> list[datetime]:
    """Return the start of each movement, to the minute; the status decides how long ago the last one is."""
    minutes = [dice.between(60 * step.hours[0], 60 * step.hours[1]) for step in scenario.steps]
    first, last = _SINCE[scenario.status]
    at = REFERENCE - timedelta(minutes=dice.between(60 * first, 60 * last) + sum(minutes))
    times = []
    for wait in minutes:
        at += timedelta(minutes=wait)
        times.append(at)
    return times


def _move(dice: Dice, move: str, whereabouts: _Whereabouts, destinations: dict[str, Ward]) -> _Whereabouts:
    """Return the whereabouts after a move.

    Args:
        dice: The draws.
        move: The kind of move.
        whereabouts: Where the patient is before it.
        destinations: The ward to which each kind of move leads.
    """
    if move in _TO_A_BED:
        ward = destinations[move]
        return _Whereabouts(ward.uf_id, ward.uf_id, ward.uf_id, dice.pick(ward.beds), ward.activity_type)
    if move == "bed":
        return whereabouts._replace(bed=dice.pick(destinations["enter"].beds))
    if move == "medical":
        return whereabouts._replace(uf_med_id=destinations[move].uf_id)
    if move == "plan":
        ward = destinations["enter"]
        return _Whereabouts(ward.uf_id, ward.uf_id, None, (None, None, None), ward.activity_type)
    if move in destinations:
        ward = destinations[move]
        return _Whereabouts(None, ward.uf_id, ward.uf_id, (None, None, None), ward.activity_type)
    return whereabouts


def _venue(dice: Dice, person: Person, care: Care, scenario: Scenario, ward: Ward) -> Row:
    """Return the row of a venue, without its class, which the movements decide."""
    number = person.number
    inpatient = scenario.patient_class == "I"
    urgent = scenario.patient_class in _URGENT
    transferred = inpatient and dice.chance(0.06)
    planned, present = scenario.status == "planned", scenario.status == "in-progress"
    sent_on = scenario.status == "finished" and not scenario.fatal and dice.chance(0.08)
    preadmitted = any(step.event == "A05" for step in scenario.steps)
    return {
        "id": number + 1,
        "ej_id": care.ej_id,
        "patient_id": number + 1 - (SIBLING if person.part.duplicate else 0),
        "venue_no": f"V{number + 1:09}",
        "nda": None if scenario.status == "cancelled" else f"26{number + 1:08}",
        "preadmission_no": f"P{number + 1:09}" if preadmitted else None,
        "patient_class": None,
        "admission_type": _admission_type(ward, scenario, urgent=urgent),
        "activity_type": ward.activity_type if inpatient else None,
        "service_discipline": ward.discipline if inpatient else None,
        "admit_source": ("6" if transferred else "8") if inpatient else None,
        "expected_admit_at": REFERENCE + timedelta(hours=dice.between(24, 1000)) if planned else None,
        "expected_discharge_on": _expected_discharge(dice, planned=planned, present=present),
        "discharge_disposition": dice.pick(_DISPOSITIONS)
        if scenario.disposition == "3"
        else scenario.disposition,
        "origin_finess": dice.pick(_ELSEWHERE) if transferred else None,
        "destination_finess": dice.pick((*_ELSEWHERE, *care.sites)) if sent_on else None,
    }


def _admission_type(ward: Ward, scenario: Scenario, *, urgent: bool) -> str | None:
    if scenario.patient_class == "V":
        return None
    if ward.audience == "mother" and scenario.patient_class == "I":
        return "L"
    return "U" if urgent else "R"


def _expected_discharge(dice: Dice, *, planned: bool, present: bool) -> date | None:
    """Return the expected day of discharge; for a planned stay, a day after its admission."""
    if planned:
        return TODAY + timedelta(days=dice.between(43, 60))
    return TODAY + timedelta(days=dice.between(1, 12)) if present else None
