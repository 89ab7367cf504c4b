"""How a place is rendered, in the shapes of FR Core's own examples."""

from typing import Any

import pytest
from fhir.decoding import concept, content
from fhir.samples import BASE, CONTEXT, CORE, HL7, PLACE, SID
from fhirexport_server.domain import codes
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.fhir.rendering.structure import place

SD = f"{CORE}/StructureDefinition"


def test_a_ward() -> None:
    row = PLACE._replace(
        uf_id=6000, uf_kind="UF", description="Unité d'hébergement cardiologie", phone="84220"
    )

    assert content(place(row, CONTEXT)) == {
        "resourceType": "Location",
        "id": "uh-7",
        "meta": {"profile": [f"{SD}/fr-core-location"]},
        "identifier": [{"system": f"{SID}/place", "value": "6000H"}],
        "status": "active",
        "name": "UH Cardiologie 2e étage",
        "description": "Unité d'hébergement cardiologie",
        "mode": "instance",
        "telecom": [{"system": "phone", "value": "84220", "use": "work"}],
        "physicalType": concept(f"{HL7}/location-physical-type", "wa", "Ward"),
        "managingOrganization": {"reference": "Organization/uf-6000"},
    }


def test_a_room() -> None:
    row = PLACE._replace(
        id=8,
        kind="ROOM",
        parent_id=7,
        parent_kind="UH",
        room_type="PRSN_NGTV",
        latitude=48.85,
        longitude=2.35,
    )

    room = content(place(row, CONTEXT))

    assert room["id"] == "room-8"
    assert room["type"] == [concept(f"{CORE}/CodeSystem/fr-core-cs-location-type", "CHAMB", "Chambre")]
    assert room["physicalType"] == concept(f"{HL7}/location-physical-type", "ro", "Room")
    assert room["partOf"] == {"reference": "Location/uh-7"}
    assert room["managingOrganization"] == {"reference": "Organization/ej-1"}
    assert room["position"] == {"longitude": 2.35, "latitude": 48.85}
    assert room["extension"] == [
        {
            "url": f"{SD}/fr-core-location-type-chambre",
            "valueCoding": {
                "system": f"{CORE}/CodeSystem/fr-core-cs-location-type-chambre",
                "code": "PRSN_NGTV",
                "display": "Pression négative",
            },
        }
    ]


def test_a_bed() -> None:
    row = PLACE._replace(
        id=9, kind="BED", parent_id=8, parent_kind="ROOM", operational_status="O", bed_position="FNTR"
    )

    bed = content(place(row, CONTEXT))

    assert bed["id"] == "bed-9"
    assert bed["type"] == [concept(f"{CORE}/CodeSystem/fr-core-cs-location-type", "LIT", "Lit")]
    assert bed["physicalType"] == concept(f"{HL7}/location-physical-type", "bd", "Bed")
    assert bed["partOf"] == {"reference": "Location/room-8"}
    assert bed["operationalStatus"] == {"system": f"{HL7}/v2-0116", "code": "O", "display": "Occupied"}
    assert bed["extension"] == [
        {
            "url": f"{SD}/fr-core-location-position-lit",
            "valueCoding": {
                "system": f"{CORE}/CodeSystem/fr-core-cs-location-position-lit",
                "code": "FNTR",
                "display": "Fenêtre",
            },
        }
    ]


@pytest.mark.parametrize("kind", codes.PLACE_KIND)
def test_a_place_of_every_kind_has_its_type_and_its_level(kind: str) -> None:
    found = content(place(PLACE._replace(kind=kind), CONTEXT))
    types: list[dict[str, Any]] = found.get("type", [])

    assert [coding["code"] for kind_type in types for coding in kind_type["coding"]] == (
        [] if kind == "UH" else [codes.PLACE_KIND[kind]]
    )
    assert found["physicalType"]["coding"][0]["code"] in "wa ro bd bu lvl co wi area".split()


def test_a_number_without_a_namespace_gets_one_below_the_base_url() -> None:
    bare = EjContext(3, BASE, "Europe/Paris", {}, {}, {})

    assert content(place(PLACE, bare))["identifier"] == [
        {"system": f"{BASE}/sid/ej-3/place", "value": "6000H"}
    ]
