"""Shows that every kind of problem is said with the path of its element, and how bad it is."""

from typing import Any

import pytest
from fhir_reading.changes import GONE, changed, paths, problems_of, said_of, valid

CORE = "https://hl7.fr/ig/fhir/core"
NIA = "urn:oid:1.2.250.1.213.1.4.9"
PLACES = f"{CORE}/StructureDefinition/fr-core-organization-place-hebergement-theorique"
ERROR, WARNING = "error", "warning"
EXTENSION = {"url": "https://example.org/x", "valueString": "y"}
# What is changed, where, into what; what is said of it, and where.
CHANGES: list[tuple[str, str, Any, str, str]] = [
    # What is not known, or has no place.
    ("patient", "photo", [{"title": "x"}], WARNING, "Patient.photo"),
    ("patient", "text", {"status": "empty"}, WARNING, "Patient.text"),
    ("patient", "name[0].suffix", ["x"], WARNING, "Patient.name[0].suffix"),
    ("patient", "_birthDate", {"extension": [EXTENSION]}, WARNING, "Patient.birthDate"),
    ("patient", "no such", 1, WARNING, "Patient.<unknown>"),
    ("unit", "extension[2]", EXTENSION, WARNING, "Organization.extension[2]"),
    ("venue", "identifier[0].assigner", {"display": "x"}, WARNING, "Encounter.identifier[0].assigner"),
    ("venue", "hospitalization.reAdmission", {"text": "x"}, WARNING, "Encounter.hospitalization.reAdmission"),
    ("venue", "identifier[0].type.text", "x", WARNING, "Encounter.identifier[0].type.text"),
    ("unit", "identifier[1]", {"system": "urn:x", "value": "1"}, WARNING, "Organization.identifier[1]"),
    ("unit", "telecom[1]", {"system": "fax", "value": "1"}, WARNING, "Organization.telecom[1]"),
    ("unit", "address[1]", {"city": "X"}, WARNING, "Organization.address[1]"),
    ("unit", "meta.profile[1]", "https://example.org/p", WARNING, "Organization.meta.profile[1]"),
    ("unit", "meta.tag", [{"code": "x"}], WARNING, "Organization.meta.tag"),
    ("patient", "identifier[0].type", {"text": "x"}, WARNING, "Patient.identifier[0]"),
    ("patient", "maritalStatus", {"text": "x"}, WARNING, "Patient.maritalStatus"),
    ("patient", "gender", "other", WARNING, "Patient.gender"),
    ("patient", "modifierExtension", [EXTENSION], ERROR, "Patient.modifierExtension"),
    ("patient", "name[0].modifierExtension", [EXTENSION], ERROR, "Patient.name[0].modifierExtension"),
    ("patient", "implicitRules", "urn:x", ERROR, "Patient.implicitRules"),
    # JSON types.
    ("patient", "active", "true", ERROR, "Patient.active"),
    ("patient", "active", 1, ERROR, "Patient.active"),
    ("patient", "name", {"family": "X"}, ERROR, "Patient.name"),
    ("patient", "name", [], ERROR, "Patient.name"),
    ("patient", "name[0]", None, ERROR, "Patient.name[0]"),
    ("patient", "name[0].family", None, ERROR, "Patient.name[0].family"),
    ("patient", "name[0].family", "", ERROR, "Patient.name[0].family"),
    ("patient", "name[0].given[0]", 1, ERROR, "Patient.name[0].given[0]"),
    ("patient", "managingOrganization", [], ERROR, "Patient.managingOrganization"),
    ("patient", "managingOrganization", {}, ERROR, "Patient.managingOrganization"),
    ("place", "position.latitude", True, ERROR, "Location.position.latitude"),
    ("place", "position.latitude", 90.5, WARNING, "Location.position.latitude"),
    ("place", "position.longitude", GONE, ERROR, "Location.position.longitude"),
    ("uf", "extension[0].valueInteger", 2**40, WARNING, "Organization.extension[0].valueInteger"),
    ("uf", "extension[0].valueInteger", 1.5, ERROR, "Organization.extension[0].valueInteger"),
    ("patient", "multipleBirthInteger", 21, WARNING, "Patient.multipleBirthInteger"),
    # Cardinalities.
    ("ej", "name", GONE, WARNING, "Organization.name"),
    ("ej", "identifier", GONE, ERROR, "Organization.identifier"),
    ("ej", "partOf", {"reference": "Organization/ej-2"}, WARNING, "Organization.partOf"),
    ("unit", "identifier", GONE, ERROR, "Organization.identifier"),
    ("unit", "type", GONE, ERROR, "Organization.type"),
    ("unit", "telecom[0].system", GONE, ERROR, "Organization.telecom[0].system"),
    ("unit", "telecom[0].value", GONE, ERROR, "Organization.telecom[0].value"),
    ("uf", "extension[2]", {"url": PLACES, "valueInteger": 1}, ERROR, "Organization.extension[2]"),
    ("place", "name", GONE, WARNING, "Location.name"),
    ("place", "identifier", GONE, ERROR, "Location.identifier"),
    ("patient", "name[0].family", GONE, ERROR, "Patient.name[0].family"),
    ("patient", "name[0].given", GONE, ERROR, "Patient.name[0].given"),
    ("patient", "identifier[0].use", GONE, WARNING, "Patient.identifier[0].use"),
    ("patient", "identifier[0].system", GONE, WARNING, "Patient.identifier[0]"),
    ("patient", "identifier[0].value", GONE, WARNING, "Patient.identifier[0]"),
    ("patient", "contact[0]", {"relationship": []}, ERROR, "Patient.contact[0].relationship"),
    ("qualified", "gender", GONE, WARNING, "Patient.gender"),
    ("qualified", "birthDate", GONE, WARNING, "Patient.birthDate"),
    ("qualified", "name[0].extension", GONE, WARNING, "Patient.name"),
    ("qualified", "extension[1]", GONE, WARNING, "Patient.extension"),
    ("qualified", "extension[0]", GONE, WARNING, "Patient.extension"),
    ("qualified", "identifier[0]", GONE, WARNING, "Patient.identifier"),
    ("venue", "status", GONE, ERROR, "Encounter.status"),
    ("venue", "class", GONE, ERROR, "Encounter.class"),
    ("venue", "period", GONE, ERROR, "Encounter.period"),
    ("venue", "subject", GONE, ERROR, "Encounter.subject"),
    ("venue", "identifier", GONE, ERROR, "Encounter.identifier"),
    ("venue", "identifier[0]", GONE, ERROR, "Encounter.identifier"),
    ("venue", "account[1]", {"display": "x"}, ERROR, "Encounter.account[1]"),
    ("movement", "identifier", GONE, ERROR, "Encounter.identifier"),
    ("movement", "period.start", GONE, ERROR, "Encounter.period.start"),
    ("movement", "partOf", GONE, ERROR, "Encounter.partOf"),
    # Codes.
    ("eg", "extension[0].valueCodeableConcept.coding[0].code", "102", ERROR,
     "Organization.extension[0].valueCodeableConcept"),
    ("place", "status", "closed", ERROR, "Location.status"),
    ("place", "mode", "kind", ERROR, "Location.mode"),
    ("bed", "type[0].coding[0].code", "X", ERROR, "Location.type[0]"),
    ("patient", "gender", "M", ERROR, "Patient.gender"),
    ("patient", "name[0].prefix", ["MLLE"], WARNING, "Patient.name[0].prefix[0]"),
    ("patient", "identifier[0].use", "official", ERROR, "Patient.identifier[0].use"),
    ("patient", "maritalStatus.coding[0].code", "X", WARNING, "Patient.maritalStatus"),
    ("patient", "extension[0].extension[0].valueCodeableConcept.coding[0].code", "FRA", WARNING,
     "Patient.extension[0].extension[0].valueCodeableConcept.coding[0].code"),
    ("patient", "contact[0].relationship[0].coding[0].code", "X", WARNING,
     "Patient.contact[0].relationship[0]"),
    ("patient", "contact[0].relationship[0].extension[0].valueCode", "relationType", WARNING,
     "Patient.contact[0].relationship[0].extension"),
    ("unit", "address[0].country", "FR", WARNING, "Organization.address[0].country"),
    ("unit", "address[0].extension[0].valueCoding.code", "7505", ERROR,
     "Organization.address[0].extension[0].valueCoding.code"),
    ("unit", "address[0].extension[0].valueCoding.system", "urn:x", ERROR,
     "Organization.address[0].extension[0].valueCoding.system"),
    ("venue", "status", "closed", ERROR, "Encounter.status"),
    ("venue", "status", "entered-in-error", ERROR, "Encounter.status"),
    ("venue", "class.code", "SS", WARNING, "Encounter.class"),
    ("venue", "class.system", "urn:x", ERROR, "Encounter.class"),
    ("venue", "serviceType.coding[0].code", "a b", WARNING, "Encounter.serviceType.coding[0].code"),
    ("venue", "location[0].status", "x", ERROR, "Encounter.location[0].status"),
    ("venue", "hospitalization.dischargeDisposition.coding[0].code", "Z", WARNING,
     "Encounter.hospitalization.dischargeDisposition"),
    # Texts and numbers.
    ("unit", "name", "x" * 201, WARNING, "Organization.name"),
    ("unit", "name", "a\nb", WARNING, "Organization.name"),
    ("unit", "name", "a\x01b", ERROR, "Organization.name"),
    ("unit", "identifier[0].value", "P01 ", WARNING, "Organization.identifier[0].value"),
    ("patient", "identifier[0].system", "no uri", WARNING, "Patient.identifier[0]"),
    ("patient", "identifier[0].system", "urn:oid:1.2.250.1.213.1.4.7", WARNING, "Patient.identifier[0]"),
    ("venue", "identifier[0].system", "https://other.example", ERROR, "Encounter.identifier[0].system"),
    ("venue", "account[0].identifier.value", "N2", ERROR, "Encounter.account[0].identifier.value"),
    # Check digits.
    ("ej", "identifier[0].value", "750712185", ERROR, "Organization.identifier[0].value"),
    ("ej", "identifier[0].value", "75071218", ERROR, "Organization.identifier[0].value"),
    ("ej", "identifier[1].value", "2675004520", WARNING, "Organization.identifier[1].value"),
    ("eg", "identifier[0].value", "010000025", WARNING, "Organization.identifier[0].value"),
    ("venue", "hospitalization.origin.identifier.value", "010780055", WARNING,
     "Encounter.hospitalization.origin.identifier"),
    # Dates.
    ("patient", "birthDate", "1974-02-30", ERROR, "Patient.birthDate"),
    ("patient", "birthDate", "1849-12-31", WARNING, "Patient.birthDate"),
    ("patient", "birthDate", "25/12/1974", ERROR, "Patient.birthDate"),
    ("patient", "birthDate", "1974-12-25T00:00:00Z", WARNING, "Patient.birthDate"),
    ("patient", "deceasedDateTime", "2026-02-30T10:00:00Z", ERROR, "Patient.deceasedDateTime"),
    ("patient", "deceasedDateTime", "2026-02-03T10:00:00", ERROR, "Patient.deceasedDateTime"),
    ("patient", "deceasedDateTime", "1974-12-20T10:00:00Z", WARNING, "Patient.deceasedDateTime"),
    ("patient", "identifier[0].period", {"start": "2020-01-02", "end": "2020-01-01"}, ERROR,
     "Patient.identifier[0].period.end"),
    ("ej", "extension[0].valuePeriod.end", "1989-12-31", ERROR, "Organization.extension[0].valuePeriod.end"),
    ("ej", "extension[0].valuePeriod.start", "1990", WARNING, "Organization.extension[0].valuePeriod.start"),
    ("ej", "extension[0].valuePeriod.start", "1990-01-01T10:00:00+01:00", WARNING,
     "Organization.extension[0].valuePeriod.start"),
    ("venue", "period.end", "2026-01-10T17:59:59+01:00", ERROR, "Encounter.period.end"),
    ("venue", "period.start", "2026-01-10", WARNING, "Encounter.period.start"),
    ("venue", "extension[0].valueDate", "2026-13-01", ERROR, "Encounter.extension[0].valueDate"),
    ("venue", "statusHistory", [{"status": "planned"}], ERROR, "Encounter.statusHistory[0].period"),
    ("movement", "period.start", "2026-01-10", WARNING, "Encounter.period.start"),
    ("movement", "period.start", "2026-01-10T24:00:00+01:00", ERROR, "Encounter.period.start"),
    ("movement", "period.start", "2026-01-10T18:00:00+15:00", ERROR, "Encounter.period.start"),
    ("movement", "period.start", "2026-01-10T18:00:00.250+01:00", WARNING, "Encounter.period.start"),
    # References and ids.
    ("patient", "managingOrganization.reference", "Patient/pat-1", ERROR,
     "Patient.managingOrganization.reference"),
    ("patient", "managingOrganization.reference", "#1", WARNING, "Patient.managingOrganization"),
    ("patient", "managingOrganization.reference", "Organization/a b", ERROR,
     "Patient.managingOrganization.reference"),
    ("patient", "managingOrganization", {"display": "x"}, WARNING, "Patient.managingOrganization"),
    ("patient", "managingOrganization.type", "Location", ERROR, "Patient.managingOrganization.type"),
    ("patient", "id", "a/b", ERROR, "id"),
    ("patient", "resourceType", "Practitioner", ERROR, "resourceType"),
    ("unit", "id", "uf-12", ERROR, "Organization.type"),
    ("bed", "id", "room-3", ERROR, "Location.type"),
    ("venue", "id", "mvt-100", ERROR, "Encounter.id"),
    ("movement", "id", "ven-1", ERROR, "Encounter.id"),
    ("uf", "meta.profile[0]", f"{CORE}/StructureDefinition/fr-core-organization-uac", ERROR,
     "Organization.meta.profile"),
]  # fmt: skip


@pytest.mark.parametrize("name", valid())
def test_nothing_is_said_of_a_valid_resource(name: str) -> None:
    assert said_of(valid()[name]) == []


@pytest.mark.parametrize(("name", "path", "value", "severity", "expression"), CHANGES)
def test_a_problem_names_its_element(
    name: str, path: str, value: object, severity: str, expression: str
) -> None:
    assert said_of(changed(valid()[name], path, value)) == [(severity, expression)]


def test_the_unit_needs_its_own_number_of_the_right_system() -> None:
    unit = changed(valid()["unit"], "identifier[0].system", "https://other.example")

    assert (
        said_of(unit) == [(ERROR, "Organization.identifier"), (WARNING, "Organization.identifier[0]")][::-1]
    )


def test_a_type_of_organization_that_is_not_held_is_refused() -> None:
    unit = changed(valid()["unit"], "type[0].coding[0].code", "GHT")

    assert said_of(unit) == [(WARNING, "Organization.type[0]"), (ERROR, "Organization.type")]


def test_a_matricule_beside_an_identity_that_is_not_qualified_is_said() -> None:
    patient = changed(valid()["patient"], "identifier[1]", valid()["qualified"]["identifier"][0])

    assert said_of(patient) == [
        (WARNING, "Patient.name"),
        (WARNING, "Patient.extension"),
        (WARNING, "Patient.extension"),
    ]


def test_a_patient_has_one_official_identifier_and_one_ndp() -> None:
    patient = valid()["qualified"]
    ndp = {
        "use": "secondary",
        "type": {"coding": [{"system": f"{CORE}/CodeSystem/fr-core-cs-v2-0203", "code": "NDP"}]},
        "system": "urn:oid:1.2.250.1.176.1.2",
        "value": "1",
    }
    patient["identifier"] += [patient["identifier"][0], ndp, ndp | {"value": "2"}]

    assert said_of(patient) == [(ERROR, "Patient.identifier[2].use"), (ERROR, "Patient.identifier[4]")]


def test_every_problem_of_a_resource_is_said_at_once() -> None:
    patient = valid()["patient"]
    for path, value in (("active", 1), ("gender", "M"), ("birthDate", "x"), ("name[0].family", ""), ("x", 1)):
        patient = changed(patient, path, value)

    assert said_of(patient) == [
        (ERROR, "Patient.name[0].family"),
        (ERROR, "Patient.birthDate"),
        (ERROR, "Patient.active"),
        (ERROR, "Patient.gender"),
        (WARNING, "Patient.x"),
    ]


def test_no_problem_repeats_a_value() -> None:
    marker = "zq7"
    said = [
        problem
        for resource in valid().values()
        for path in paths(resource)
        for problem in problems_of(changed(resource, path, marker))
    ]

    assert len(said) > 500
    assert [problem for problem in said if marker in problem.text or marker in problem.expression] == []
