"""Numbers of patients: no patient is created without one, and none loses the last one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

from fhirexport_server.domain.codes import INS_KIND
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
OTHERS_MATRICULE: Final = (
    "must not hold the matricule INS of a patient who has another number of the same system: send the id or"
    " the number of that patient, or this one without the matricule"
)
LAST_NUMBER: Final = "is kept as it was: a patient keeps the last number in force, until another one is sent"


def ipp_systems(entries: Iterable[BundleEntry]) -> set[str]:
    """Return the systems of the IPPs in resources that are not read yet."""
    identifiers = (
        item
        for entry in entries
        for item in _listed((entry.resource or {}).get("identifier"))
        if isinstance(item, dict) and item.get("use", "usual") == "usual"
    )
    return {
        item["system"]
        for item in identifiers
        if isinstance(item.get("system"), str) and _kind(item.get("type")) == "IPP"
    }


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _kind(type_: object) -> str | None:
    pair = plain_pair(type_)
    return None if pair is None else tables.IDENTIFIER_KIND.get(pair)


def has_number(draft: PatientDraft, resource: JsonObject | None) -> bool:
    """Return whether a new patient will be found when it is sent again.

    It is found by a number in force, otherwise by an id of this service's form, which an export gives to
    patients without a number. The id is not enough if the resource has numbers and none can be kept.

    Args:
        draft: The draft of the patient.
        resource: The resource that it was read from.
    """
    if _is_known(draft.identifiers):
        return True
    return draft.source.own is not None and (
        bool(draft.identifiers) or not (resource or {}).get("identifier")
    )


def found_by_matricule(draft: PatientDraft, by_number: Mapping[tuple[str, str], int]) -> int | None:
    """Return the patient to whom a matricule INS leads, if no other number in force leads to anybody."""
    found: dict[bool, set[int]] = {True: set(), False: set()}
    for identifier in draft.identifiers:
        row_id = by_number.get((identifier.system, identifier.value))
        if identifier.use_code != "old" and row_id is not None:
            found[identifier.kind in INS_KIND].add(row_id)
    return None if found[False] else next(iter(found[True]), None)


def is_another(draft: PatientDraft, stored: Iterable[PatientIdentifierRow]) -> bool:
    """Return whether a patient has another IPP than the stored one, of the same system.

    A matricule is then not enough to tell that both are the same: it may be that of a parent, or a mistake.
    """
    systems = {one.system for one in draft.identifiers if one.kind == "IPP" and one.use_code != "old"}
    numbers = {
        (one.system, one.value)
        for one in stored
        if one.kind == "IPP" and one.use_code != "old" and one.ended_on is None and one.system in systems
    }
    return bool(numbers) and numbers.isdisjoint((one.system, one.value) for one in draft.identifiers)


def loses_last_number(draft: PatientDraft, shown: Sequence[PatientIdentifierRow]) -> bool:
    """Return whether an import would leave a patient without a number in force.

    A patient who is merged into another may keep only old numbers, if they are sent.

    Args:
        draft: The draft of the patient.
        shown: The identifiers as an export shows them.
    """
    is_retired = draft.merged_into is not None and bool(draft.identifiers)
    return _is_known(shown) and not _is_known(draft.identifiers) and not is_retired


def with_numbers(
    shown: Sequence[PatientIdentifierRow], imported: Iterable[PatientIdentifierRow]
) -> list[PatientIdentifierRow]:
    """Return the shown identifiers of a patient, and the imported ones that are not among them."""
    numbers = {(identifier.system, identifier.value) for identifier in shown}
    return [
        *shown,
        *(identifier for identifier in imported if (identifier.system, identifier.value) not in numbers),
    ]


def in_order(rows: Iterable[P]) -> list[P]:
    """Renumber the rows of a patient: an export shows only the order of `seq`."""
    return [row._replace(seq=seq) for seq, row in enumerate(rows, 1)]


def _is_known(identifiers: Iterable[PatientIdentifierDraft | PatientIdentifierRow]) -> bool:
    return any(identifier.use_code != "old" for identifier in identifiers)
