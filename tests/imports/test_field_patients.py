"""Shows what becomes of patients whose elements name somebody else or nobody, or are unknown."""

from copy import deepcopy

import pytest
from imports.field import Resource, a_number, a_patient, expressions, patients_with, send
from imports.hospital import Hospital, counts, put

pytestmark = pytest.mark.content

UNKNOWN = {
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    ]
}


def with_matricule(hospital: Hospital) -> Resource:
    """A patient with a matricule INS and an IPP."""
    patients = (one for one in hospital.resources.values() if "ins" in str(one["meta"]["profile"]))
    return deepcopy(next(one for one in patients if len(one["identifier"]) > 1))


async def test_a_matricule_alone_does_not_give_a_patient_the_number_of_another(hospital: Hospital) -> None:
    there = with_matricule(hospital)
    matricule = there["identifier"][0]
    another = a_patient(identifier=[a_number("C-NEW"), matricule])
    before = await hospital.exports()

    for one in (another, another | {"id": "a1"}):
        summary = await hospital.stream(one)
        assert [(each.severity, each.expression) for each in summary.problems][-1] == (
            "error",
            "Patient.identifier",
        )
        assert counts(summary) == (0, 0, 0, 0)
    assert await hospital.exports() == before


@pytest.mark.parametrize("way", ["id", "old number", "matricule alone", "search"])
async def test_a_patient_who_is_named_gets_another_number(hospital: Hospital, way: str) -> None:
    there = with_matricule(hospital)
    matricule, *numbers = there["identifier"]
    new = a_number("C-NEW")
    patient = {name: value for name, value in there.items() if name != "id"}
    if way == "matricule alone":
        summary = await hospital.stream(patient | {"identifier": [matricule]})
    elif way == "search":
        query = f"Patient?identifier={matricule['system']}|{matricule['value']}"
        entry = put(there | {"identifier": [matricule, new]})
        del entry["resource"]["id"]
        entry["request"]["url"] = query
        summary = await hospital.send("transaction", entry)
    elif way == "id":
        summary = await hospital.stream(there | {"identifier": [matricule, new]})
    else:
        old = [number | {"use": "old"} for number in numbers]
        summary = await hospital.stream(patient | {"identifier": [matricule, new, *old]})

    assert counts(summary)[:2] == (0, 1)
    if way != "matricule alone":
        (found,) = await patients_with(hospital, "C-NEW")
        assert found["id"] == there["id"]


@pytest.mark.parametrize(
    "name",
    [
        {"use": "official", "_family": UNKNOWN, "given": ["ALEX"]},
        {"use": "official", "family": "ESSAI", "_given": [UNKNOWN]},
        {"use": "official", "_family": UNKNOWN, "_given": [UNKNOWN]},
    ],
)
async def test_a_birth_name_that_is_not_known_refuses_nothing(hospital: Hospital, name: Resource) -> None:
    found, summary = await send(
        hospital, a_patient(name=[name, {"use": "usual", "family": "USUEL", "given": ["A"]}])
    )

    assert [(one["use"], one["family"]) for one in found["name"]] == [("usual", "USUEL")]
    assert expressions(summary) == ["Patient.name[0]"]


@pytest.mark.parametrize(
    "organization",
    [
        {"reference": "Organization/chu-x"},
        {"reference": "https://other.example.org/fhir/Organization/1"},
        {"reference": "https://other.example.org/fhir/Organization/ej-1"},
        {"reference": "Organization?identifier=urn:x|1"},
        {"identifier": {"system": "urn:x", "value": "1"}},
    ],
)
async def test_an_organization_that_is_nobodys_here_refuses_nothing(
    hospital: Hospital, organization: Resource
) -> None:
    found, summary = await send(hospital, a_patient(managingOrganization=organization))

    assert found["managingOrganization"] == {"reference": "Organization/ej-1"}
    assert expressions(summary) == ["Patient.managingOrganization"]
    again = await hospital.send("transaction", put(found | {"managingOrganization": organization}))
    assert counts(again) == (0, 0, 1, 0)


@pytest.mark.parametrize(
    "organization",
    [
        {"reference": "Organization/ej-2"},
        {"reference": "Organization?identifier=https://finess.esante.gouv.fr|750712184"},
        {"identifier": {"system": "https://finess.esante.gouv.fr", "value": "750712184"}},
    ],
)
async def test_another_legal_entity_is_refused(hospital: Hospital, organization: Resource) -> None:
    patient = a_patient(managingOrganization=organization)

    summary = await hospital.stream(patient)

    assert expressions(summary) == ["Patient.managingOrganization"]
    assert counts(summary) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("ETATS-UNIS", "USA"),
        ("États-Unis d'Amérique", "USA"),
        ("Côte d'Ivoire", "CIV"),
        ("Côte d\u2019Ivoire", "CIV"),
        ("SENEGAL", "SEN"),
        ("La Réunion", "REU"),
        ("GUADELOUPE", "GLP"),
        ("royaume uni", "GBR"),
        ("Pays-Bas", "NLD"),
        ("POLOGNE", "POL"),
        ("Congo", None),
        ("Corée", None),
        ("Ailleurs", None),
    ],
)
async def test_a_country_in_french_is_its_code(hospital: Hospital, said: str, code: str | None) -> None:
    home = {"use": "home", "city": "X", "country": said}

    found, summary = await send(hospital, a_patient(address=[home]))

    assert found["address"][0].get("country") == code
    assert expressions(summary) == ["Patient.address[0].country"]
