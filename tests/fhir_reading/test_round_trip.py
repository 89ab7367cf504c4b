"""Shows that reading is the inverse of rendering: what an export shows comes back, and renders the same."""

import pytest
from fhir_reading.hospital_rows import EjRows, ej_rows
from fhir_reading.read_back import laid_out, read_back, rows_of
from fhir_reading.shown import shown
from fhir_reading.valid import valid
from fhirexport_server.demo.group import batches
from fhirexport_server.domain.datasets import Dataset, Format
from fhirexport_server.domain.rows import Batch
from hypothesis import given
from support.examples import examples
from support.hospitals import hospitals, random_hospital

# What is said of exports that are as they must be.
EXPECTED = (
    "is after the discharge: it shows in the movement alone",
    "should say where a qualified identity was born, not 99999 (fr-core-3)",
)
OF_DATASET = {
    Dataset.STRUCTURE: ("ej", "units", "members", "places"),
    Dataset.PATIENTS: ("patients", "identifiers", "contacts"),
    Dataset.VENUES: ("venues", "movements"),
}


def _assert_comes_back(rows: EjRows, dataset: Dataset, wanted: Format, *, knows_systems: bool) -> None:
    content = laid_out(rows.rendered(dataset), wanted)
    systems = rows.context().systems if knows_systems else {}

    found, problems = read_back(content, wanted, systems)

    assert [problem for problem in problems if problem.text not in EXPECTED] == []
    back, expected = rows_of(found, rows), shown(rows)
    for table in OF_DATASET[dataset]:
        assert getattr(back, table) == getattr(expected, table)
    again = rows._replace(**{table: getattr(back, table) for table in OF_DATASET[dataset]})
    assert laid_out(again.rendered(dataset), wanted) == content


@pytest.mark.parametrize("wanted", Format)
@pytest.mark.parametrize("dataset", Dataset)
def test_the_demo_group_comes_back(dataset: Dataset, wanted: Format) -> None:
    for rows in ej_rows(batches(patients=200)):
        _assert_comes_back(rows, dataset, wanted, knows_systems=True)


@pytest.mark.parametrize("wanted", Format)
@pytest.mark.parametrize("dataset", Dataset)
@pytest.mark.long
def test_random_hospitals_come_back(dataset: Dataset, wanted: Format) -> None:
    for seed in range(30):
        for rows in ej_rows(random_hospital(seed)):
            _assert_comes_back(valid(rows), dataset, wanted, knows_systems=seed % 2 == 0)


@examples(60)
@given(hospitals())
def test_any_hospital_comes_back(batches: list[Batch]) -> None:
    for rows in ej_rows(batches):
        for dataset in Dataset:
            _assert_comes_back(valid(rows), dataset, Format.TRANSACTION, knows_systems=True)
