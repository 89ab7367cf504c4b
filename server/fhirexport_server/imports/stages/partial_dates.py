"""Dates that are sent again less precisely: they must not replace the precise ones."""

from collections.abc import Sequence
from typing import Final

from fhirexport_server.domain.rows import PatientRow
from fhirexport_server.fhir.patient_codes import DATE_LENGTH
from fhirexport_server.fhir.reading.datatypes.dates.moments import local_day

_BIRTH: Final = ("birth_date", "birth_date_precision")
_DEATH: Final = ("deceased", "deceased_at", "deceased_on", "deceased_on_precision")


def kept_dates(shown: PatientRow, imported: PatientRow, time_zone: str) -> tuple[PatientRow, Sequence[str]]:
    """Return a patient with the dates that are known more precisely, and the elements of those dates.

    Args:
        shown: The patient as an export shows it.
        imported: The patient as imported.
        time_zone: The time zone in which an instant is turned into a day.
    """
    elements = []
    born = _known(shown.birth_date, shown.birth_date_precision)
    if _is_less(_known(imported.birth_date, imported.birth_date_precision), born):
        imported = _with(imported, shown, _BIRTH)
        elements.append("birthDate")
    if imported.deceased and imported.deceased_at is None:
        died = _known(shown.deceased_on, shown.deceased_on_precision)
        if shown.deceased_at is not None:
            # An instant is more precise than its day.
            died = f"{local_day(shown.deceased_at, time_zone)}T"
        if _is_less(_known(imported.deceased_on, imported.deceased_on_precision) or "", died):
            elements.append("deceasedBoolean" if imported.deceased_on is None else "deceasedDateTime")
            imported = _with(imported, shown, _DEATH)
    return imported, elements


def _known(day: str | None, precision: str) -> str | None:
    return None if day is None else day[: DATE_LENGTH[precision]]


def _is_less(imported: str | None, known: str | None) -> bool:
    """Return whether a date is less precise than the known one, and agrees with it."""
    return imported is not None and known is not None and imported != known and known.startswith(imported)


def _with(imported: PatientRow, shown: PatientRow, columns: Sequence[str]) -> PatientRow:
    return imported._replace(**{name: getattr(shown, name) for name in columns})
