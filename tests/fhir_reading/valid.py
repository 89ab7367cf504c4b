"""Makes generated hospitals acceptable to an import: check digits, and plausible dates.

The store admits any digits, and any dates that exist; a reader of FHIR that comes from outside does not.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from fhir_reading.hospital_rows import EjRows
from fhirexport_server.domain.codes import INS_KIND
from fhirexport_server.domain.rows import MovementRow, PatientIdentifierRow, PatientRow
from stdnum import luhn
from stdnum.fr import nir


def valid(rows: EjRows) -> EjRows:
    """Returns the rows with FINESS numbers, matricules and dates that are accepted."""
    return rows._replace(
        ej=rows.ej._replace(finess=finess(rows.ej.finess)),
        units=[unit._replace(finess=unit.finess and finess(unit.finess)) for unit in rows.units],
        patients=[_alive(patient) for patient in rows.patients],
        identifiers=[_with_key(number, one) for number, one in enumerate(rows.identifiers)],
        venues=[
            venue._replace(
                origin_finess=venue.origin_finess and finess(venue.origin_finess),
                destination_finess=venue.destination_finess and finess(venue.destination_finess),
            )
            for venue in rows.venues
        ],
        movements=[movement for venue in rows.venues for movement in _in_order(rows.of_venue(venue))],
    )


def finess(number: str) -> str:
    return number[:-1] + luhn.calc_check_digit(number[:-1]) if number.isdigit() else number


def matricule(number: int) -> str:
    """Returns a matricule INS with its key."""
    characters = f"{1 + number % 2}{number:012}"
    return characters + nir.calc_check_digits(characters)


def _with_key(number: int, one: PatientIdentifierRow) -> PatientIdentifierRow:
    return one._replace(value=matricule(number)) if one.kind in INS_KIND else one


def _alive(patient: PatientRow) -> PatientRow:
    """Nobody dies before they are born."""
    if patient.birth_date is None:
        return patient
    born = int(datetime.fromisoformat(patient.birth_date).replace(tzinfo=UTC).timestamp())
    at, on = patient.deceased_at, patient.deceased_on
    return patient._replace(
        deceased_at=None if at is None else max(at, born),
        deceased_on=None if on is None else max(on, patient.birth_date),
    )


def _in_order(movements: Sequence[MovementRow]) -> list[MovementRow]:
    """No discharge before the only admissions, and no class said by a discharge that another one follows."""
    arrivals = [one.started_at for one in movements if one.trigger_event in {"A01", "A04"}]
    discharges = [one for one in movements if one.trigger_event == "A03"]
    if arrivals and discharges and arrivals[0] > discharges[-1].started_at:
        return [one for one in movements if one.trigger_event != "A03"]
    superseded = {one.id for one in discharges[:-1]}
    return [one._replace(patient_class=None) if one.id in superseded else one for one in movements]
