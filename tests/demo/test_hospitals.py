"""Shows that generated hospitals cover the model, and that both databases take them as they are."""

from collections import defaultdict
from collections.abc import Iterable

import pytest
from fhirexport_server.demo.columns import COLUMNS
from fhirexport_server.domain import codes
from fhirexport_server.domain.rows import Batch
from fhirexport_server.store.loader import load
from hypothesis import HealthCheck, given
from support.examples import examples
from support.hospitals import MOST_MOVEMENTS, hospitals, random_hospital, random_hospitals

CODED: dict[tuple[str, str], Iterable[str]] = {
    ("org_unit", "kind"): codes.ORG_KIND,
    ("place", "kind"): codes.PLACE_KIND,
    ("patient", "identity_status"): codes.IDENTITY_STATUS,
    ("patient_identifier", "kind"): codes.PATIENT_IDENTIFIER_USE,
    ("venue", "patient_class"): codes.PATIENT_CLASS,
    ("movement", "trigger_event"): codes.TRIGGER_EVENT,
    ("movement", "nature"): codes.NATURE,
    ("movement", "state"): codes.MOVEMENT_STATE,
}


def test_the_same_number_is_the_same_hospital() -> None:
    assert random_hospital(3) == random_hospital(3)
    assert random_hospital(3) != random_hospital(4)


@pytest.mark.long
def test_both_databases_take_them(database_url: str) -> None:
    for hospital in random_hospitals(25):
        load(database_url, hospital)


@pytest.mark.long
def test_they_fill_every_column_and_leave_every_optional_one_out() -> None:
    filled, coded = defaultdict[str, set[str]](set), defaultdict[tuple[str, str], set[object]](set)
    for hospital in random_hospitals(150):
        for batch in hospital:
            for row in batch.rows:
                filled[batch.table] |= {column for column, value in row.items() if value is not None}
                for column in row:
                    coded[batch.table, column].add(row[column])
    assert {table: set(columns) for table, columns in COLUMNS.items()} == filled
    for key, values in CODED.items():
        assert set(values) <= coded[key], key
    for column in ("nature", "uf_med_id", "bed_id", "attending_rpps", "expected_return_at"):
        assert None in coded["movement", column]


@examples(30, HealthCheck.too_slow)
@given(hospitals())
def test_they_are_small(hospital: list[Batch]) -> None:
    rows = {batch.table: batch.rows for batch in hospital}
    assert 1 <= len(rows["ej"]) <= 2
    of_venue = [row["venue_id"] for row in rows.get("movement", [])]
    assert max(map(of_venue.count, of_venue), default=0) <= MOST_MOVEMENTS
