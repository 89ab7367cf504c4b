"""Shows which scopes of a token permit what, and that all others permit nothing."""

import pytest
from fhirexport_server.access.right import Action, Kind
from fhirexport_server.access.scopes import TYPES, permit
from fhirexport_server.domain.datasets import Dataset

STRUCTURE, PATIENTS, VENUES = Dataset
EVERY_KIND: list[Kind] = [
    *((action, dataset) for action in (Action.EXPORT, Action.WATCH) for dataset in Dataset),
    *((action, None) for action in (Action.IMPORT, Action.CACHE_READ, Action.CACHE_ADMIN)),
]
EXPORT_ALL = {(Action.EXPORT, dataset) for dataset in Dataset} | {
    (Action.WATCH, dataset) for dataset in Dataset
}


def _of(dataset: Dataset) -> set[Kind]:
    return {(Action.EXPORT, dataset), (Action.WATCH, dataset)}


PERMITTED: dict[str, set[Kind]] = {
    "": set(),
    "system/Patient.rs": _of(PATIENTS),
    "system/Patient.cruds": _of(PATIENTS),
    "system/Patient.read": _of(PATIENTS),
    "system/Patient.*": _of(PATIENTS),
    "system/Encounter.rs": _of(VENUES),
    "system/Organization.rs": set(),
    "system/Location.rs": set(),
    "system/Organization.rs system/Location.rs": _of(STRUCTURE),
    "system/Organization.read system/Location.cruds": _of(STRUCTURE),
    "system/*.rs": set(EXPORT_ALL),
    "system/*.read": set(EXPORT_ALL),
    "system/*.cud": {(Action.IMPORT, None)},
    "system/*.write": {(Action.IMPORT, None)},
    "system/*.cruds": {*EXPORT_ALL, (Action.IMPORT, None)},
    "system/*.*": {*EXPORT_ALL, (Action.IMPORT, None)},
    "system/Patient.cud system/Encounter.cud system/Organization.cud": set(),
    "system/Patient.cud system/Encounter.cud system/Organization.cud system/Location.cud": {
        (Action.IMPORT, None)
    },
    "cache:read": {(Action.CACHE_READ, None)},
    "cache:admin": {(Action.CACHE_READ, None), (Action.CACHE_ADMIN, None)},
    "openid fhirUser launch": set(),
    # Not reading and searching, not in SMART's order, not for a system, not all of a type, no type.
    "system/Patient.r": set(),
    "system/Patient.s": set(),
    "system/Patient.sr": set(),
    "system/Patient.rsx": set(),
    "system/Patient.rs?gender=female": set(),
    "system/Patient.RS": set(),
    "system/patient.rs": set(),
    "SYSTEM/Patient.rs": set(),
    "user/Patient.rs": set(),
    "patient/Patient.rs": set(),
    "user/*.cruds": set(),
    "system/Patient": set(),
    "system/Patients.rs": set(),
    "system/Observation.rs": set(),
    "xsystem/Patient.rs": set(),
    "system/Patient.rs.": set(),
    "system/": set(),
    "*": set(),
}


@pytest.mark.parametrize("text", PERMITTED)
def test_scopes_permit_what_smart_says_they_do(text: str) -> None:
    scopes = frozenset(text.split())
    assert {kind for kind in EVERY_KIND if permit(scopes, kind)} == PERMITTED[text]


def test_what_has_no_scopes_is_not_limited_by_any() -> None:
    assert all(permit(None, kind) for kind in EVERY_KIND)


def test_every_dataset_has_its_types() -> None:
    assert TYPES.keys() == set(Dataset)
