"""Shows what becomes of resources that are valid FHIR, but not as this service writes them."""

import json
from typing import Any

import pytest
from fhir.samples import BASE
from fhir_reading.changes import GONE, READER, changed, said_of, valid
from fhir_reading.gathering import drafts
from fhirexport_server.fhir.reading.bundles.bundle import line
from fhirexport_server.fhir.reading.json.problems import Problems

CORE = "https://hl7.fr/ig/fhir/core"
HL7 = "http://terminology.hl7.org/CodeSystem"
RELIABILITY = f"{CORE}/StructureDefinition/fr-core-identity-reliability"
ERROR, WARNING = "error", "warning"


def _coding(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _status(code: str, **more: str) -> dict[str, Any]:
    system = f"{CORE}/CodeSystem/fr-core-cs-v2-0445"
    parts: list[dict[str, Any]] = [{"url": "identityStatus", "valueCoding": {"system": system, "code": code}}]
    for mode in more.values():
        coding = {"system": f"{CORE}/CodeSystem/fr-core-cs-mode-validation-identity", "code": mode}
        parts.append({"url": "validationMode", "valueCoding": coding})
    return {"url": RELIABILITY, "extension": parts}


def _read(resource: dict[str, Any]) -> Any:  # noqa: ANN401 - a draft of whatever kind
    problems = Problems()
    entry = line(json.dumps(resource).encode(), 0, READER, problems)
    assert entry is not None
    (found,) = drafts([entry], READER, problems)
    return found


UNKNOWN = {"system": "urn:x", "code": "y"}
FHIR_LOCAL = f"{BASE}/CodeSystem/movement-event"
SAID: list[tuple[str, str, Any, list[tuple[str, str]]]] = [
    ("patient", "maritalStatus.coding[1]", UNKNOWN, [(WARNING, "Patient.maritalStatus.coding[1]")]),
    ("patient", "maritalStatus.coding[1]", {"system": f"{HL7}/v3-MaritalStatus", "code": "S"},
     [(WARNING, "Patient.maritalStatus.coding")]),
    ("patient", "maritalStatus.coding[1]", {"display": "x"}, [(WARNING, "Patient.maritalStatus.coding[1]")]),
    ("venue", "serviceType.coding[0].system", "urn:x", [(WARNING, "Encounter.serviceType")]),
    ("venue", "type[1]", _coding(f"{HL7}/v2-0007", "N"), [(WARNING, "Encounter.type[1]")]),
    ("venue", "participant[0].individual", {"display": " "},
     [(WARNING, "Encounter.participant[0].individual.display"),
      (WARNING, "Encounter.participant[0].individual")]),
    ("venue", "hospitalization.origin", {"reference": "Organization/1"},
     [(WARNING, "Encounter.hospitalization.origin")]),
    ("venue", "hospitalization.origin.identifier.system", "urn:x",
     [(WARNING, "Encounter.hospitalization.origin.identifier")]),
    ("venue", "hospitalization.origin.type", "Location", [(WARNING, "Encounter.hospitalization.origin")]),
    ("unit", "address[0].line", ["1", "2", "3"], [(WARNING, "Organization.address[0].line[2]")]),
    ("unit", "identifier[1]",
     {"type": _coding(f"{CORE}/CodeSystem/fr-core-cs-v2-0203", "SIRET"), "system": "https://sirene.fr",
      "value": "1" * 14}, [(WARNING, "Organization.identifier[1]")]),
    ("unit", "identifier[1]", {"system": "https://finess.esante.gouv.fr", "value": "1"},
     [(WARNING, "Organization.identifier[1]")]),
    ("place", "type", [_coding(f"{CORE}/CodeSystem/fr-core-cs-location-type", c) for c in ("CHAMB", "LIT")],
     [(ERROR, "Location.type")]),
    ("bed", "physicalType", _coding(f"{HL7}/location-physical-type", "ro"),
     [(WARNING, "Location.physicalType")]),
    ("patient", "contact[0]", {"organization": {"display": "x"}}, [(WARNING, "Patient.contact[0]")]),
    ("patient", "contact[0]", {"gender": "male"},
     [(ERROR, "Patient.contact[0]"), (WARNING, "Patient.contact[0].gender")]),
    ("patient", "contact[0].telecom[0].use", "mobile", [(WARNING, "Patient.contact[0].telecom[0].use")]),
    ("patient", "telecom[0].use", "old", [(WARNING, "Patient.telecom[0]")]),
    ("patient", "address[0].use", "temp", [(WARNING, "Patient.address[0]")]),
    ("patient", "address[0].type", "both", [(WARNING, "Patient.address[0].type")]),
    ("patient", "name[0].use", GONE, [(WARNING, "Patient.name[0].use")]),
    ("patient", "name[1]", {"use": "nickname", "family": "X"}, [(WARNING, "Patient.name[1]")]),
    ("patient", "name[0].given", ["x" * 60, "y" * 60], []),
    ("patient", "name[0].given", ["x" * 101], [(WARNING, "Patient.name[0].given")]),
    ("patient", "name", [{"use": "usual", "prefix": ["M"]}, {"use": "official", "family": "X", "given": ["Y"],
     "prefix": ["MME"]}], [(WARNING, "Patient.name[1].prefix[0]")]),
    ("qualified", "name[0].given", ["ANNE", "LISE"], [(WARNING, "Patient.name[0].given")]),
    ("qualified", "extension[1].valueAddress.extension[0].valueCoding.code", "99999",
     [(WARNING, "Patient.extension")]),
    ("qualified", "extension[0]", _status("VALI", mode="PC"), [(WARNING, "Patient.extension")]),
    ("qualified", "extension[2]", _status("PROV"), [(WARNING, "Patient.extension[2].extension")]),
    ("patient", "extension[1]", _status("VALI", mode="XX"),
     [(ERROR, "Patient.extension[1].extension[1].valueCoding")]),
    ("patient", "extension[1]",
     {"url": f"{CORE}/StructureDefinition/fr-core-patient-nationality", "extension": [
        {"url": "code", "valueCodeableConcept": _coding("urn:iso:std:iso:3166", "BE")}]},
     [(WARNING, "Patient.extension[1]")]),
    ("patient", "link", [{"other": {"reference": "Patient/pat-2"}, "type": "seealso"}],
     [(WARNING, "Patient.link[0]")]),
    ("patient", "multipleBirthBoolean", True, [(WARNING, "Patient.multipleBirthBoolean")]),
    ("eg", "extension[0]", {"url": f"{CORE}/StructureDefinition/fr-core-organization-sae-categorie"},
     [(ERROR, "Organization.extension[0].valueCodeableConcept")]),
    ("uf", "extension[0]", {"url": f"{CORE}/StructureDefinition/fr-core-organization-tarif"},
     [(WARNING, "Organization.extension[0]")]),
    ("movement", "type[1]", _coding(FHIR_LOCAL, "A02"), [(WARNING, "Encounter.type[1]")]),
    ("movement", "type[1]", _coding(f"{BASE}/CodeSystem/care-unit", "a b"), [(ERROR, "Encounter.type[1]")]),
    ("movement", "type[1]", _coding("urn:x", "y"), [(WARNING, "Encounter.type[1]")]),
    ("movement", "location", [{"location": {"reference": f"Location/bed-{n}"}} for n in range(1, 5)],
     [(WARNING, "Encounter.location[3]")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "value", "said"), SAID)
def test_what_is_not_kept_is_said(name: str, path: str, value: object, said: list[tuple[str, str]]) -> None:
    assert said_of(changed(valid()[name], path, value)) == said


@pytest.mark.parametrize("choice", ["deceased", "multipleBirth"])
def test_only_one_of_a_choice_of_types_is_accepted(choice: str) -> None:
    values = {
        "deceased": ("deceasedDateTime", "2026-01-10T10:00:00Z"),
        "multipleBirth": ("multipleBirthInteger", 2),
    }
    name, value = values[choice]
    both = valid()["patient"] | {f"{choice}Boolean": True, name: value}

    assert (ERROR, f"Patient.{choice}") in said_of(both)


def test_given_names_without_a_list_make_the_list() -> None:
    found = _read(changed(valid()["patient"], "name[0].given", ["Pierre", "Yves"]))

    assert (found.first_given, found.birth_given_names) == ("Pierre", "Pierre Yves")


def test_a_matricule_of_the_old_type_is_known_by_its_system() -> None:
    found = _read(changed(valid()["qualified"], "identifier[0].type", {"text": "INS"}) | {"id": "x"})

    assert [one.kind for one in found.identifiers] == ["INS-NIR", "IPP"]


def test_indicators_of_one_extension_are_all_kept() -> None:
    system = f"{CORE}/CodeSystem/fr-core-cs-uf-indicateur"
    both = {"coding": [{"system": system, "code": "HEB"}, {"system": system, "code": "MED"}]}
    found = _read(changed(valid()["uf"], "extension[1].valueCodeableConcept", both))

    assert (found.is_heb, found.is_med, found.is_mag) == (True, True, None)


def test_another_servers_movement_names_its_own_units() -> None:
    system = "https://elsewhere.example/fhir/CodeSystem"
    types = [
        {"coding": [{"system": f"{system}/movement-event", "code": "A02", "version": "1"}]},
        _coding(f"{system}/movement-nature", "H"),
        _coding(f"{system}/care-unit", "uf-6001"),
    ]
    found = _read(changed(valid()["movement"], "type", types))

    assert (found.trigger_event, found.nature) == ("A02", "H")
    assert (found.uf_care.own, found.uf_care.key) == (
        None,
        "https://elsewhere.example/fhir/Organization/uf-6001",
    )


@pytest.mark.parametrize(
    ("text", "at", "on", "precision"),
    [
        ("2024-01-15T10:20:00+01:00", 1_705_310_400, None, "D"),
        ("2024-01-15", None, "2024-01-15", "D"),
        ("2024-01", None, "2024-01-01", "M"),
        ("2024", None, "2024-01-01", "Y"),
    ],
)
def test_a_date_of_death_keeps_its_precision(
    text: str, at: int | None, on: str | None, precision: str
) -> None:
    patient = changed(valid()["patient"], "deceasedDateTime", text)
    found = _read(patient)

    assert said_of(patient) == []
    assert found.deceased is True
    assert (found.deceased_at, found.deceased_on, found.deceased_on_precision) == (at, on, precision)


@pytest.mark.parametrize("value", ["269056322083574", "2690563220835"])
def test_a_matricule_without_its_key_is_left_out(value: str) -> None:
    patient = changed(valid()["qualified"], "identifier[0].value", value)

    assert said_of(patient) == [
        (WARNING, "Patient.identifier[0].value"),
        (WARNING, "Patient.identifier"),
    ]
    assert [one.kind for one in _read(patient).identifiers] == ["IPP"]


def test_a_profile_may_say_its_version() -> None:
    unit = valid()["unit"]
    assert said_of(changed(unit, "meta.profile[0]", f"{unit['meta']['profile'][0]}|2.2.0")) == []
    assert said_of(changed(unit, "meta.profile[0]", f"{unit['meta']['profile'][0]}|2.1.0")) == [
        (WARNING, "Organization.meta.profile[0]")
    ]
