"""How units are rendered that need no page: activity units, every kind, flags, numbers."""

from typing import Any

import pytest
from fhir.decoding import concept, content
from fhir.samples import BASE, CONTEXT, CORE, SID, UNIT
from fhirexport_server.domain import codes
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.fhir.rendering.structure import org_unit

SD = f"{CORE}/StructureDefinition"
KIND = f"{CORE}/CodeSystem/fr-core-cs-v2-3307"
NUMBER = f"{CORE}/CodeSystem/fr-core-cs-v2-0203"
FINESS = "https://finess.esante.gouv.fr"


def test_an_activity_unit_below_its_functional_unit() -> None:
    row = UNIT._replace(
        id=61,
        kind="UAC",
        parent_id=6000,
        parent_kind="UF",
        code="6000-01",
        service_discipline="127",
        rate="11",
    )

    unit = content(org_unit(row, [], CONTEXT))

    assert unit["meta"] == {"profile": [f"{SD}/fr-core-organization-uac"]}
    assert unit["type"] == [concept(KIND, "UAC")]
    assert unit["identifier"] == [{"system": f"{SID}/uac", "value": "6000-01"}]
    assert unit["partOf"] == {"reference": "Organization/uf-6000"}
    assert unit["extension"] == [
        {
            "url": f"{SD}/fr-core-organization-discipline-prestation",
            "valueCoding": {"system": f"{CORE}/CodeSystem/fr-core-cs-discipline-prestation", "code": "127"},
        },
        {
            "url": f"{SD}/fr-core-organization-tarif",
            "valueCoding": {"system": f"{CORE}/CodeSystem/fr-core-cs-code-tarif-tnjp", "code": "11"},
        },
    ]


def test_an_activity_unit_elsewhere_keeps_its_type_and_takes_the_general_profile() -> None:
    unit = content(org_unit(UNIT._replace(kind="UAC"), [], CONTEXT))

    assert unit["meta"] == {"profile": [f"{SD}/fr-core-organization"]}
    assert unit["type"] == [concept(KIND, "UAC")]


@pytest.mark.parametrize("kind", codes.ORG_KIND)
def test_a_unit_of_every_kind_has_its_own_id_and_code(kind: str) -> None:
    unit = content(org_unit(UNIT._replace(kind=kind), [], CONTEXT))

    assert unit["id"].endswith("-12")
    assert unit["type"] == [concept(KIND, codes.ORG_KIND[kind])]
    assert unit["identifier"][-1]["value"] == "S11"


def test_a_flag_that_the_database_holds_as_a_number_prints_as_a_boolean() -> None:
    no: Any = 0
    yes: Any = 1
    row = UNIT._replace(kind="UF", active=no, is_external=no, requests_acts=yes)

    unit = content(org_unit(row, [], CONTEXT))

    assert unit["active"] is False
    assert [extension["valueBoolean"] for extension in unit["extension"]] == [False, True]


def test_a_number_without_a_namespace_gets_one_below_the_base_url() -> None:
    bare = EjContext(3, BASE, "Europe/Paris", {}, {}, {})

    assert content(org_unit(UNIT, [], bare))["identifier"] == [
        {"system": f"{BASE}/sid/ej-3/structure", "value": "S11"}
    ]
