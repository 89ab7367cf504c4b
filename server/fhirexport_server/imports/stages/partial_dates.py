"""Dates that are sent again, known less precisely: they say nothing new, and erase nothing."""

from collections.abc import Sequence
from typing import Final

from fhirexport_server.domain.rows import PatientRow
from fhirexport_server.fhir.patient_codes import DATE_LENGTH
from fhirexport_server.fhir.reading.datatypes.dates.moments import local_day

_BIRTH: Final = ("birth_date", "birth_date_precision")
_DEATH: Final = ("deceased", "deceased_at", "deceased_on", "deceased_on_precision")


def kept_dates(seen: PatientRow, told: PatientRow, time_zone: str) -> tuple[PatientRow, Sequence[str]]:
    """Return what is told of a patient, with the dates that are known more precisely, and their elements.

    Args:
        seen: what an export shows of the patient.
        told: what the import says.
        time_zone: of the clock that says which day an instant is.
    """
    elements = []
    born = _known(seen.birth_date, seen.birth_date_precision)
    if _is_less(_known(told.birth_date, told.birth_date_precision), born):
        told = _with(told, seen, _BIRTH)
        elements.append("birthDate")
    if told.deceased and told.deceased_at is None:
        died = _known(seen.deceased_on, seen.deceased_on_precision)
        if seen.deceased_at is not None:
            # An instant is known more precisely than its day.
            died = f"{local_day(seen.deceased_at, time_zone)}T"
        if _is_less(_known(told.deceased_on, told.deceased_on_precision) or "", died):
            elements.append("deceasedBoolean" if told.deceased_on is None else "deceasedDateTime")
            told = _with(told, seen, _DEATH)
    return told, elements


def _known(day: str | None, precision: str) -> str | None:
    return None if day is None else day[: DATE_LENGTH[precision]]


def _is_less(told: str | None, known: str | None) -> bool:
    """Whether something is the beginning of what is known."""
    return told is not None and known is not None and told != known and known.startswith(told)


def _with(told: PatientRow, seen: PatientRow, columns: Sequence[str]) -> PatientRow:
    return told._replace(**{name: getattr(seen, name) for name in columns})
