"""Shows which lines of NDJSON are refused, and which problems are kept of many."""

import pytest
from fhir_reading.changes import READER
from fhirexport_server.fhir.reading.bundles.bundle import line
from fhirexport_server.fhir.reading.json.problems import MOST_PROBLEMS, Problem, Problems, Severity


@pytest.mark.parametrize(
    ("data", "expression"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"{}", ""),
        (b'{"resourceType":"Observation"}', "resourceType"),
        (b'{"resourceType":"Patient","id":"a b"}', "id"),
    ],
)
def test_a_line_that_is_no_resource_is_refused_with_its_place(data: bytes, expression: str) -> None:
    problems = Problems()

    assert line(data, 7, READER, problems) is None
    assert [(one.entry, one.expression) for one in problems.listed()] == [(7, expression)]


def test_a_hundred_problems_are_kept_and_errors_come_before_warnings() -> None:
    problems = Problems()
    for number in range(150):
        problems.report(Severity.WARNING, number, "a", "w")
    for number in range(30):
        problems.report(Severity.ERROR, number, "b", "e")

    kept = problems.listed()

    assert len(kept) == MOST_PROBLEMS
    assert kept[0] == Problem(0, "a", Severity.WARNING, "w")
    assert [one.severity for one in kept].count(Severity.ERROR) == 30
    assert problems.counts == {Severity.ERROR: 30, Severity.WARNING: 150}
