"""Shows what becomes of units, places and legal entities as systems in the field send them."""

import json
from typing import Any

import pytest
from fhirexport_server.fhir.time_zones import time_zone_of
from imports.hospital import Hospital, bundle, counts, put
from stdnum import luhn
from support.importing import exported, import_bundle

pytestmark = pytest.mark.content

Resource = dict[str, Any]
TIME_ZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
PERIOD = "http://hl7.org/fhir/StructureDefinition/organization-period"
CORE = "https://hl7.fr/ig/fhir/core"


def _said(problems: object) -> list[tuple[str, str]]:
    return [(one.severity.value, one.expression) for one in problems]  # type: ignore[attr-defined]  # a summary's


@pytest.mark.parametrize(("type_", "prefix"), [("Organization", "service"), ("Location", "bed")])
async def test_the_number_in_force_is_the_number(hospital: Hospital, type_: str, prefix: str) -> None:
    resource = hospital.first(type_, prefix)
    number = resource["identifier"][-1]
    old = number | {"use": "old", "value": "OLD-1"}
    over = number | {"value": "OLD-2", "period": {"end": "2010-01-01"}}

    summary = await hospital.stream(resource | {"identifier": [old, over, number]})

    assert counts(summary) == (0, 0, 1, 0)
    assert _said(summary.problems) == [("warning", f"{type_}.identifier[{index}]") for index in (0, 1)]


@pytest.mark.parametrize(("type_", "prefix"), [("Organization", "service"), ("Location", "bed")])
async def test_no_unit_or_place_is_without_a_number_in_force(
    hospital: Hospital, type_: str, prefix: str
) -> None:
    resource = hospital.first(type_, prefix)
    resource["identifier"][-1]["use"] = "old"

    assert await hospital.refused(put(resource)) == [(0, "Bundle.entry[0].resource.identifier")]


async def test_the_contact_points_and_the_address_in_force_are_kept(hospital: Hospital) -> None:
    unit = hospital.first("Organization", "service") | {
        "telecom": [
            {"system": "phone", "value": "1", "use": "old"},
            {"system": "phone", "value": "2", "period": {"end": "2010"}},
            {"system": "phone", "value": "3"},
            {"system": "email", "value": "a@example.org"},
        ],
        "address": [
            {"city": "A", "use": "old"},
            {"city": "B", "use": "home"},
            {"city": "C", "country": "FR"},
        ],
    }

    await hospital.stream(unit)

    now = (await hospital.now())[unit["id"]]
    assert [point["value"] for point in now["telecom"]] == ["3", "a@example.org"]
    assert now["address"] == [{"use": "work", "city": "C", "country": "FRA"}]


@pytest.mark.parametrize(
    ("type_", "prefix", "element"),
    [
        ("Organization", "service", "partOf"),
        ("Location", "bed", "partOf"),
        ("Location", "uh", "managingOrganization"),
    ],
)
@pytest.mark.parametrize("reference", [{"display": "X"}, {"reference": "#x"}])
async def test_a_reference_that_names_nothing_moves_nothing(
    hospital: Hospital, type_: str, prefix: str, element: str, reference: Resource
) -> None:
    resource = hospital.first(type_, prefix)

    summary = await hospital.stream(resource | {element: reference})

    assert _said(summary.problems) == [("warning", f"{type_}.{element}")]
    assert counts(summary) == (0, 0, 1, 0)


@pytest.mark.parametrize(("type_", "prefix"), [("Organization", "service"), ("Location", "bed")])
async def test_a_missing_name_is_no_other_name(hospital: Hospital, type_: str, prefix: str) -> None:
    there = hospital.first(type_, prefix)
    nameless = {name: value for name, value in there.items() if name != "name"}
    new = hospital.like(nameless, "NEW-1", "a1")

    summary = await hospital.stream(nameless, new, hospital.like(nameless, "NEW-2", "a2") | {"alias": ["Y"]})

    assert counts(summary) == (2, 0, 1, 0)
    assert {severity for severity, _ in _said(summary.problems)} == {"warning"}
    now = await hospital.now()
    assert now[there["id"]]["name"] == there["name"]
    numbers = {one["identifier"][-1]["value"]: one["name"] for one in now.values() if "name" in one}
    assert (numbers["NEW-1"], numbers["NEW-2"]) == ("NEW-1", "Y")


async def test_a_period_that_is_known_less_precisely_erases_nothing(hospital: Hospital) -> None:
    unit = hospital.first("Organization", "service")
    others = [one for one in unit.get("extension", ()) if one["url"] != PERIOD]

    def opened(start: str) -> Resource:
        return unit | {"extension": [{"url": PERIOD, "valuePeriod": {"start": start}}, *others]}

    await hospital.stream(opened("1994-05-06"))

    assert counts(await hospital.stream(opened("1994-05"))) == (0, 0, 1, 0)
    assert counts(await hospital.stream(opened("1995"))) == (0, 1, 0, 0)
    extensions = (await hospital.now())[unit["id"]]["extension"]
    assert [one["valuePeriod"] for one in extensions if one["url"] == PERIOD] == [{"start": "1995-01-01"}]


def _ej(finess: str, **more: object) -> Resource:
    digits = finess[:8]
    finess = digits + luhn.calc_check_digit(digits) if digits.isdigit() else f"{digits}0"
    return {
        "resourceType": "Organization",
        "id": "ej-77",
        "identifier": [
            {
                "type": {"coding": [{"system": f"{CORE}/CodeSystem/fr-core-cs-v2-0203", "code": "FINEJ"}]},
                "system": "https://finess.esante.gouv.fr",
                "value": finess,
            }
        ],
        "type": [{"coding": [{"system": f"{CORE}/CodeSystem/fr-core-cs-v2-3307", "code": "LEGAL-ENTITY"}]}],
        "name": "X",
        **more,
    }


def _zone(zone: str) -> Resource:
    return {"extension": [{"url": TIME_ZONE, "valueCode": zone}]}


async def _exported(url: str) -> Resource:
    lines = (await exported(url))[77].structure.splitlines()
    ej: Resource = json.loads(lines[0])
    return ej


async def test_an_ej_has_the_clock_of_its_department(database_url: str) -> None:
    opened = {"url": PERIOD, "valuePeriod": {"start": "2019-12-31T20:00:00Z"}}

    summary = await import_bundle(
        database_url, bundle("transaction", put(_ej("97040858", extension=[opened])))
    )

    assert _said(summary.problems) == [("warning", "Bundle.entry[0].resource.meta")]
    ej = await _exported(database_url)
    assert ej["meta"]["extension"] == _zone("Indian/Reunion")["extension"]
    assert ej["extension"][-1]["valuePeriod"] == {"start": "2020-01-01"}


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/Cayenne"])
async def test_an_ej_keeps_the_clock_that_it_says(database_url: str, zone: str) -> None:
    summary = await import_bundle(database_url, bundle("transaction", put(_ej("97040858", meta=_zone(zone)))))

    assert summary.problems == ()
    ej = await _exported(database_url)
    # Also where it is the usual one, which is told of nobody else: read again, it is the same.
    assert ej["meta"]["extension"] == _zone(zone)["extension"]
    again = await import_bundle(database_url, bundle("transaction", put(ej)))
    assert (counts(again), again.problems) == ((0, 0, 1, 0), ())


@pytest.mark.parametrize(
    ("finess", "zone"),
    [
        ("970100228", "America/Guadeloupe"),
        ("970211207", "America/Martinique"),
        ("970302022", "America/Cayenne"),
        ("970408589", "Indian/Reunion"),
        ("970500001", "America/Miquelon"),
        ("980500003", "Indian/Mayotte"),
        ("9A0000000", "America/Guadeloupe"),
        ("974000000", "Indian/Reunion"),
        ("977000000", "America/St_Barthelemy"),
        ("988000000", "Pacific/Noumea"),
        ("010780054", None),
        ("2A0000001", None),
        ("900000001", None),
        ("", None),
    ],
)
def test_the_department_of_a_finess_number_has_a_clock(finess: str, zone: str | None) -> None:
    assert time_zone_of(finess) == zone


async def test_an_ej_may_be_part_of_a_group(hospital: Hospital) -> None:
    ej = hospital.first("Organization", "ej")

    summary = await hospital.stream(ej | {"partOf": {"display": "GHT X"}})

    assert _said(summary.problems) == [("warning", "Organization.partOf")]
    assert counts(summary) == (0, 0, 1, 0)
