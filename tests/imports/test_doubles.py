"""Shows what becomes of a resource that is in one NDJSON twice: once where equal, refused where not."""

import json
from copy import deepcopy
from uuid import uuid4

import pytest
from fhirexport_server.imports.sources import ndjson as lines
from imports.hospital import EJ, Hospital, Resource, counts
from support.importing import import_lines

pytestmark = pytest.mark.content

PREFIXES = ("service", "bed", "pat", "ven", "mvt")


def _foreign(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != "id"}


@pytest.fixture(params=[2, 2000])
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Few lines in a window, or all."""
    size: int = request.param
    monkeypatch.setattr(lines, "WINDOW", size)
    return size


@pytest.mark.usefixtures("window")
async def test_equal_lines_count_once(hospital: Hospital) -> None:
    for prefix in PREFIXES:
        of_kind = [one for id_, one in hospital.resources.items() if id_.startswith(f"{prefix}-")][:4]
        turned = [dict(reversed(one.items())) for one in of_kind]
        sent = [*of_kind, *turned, *of_kind]

        assert (counts(await hospital.stream(*sent)), prefix) == ((0, 0, len(of_kind), 0), prefix)
        if prefix != "mvt":
            # By the number alone.
            summary = await hospital.stream(*map(_foreign, [*of_kind, *turned]))
            assert (counts(summary), summary.errors, prefix) == ((0, 0, len(of_kind), 0), 0, prefix)


@pytest.mark.usefixtures("window")
async def test_new_lines_that_are_equal_are_created_once(hospital: Hospital) -> None:
    patient = hospital.like(hospital.plain_patients()[0], "NEW", "x")
    others = [one for id_, one in hospital.resources.items() if id_.startswith("pat-")][:5]

    summary = await hospital.stream(_foreign(patient), *others, _foreign(patient))

    assert (counts(summary), summary.problems) == ((1, 0, len(others), 0), ())


@pytest.mark.usefixtures("window")
async def test_lines_that_contradict_each_other_are_all_refused_with_their_numbers(
    hospital: Hospital,
) -> None:
    before = await hospital.exports()
    for prefix in PREFIXES:
        of_kind = [one for id_, one in hospital.resources.items() if id_.startswith(f"{prefix}-")][:5]
        first, *others = of_kind
        changed = deepcopy(first) | {"language": "fr"}
        summary = await hospital.stream(first, *others, changed, first)

        assert counts(summary) == (0, 0, len(others), 0), prefix
        errors = [(one.entry, one.text) for one in summary.problems if one.severity == "error"]
        last = len(of_kind)
        assert [place for place, _ in errors] == [0, last, last + 1], prefix
        pairs = ((1, last + 1), (1, last + 1), (last + 1, last + 2))
        for (_, text), (one, other) in zip(errors, pairs, strict=True):
            assert f"lines {one} and {other} " in text, prefix
    assert await hospital.exports() == before


@pytest.mark.usefixtures("window")
async def test_a_number_of_two_lines_is_a_contradiction(hospital: Hospital) -> None:
    patients = [one for id_, one in hospital.resources.items() if id_.startswith("pat-")][:6]
    first, *others = patients
    also = deepcopy(first) | {"id": "another", "birthDate": "1950-02-03"}
    venue = hospital.like(hospital.first("Encounter", "ven"), "V-NEW", "ven-987654")
    venue["subject"] = {"reference": "Patient/another"}

    summary = await hospital.stream(*patients, also, venue)

    assert counts(summary) == (0, 0, len(others), 0)
    assert [one.entry for one in summary.problems if one.severity == "error"] == [0, 6, 7]
    assert "ven-987654" not in await hospital.now()


async def test_an_import_with_contradictions_is_answered_once(hospital: Hospital) -> None:
    venue = hospital.first("Encounter", "ven")
    lines = (venue, venue | {"language": "fr"})
    request_id = str(uuid4())

    first = await hospital.stream(*lines, request_id=request_id)

    assert first.errors == 2
    assert await hospital.stream(*lines, request_id=request_id) == first
    assert (await hospital.stream(*lines, validate_only=True)).errors == 2


@pytest.mark.usefixtures("window")
async def test_a_line_again_and_again_takes_no_more_than_once(hospital: Hospital) -> None:
    venue = hospital.first("Encounter", "ven")
    line = json.dumps(venue).encode() + b"\n"

    summary = await import_lines(hospital.url, line * 50, ej_id=EJ)

    assert (counts(summary), summary.errors) == ((0, 0, 1, 0), 0)
