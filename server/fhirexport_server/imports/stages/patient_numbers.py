"""The numbers that patients are found by: none is created without one, none loses its last one."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from fhirexport_server.domain.rows import PatientContactRow, PatientIdentifierRow
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.datatypes.code_tables import plain_pair
from fhirexport_server.fhir.reading.json.element import JsonObject
from fhirexport_server.fhir.reading.resources.drafts import PatientDraft, PatientIdentifierDraft
from fhirexport_server.fhir.reading.resources.patients import patient_tables as tables

P = TypeVar("P", PatientIdentifierRow, PatientContactRow)
NO_NUMBER: Final = (
    "must hold a number in force that the patient is found by again: of type PI, or of the system in which"
    " the legal entity numbers its patients"
)
LAST_NUMBER: Final = "is kept as it was: a patient keeps the last number in force, until another one is sent"


def ipp_systems(entries: Iterable[BundleEntry]) -> set[str]:
    """Return the systems of the IPPs that some resources hold, before they are read."""
    identifiers = (
        one
        for entry in entries
        for one in _listed((entry.resource or {}).get("identifier"))
        if isinstance(one, dict) and one.get("use", "usual") == "usual"
    )
    return {
        one["system"]
        for one in identifiers
        if isinstance(one.get("system"), str) and _kind(one.get("type")) == "IPP"
    }


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _kind(type_: object) -> str | None:
    pair = plain_pair(type_)
    return None if pair is None else tables.IDENTIFIER_KIND.get(pair)


def has_number(draft: PatientDraft, resource: JsonObject | None) -> bool:
    """Whether a new patient is found when it is sent again.

    It is by a number in force; otherwise by an id of this service's own form, as an export gives to
    patients without a number, but not where the resource has numbers and none can be kept.

    Args:
        draft: the patient.
        resource: what it was read from.
    """
    if _is_known(draft.identifiers):
        return True
    return draft.source.own is not None and (
        bool(draft.identifiers) or not (resource or {}).get("identifier")
    )


def loses_last_number(draft: PatientDraft, seen: Sequence[PatientIdentifierRow]) -> bool:
    """Whether a patient would have no number in force any more.

    Who was merged into another keeps theirs as old ones, where those are sent.

    Args:
        draft: what is sent of the patient.
        seen: the identifiers that an export shows.
    """
    is_retired = draft.merged_into is not None and bool(draft.identifiers)
    return _is_known(seen) and not _is_known(draft.identifiers) and not is_retired


def with_numbers(
    seen: Sequence[PatientIdentifierRow], told: Iterable[PatientIdentifierRow]
) -> list[PatientIdentifierRow]:
    """Return a patient's identifiers, with those that are told and are others."""
    there = {(one.system, one.value) for one in seen}
    return [*seen, *(one for one in told if (one.system, one.value) not in there)]


def in_order(rows: Iterable[P]) -> list[P]:
    """Number the parts of a patient anew: of `seq`, only the order is shown."""
    return [one._replace(seq=place) for place, one in enumerate(rows, 1)]


def _is_known(identifiers: Iterable[PatientIdentifierDraft | PatientIdentifierRow]) -> bool:
    return any(one.use_code != "old" for one in identifiers)
