"""Patients as systems in the field send them, made up after reports of such systems."""

import json
from typing import Any

from fhirexport_server.domain.imports import ImportSummary
from imports.hospital import Hospital

IPP = "https://bourg.example.org/sid/ipp"
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
CORE = "https://hl7.fr/ig/fhir/core/StructureDefinition"
SYSTEMS = "https://hl7.fr/ig/fhir/core/CodeSystem"
Resource = dict[str, Any]


def a_number(value: str, *, type_: str | None = "PI", **more: object) -> Resource:
    found: Resource = {"use": "usual", "system": IPP, "value": value, **more}
    if type_ is not None:
        found["type"] = {"coding": [{"system": V2_0203, "code": type_}]}
    return found


def a_patient(value: str = "C-1", **more: object) -> Resource:
    """A patient as the cases have them."""
    return {
        "resourceType": "Patient",
        "identifier": [a_number(value)],
        "name": [{"use": "official", "family": "ESSAI", "given": ["ALEX"]}],
        "gender": "female",
        "birthDate": "1980-02-03",
        **more,
    }


async def patients_with(hospital: Hospital, value: str = "C-1") -> list[Resource]:
    """The patients with a number, as they are exported."""
    lines = (await hospital.exports()).patients.splitlines()
    patients: list[Resource] = [json.loads(line) for line in lines]
    return [one for one in patients if any(each["value"] == value for each in one.get("identifier", ()))]


async def send(hospital: Hospital, *resources: Resource) -> tuple[Resource, ImportSummary]:
    """Sends the patient C-1, and returns what is exported of them."""
    summary = await hospital.stream(*resources)
    assert [one for one in summary.problems if one.severity == "error"] == []
    (found,) = await patients_with(hospital)
    return found, summary


def expressions(summary: ImportSummary) -> list[str]:
    return [one.expression for one in summary.problems]
