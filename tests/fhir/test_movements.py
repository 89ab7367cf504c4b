"""How a movement is rendered: an Encounter that is part of its venue's."""

from typing import Any

import pytest
from fhir.decoding import concept, content
from fhir.samples import BASE, BED, CONTEXT, CORE, HL7, SID, UF, UF_CARE, UF_HEB, VENUE, at, movements
from fhirexport_server.fhir.rendering import venues

SD = f"{CORE}/StructureDefinition"
OWN = f"{BASE}/CodeSystem"
NUMBER = f"{CORE}/CodeSystem/fr-core-cs-identifier-type"


def _class(code: str) -> dict[str, str]:
    return {"system": f"{HL7}/v3-ActCode", "code": code}


def _during(start: str, end: str | None = None) -> dict[str, str]:
    period = {"start": f"{start}:00+01:00"}
    return period if end is None else period | {"end": f"{end}:00+01:00"}


def _place(reference: str, status: str, level: str, period: dict[str, str] | None = None) -> dict[str, Any]:
    place = {
        "location": {"reference": f"Location/{reference}"},
        "status": status,
        "physicalType": concept(f"{HL7}/location-physical-type", level),
    }
    return place if period is None else place | {"period": period}


def _movement_list(*lines: str) -> list[dict[str, Any]]:
    return [content(movement) for movement in venues.movements(VENUE, movements(*lines), CONTEXT)]


def test_a_movement_with_nothing_optional() -> None:
    assert _movement_list("22:00 A01") == [
        {
            "resourceType": "Encounter",
            "id": "mvt-1",
            "meta": {"profile": [f"{SD}/fr-core-encounter"]},
            "identifier": [
                {"type": concept(NUMBER, "MN"), "system": f"{SID}/mouvement", "value": "M1"},
            ],
            "status": "in-progress",
            "class": _class("IMP"),
            "type": [concept(f"{OWN}/movement-event", "A01")],
            "subject": {"reference": "Patient/pat-1"},
            "period": _during("2026-01-10T22:00"),
            "partOf": {"reference": "Encounter/ven-100"},
        }
    ]


def test_a_movement_with_everything() -> None:
    first, last = movements(
        "2026-01-10 22:00 A21 bed class:E uf:6000 nature:MHC doctor:X", "2026-01-13 08:00 A22"
    )
    first = first._replace(
        uf_care_id=UF_CARE,
        uf_heb_id=UF_HEB,
        activity_type="04",
        attending_rpps="10101201234",
        expected_return_at=at("2026-01-13 09:00"),
    )
    during = _during("2026-01-10T22:00", "2026-01-13T08:00")

    found = content(next(venues.movements(VENUE, [first, last], CONTEXT)))

    assert found["status"] == "finished"
    assert found["class"] == _class("EMER")
    assert found["type"] == [
        concept(f"{OWN}/movement-event", "A21"),
        concept(f"{OWN}/movement-nature", "MHC"),
        concept(f"{CORE}/CodeSystem/fr-core-cs-type-activite", "04"),
        concept(f"{OWN}/care-unit", f"uf-{UF_CARE}"),
        concept(f"{OWN}/accommodation-unit", f"uf-{UF_HEB}"),
    ]
    assert found["participant"][0]["individual"]["identifier"]["value"] == "10101201234"
    assert found["period"] == during
    assert found["location"] == [
        _place("bed-3", "completed", "bd", during),
        _place("room-2", "completed", "ro", during),
        _place("uh-1", "completed", "wa", during),
        _place("bed-3", "planned", "bd", _during("2026-01-13T09:00")),
    ]
    assert found["serviceProvider"] == {"reference": f"Organization/uf-{UF}"}


def test_a_movement_says_only_what_its_own_row_says() -> None:
    _, second = _movement_list("08:00 A01 bed class:E uf:6000 doctor:X", "09:00 A02")

    assert second["class"] == _class("EMER")
    assert not {"location", "serviceProvider", "participant"} & set(second)


@pytest.mark.parametrize(
    ("line", "status", "period"),
    [
        ("08:00 A01 bed", "active", _during("2026-01-10T08:00")),
        ("08:00 A21 bed", "reserved", _during("2026-01-10T08:00")),
        ("08:00 A03 bed", "completed", _during("2026-01-10T08:00", "2026-01-10T08:00")),
        ("08:00 A15 bed", "reserved", None),
    ],
)
def test_a_place_of_a_movement(line: str, status: str, period: dict[str, str] | None) -> None:
    (found,) = _movement_list(line)

    assert found["location"][0] == _place(f"bed-{BED}", status, "bd", period)


def test_the_units_and_places_of_a_movement_have_the_ids_of_the_structure() -> None:
    (found,) = _movement_list("08:00 A01 bed uf:40")

    assert found["serviceProvider"] == {"reference": "Organization/eg-40"}
