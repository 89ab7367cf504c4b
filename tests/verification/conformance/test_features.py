"""Which resources the slow validators are given."""

import json
from pathlib import Path
from typing import Any

from verification.conformance.collection import Collection, Group

_PATIENT = {
    "resourceType": "Patient",
    "name": [{"family": "Martin", "given": ["Anne"]}],
    "gender": "female",
    "birthDate": "1980-01-02",
}


def _chosen(directory: Path, *patients: dict[str, Any], every: bool = False) -> list[dict[str, Any]]:
    path = directory / "patients.ndjson"
    path.write_text("".join(json.dumps(patient) + "\n" for patient in patients))
    collection = Collection(directory)
    collection.add(Group("the test", "patients", "ndjson"), path)
    (part,) = collection.parts(every=every)
    return [entry["resource"] for entry in json.loads(part.read_text())["entry"]]


def test_another_name_and_another_day_are_nothing_new(tmp_path: Path) -> None:
    other = _PATIENT | {"name": [{"family": "Petit", "given": ["Luc"]}], "birthDate": "2011-12-30"}
    assert _chosen(tmp_path, _PATIENT, other) == [_PATIENT]
    assert _chosen(tmp_path, _PATIENT, other, every=True) == [_PATIENT, other]


def test_each_code_element_repetition_and_way_of_writing_is_checked(tmp_path: Path) -> None:
    news: list[dict[str, Any]] = [
        _PATIENT | {"gender": "male"},
        _PATIENT | {"active": True},
        _PATIENT | {"active": False},
        _PATIENT | {"name": [{"family": "Martin", "given": ["Anne", "Luce"]}]},
        _PATIENT | {"name": [{"family": "Martin"}]},
        _PATIENT | {"name": [{"family": "D'Arc", "given": ["Anne"]}]},
        _PATIENT | {"birthDate": "1980-01"},
        _PATIENT | {"extension": [{"url": "https://one.example", "valueString": "text"}]},
        _PATIENT | {"extension": [{"url": "https://other.example", "valueString": "text"}]},
    ]
    assert _chosen(tmp_path, _PATIENT, *news) == [_PATIENT, *news]
