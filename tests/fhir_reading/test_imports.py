"""Shows what the resources of one import say of each other: references, numbers, cycles, stays."""

import json
from typing import Any

import pytest
from fhir.samples import BASE, CONTEXT, VENUE, movements
from fhir_reading.changes import GONE, READER, changed, read_bundle, said_of_lines, valid
from fhir_reading.gathering import Import, drafts, gather
from fhirexport_server.fhir.reading.bundles.bundle import line
from fhirexport_server.fhir.reading.datatypes.own_ids import OwnId
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.fhir.reading.resources.drafts import OrgUnitDraft, PlaceDraft
from fhirexport_server.fhir.rendering.venues import movements as render_movements
from fhirexport_server.fhir.rendering.venues import venue

URN = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"
ELSEWHERE = "https://elsewhere.example/fhir"
UNIT, UF, PLACE, BED = (valid()[name] for name in ("unit", "uf", "place", "bed"))
STRUCTURE = CONTEXT.systems["STRUCTURE"]


def _unit(number: int, parent: int | None) -> dict[str, Any]:
    above = GONE if parent is None else {"reference": f"Organization/service-{parent}"}
    found = changed(UNIT, "identifier[0].value", f"S{number}") | {"id": f"service-{number}"}
    del found["extension"]
    return changed(found, "partOf", above)


def _stay(*lines: str) -> list[dict[str, Any]]:
    rows = movements(*lines)
    rendered = [venue(VENUE, rows, CONTEXT), *render_movements(VENUE, rows, CONTEXT)]
    return [json.loads(one.json) for one in rendered]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"reference": "Organization/uf-6000"}, (OwnId("UF", 6000), "Organization/uf-6000", None)),
        ({"reference": f"{BASE}/Organization/uf-6000"}, (OwnId("UF", 6000), "Organization/uf-6000", None)),
        ({"reference": f"{ELSEWHERE}/Organization/uf-6"}, (None, f"{ELSEWHERE}/Organization/uf-6", None)),
        ({"reference": "Organization/uf-06"}, (None, "Organization/uf-06", None)),
        ({"reference": "Organization/bed-6"}, (None, "Organization/bed-6", None)),
        ({"reference": URN, "type": "Organization", "display": "x"}, (None, URN, None)),
        ({"identifier": {"system": "urn:x", "value": "1"}}, (None, None, ("urn:x", "1"))),
        ({"reference": "Organization?identifier=urn:x|1"}, (None, None, ("urn:x", "1"))),
    ],
)
def test_every_way_of_referring_is_read(reference: object, expected: tuple[object, ...]) -> None:
    problems = Problems()
    entry = line(json.dumps(changed(UNIT, "partOf", reference)).encode(), 0, READER, problems)
    assert entry is not None

    (found,) = drafts([entry], READER, problems)

    assert problems.listed() == []
    assert isinstance(found, OrgUnitDraft)
    assert found.parent is not None
    assert (found.parent.own, found.parent.key, found.parent.identifier) == expected
    assert (found.parent.type, found.parent.at) == ("Organization", "partOf")


def _with_parent(full_url: str, parent: dict[str, Any]) -> tuple[Import, list[tuple[str, str]]]:
    """A Bundle of a unit with this fullUrl, and another that is part of it."""
    above, below = _unit(1, None), changed(_unit(2, None), "partOf", parent)
    entries = [
        {"fullUrl": full_url, "resource": above},
        {"fullUrl": full_url.replace("service-1", "service-2").replace("c757", "d757"), "resource": below},
    ]
    found, said = read_bundle("collection", entries)
    assert found is not None
    return found, said


@pytest.mark.parametrize(
    ("full_url", "reference"),
    [
        (f"{BASE}/Organization/service-1", {"reference": "Organization/service-1"}),
        (f"{BASE}/Organization/service-1", {"reference": f"{BASE}/Organization/service-1"}),
        (f"{ELSEWHERE}/Organization/service-1", {"reference": "Organization/service-1"}),
        (f"{ELSEWHERE}/Organization/service-1", {"reference": f"{ELSEWHERE}/Organization/service-1"}),
        (URN, {"reference": URN}),
        (URN, {"identifier": {"system": STRUCTURE, "value": "S1"}}),
        (URN, {"reference": f"Organization?identifier={STRUCTURE}|S1"}),
    ],
)
def test_a_reference_finds_its_target_in_the_bundle(full_url: str, reference: dict[str, Any]) -> None:
    found, said = _with_parent(full_url, reference)

    assert said == []
    assert found.units[1].parent is not None
    assert list(found.directory.find(found.units[1].parent, (OrgUnitDraft,))) == [found.units[0]]


@pytest.mark.parametrize(
    "reference", [f"{ELSEWHERE}/Organization/x", "Organization/x", URN.replace("c", "a")]
)
def test_a_reference_that_nothing_can_answer_is_refused(reference: str) -> None:
    _, said = _with_parent(URN, {"reference": reference})

    assert said == [("error", "Bundle.entry[1].resource.partOf")]


def test_another_servers_ids_are_not_taken_for_ones_own() -> None:
    found, _ = _with_parent(f"{ELSEWHERE}/Organization/service-1", {"reference": "Organization/service-1"})

    assert [unit.source.own for unit in found.units] == [None, None]
    assert found.units[1].parent is not None
    assert found.units[1].parent.own is None


def test_a_reference_to_another_kind_is_refused() -> None:
    part = changed(BED, "managingOrganization", {"reference": "Organization/uf-6000"})
    member = changed(_unit(1, None), "partOf", {"reference": "Organization/ej-1"})
    of_ej = {"url": UNIT["extension"][1]["url"], "valueReference": {"reference": "Organization/ej-1"}}

    assert said_of_lines(UF, part) == []
    assert said_of_lines(valid()["ej"], member | {"extension": [of_ej]}) == [
        (1, "error", "Organization.extension[0].valueReference")
    ]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_cycle_of_parents_is_refused(size: int) -> None:
    ring = [_unit(number, number % size + 1) for number in range(1, size + 1)]

    assert said_of_lines(*ring, _unit(9, 1), _unit(8, None)) == [
        (place, "error", "Organization.partOf") for place in range(size)
    ]


def test_places_and_merged_patients_make_no_cycle_either() -> None:
    rooms = [changed(PLACE, "partOf", {"reference": "Location/uh-7"})]
    merged = valid()["patient"] | {"link": [{"other": {"reference": "Patient/pat-1"}, "type": "replaced-by"}]}

    assert said_of_lines(*rooms) == [(0, "error", "Location.partOf")]
    assert said_of_lines(merged) == [(0, "error", "Patient.link[0].other")]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("unit", "service-1"),
        ("bed", "bed-9"),
        ("patient", "pat-9"),
        ("venue", "ven-9"),
        ("movement", "mvt-9"),
    ],
)
def test_no_two_resources_have_the_same_number(name: str, other: str) -> None:
    resource = valid()[name]

    said = said_of_lines(resource, resource | {"id": other})

    assert [one for one in said if one[1] == "error"] == [
        (1, "error", f"{resource['resourceType']}.identifier")
    ]


def test_no_two_lines_are_the_same_resource() -> None:
    assert said_of_lines(_unit(1, None), _unit(2, None) | {"id": "service-1"}) == [
        (1, "error", "Organization.id")
    ]


def test_units_of_different_kinds_may_have_the_same_number() -> None:
    pole = changed(UNIT, "type[0].coding[0].code", "POLE") | {"id": "pole-1"}

    assert said_of_lines(UNIT, pole) == []
    part = changed(_unit(1, None), "partOf", {"identifier": {"system": STRUCTURE, "value": "S11"}})
    assert said_of_lines(UNIT, pole, part) == [(2, "error", "Organization.partOf")]


def test_an_import_has_one_legal_entity() -> None:
    assert said_of_lines(valid()["ej"], valid()["ej"] | {"id": "ej-2"}) == [
        (1, "error", "Organization.identifier")
    ]


def test_a_new_legal_entity_brings_its_own_systems() -> None:
    problems = Problems()
    entry = line(json.dumps(BED).encode(), 0, ReadingContext(ELSEWHERE), problems)
    assert entry is not None

    (found,) = drafts([entry], ReadingContext(ELSEWHERE), problems)

    assert isinstance(found, PlaceDraft)
    assert found.systems == (("PLACE", CONTEXT.systems["PLACE"]),)


def test_a_discharge_before_the_admission_is_refused() -> None:
    assert said_of_lines(*_stay("08:00 A03", "10:00 A01 bed")) == [(1, "error", "Encounter.period.start")]


def test_what_is_dated_after_the_discharge_is_to_be_looked_at() -> None:
    assert said_of_lines(*_stay("08:00 A01 bed", "10:00 A03", "11:00 A02 bed2")) == [
        (3, "warning", "Encounter.period.start")
    ]


def test_a_summary_without_its_movements_is_not_kept() -> None:
    summary, *_ = _stay(
        "08:00 A05", "09:00 A01 bed uf:6000 doctor:Leclerc", "10:00 A06 bed2 class:I", "11:00 A03"
    )

    said = said_of_lines(summary)

    assert said == [
        (0, "warning", f"Encounter.{name}")
        for name in ("status", "period", "statusHistory", "serviceProvider", "participant", "location")
    ]


def test_a_planned_venue_needs_no_movement() -> None:
    summary, *_ = _stay()

    assert said_of_lines(summary) == []


def test_what_a_movement_says_otherwise_than_the_others_is_not_kept() -> None:
    stay = _stay("08:00 A01 bed", "10:00 A02 bed2")
    stay[1] = changed(stay[1], "status", "in-progress")
    stay[2] = changed(stay[2], "period.end", "2026-01-10T12:00:00+01:00")

    assert said_of_lines(*stay) == [
        (1, "warning", "Encounter.status"),
        (2, "warning", "Encounter.period.end"),
    ]


def test_a_cancelled_movement_does_not_count() -> None:
    stay = _stay("08:00 A01 bed")
    cancelled = changed(_stay("08:00 A01 bed", "09:00 A03")[2], "status", "cancelled")
    problems = Problems()
    entries = [
        line(json.dumps(one).encode(), n, READER, problems) for n, one in enumerate((*stay, cancelled))
    ]

    found = gather(drafts([one for one in entries if one is not None], READER, problems), problems)

    assert problems.listed() == []
    assert [one.state for one in found.stays[0].movements] == ["active", "cancelled"]


def test_movements_whose_venue_is_not_of_the_import_are_left_for_later() -> None:
    problems = Problems()
    entry = line(json.dumps(valid()["movement"]).encode(), 0, READER, problems)
    assert entry is not None

    found = gather(drafts([entry], READER, problems), problems)

    assert (found.stays, [one.movement_no for one in found.movements]) == ([], ["M1"])
    assert problems.listed() == []
