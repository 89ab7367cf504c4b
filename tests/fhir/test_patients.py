"""How a patient is rendered, in the shapes of FR Core's own examples."""

from typing import Any

import pytest
from fhir.decoding import concept
from fhir.patient_parts import GIVEN_NAMES, NOS, PI, RELIABILITY, SD, insee, rendered, status
from fhir.samples import CONTACT, CORE, HL7, IPP, PATIENT, SID, at
from fhirexport_server.domain.rows import PatientRow


def test_a_patient_with_nothing_optional() -> None:
    assert rendered(PATIENT, (IPP,)) == {
        "resourceType": "Patient",
        "id": "pat-1",
        "meta": {"profile": [f"{SD}/fr-core-patient"]},
        "identifier": [{"use": "usual", "type": PI, "system": f"{SID}/ipp", "value": "8000012345"}],
        "active": True,
        "name": [{"use": "official", "family": "DURAND", "given": ["Pierre"]}],
        "gender": "male",
        "birthDate": "1974-12-25",
        "managingOrganization": {"reference": "Organization/ej-1"},
    }


def test_a_patient_of_whom_nothing_is_known() -> None:
    row = PATIENT._replace(birth_family=None, first_given=None, gender=None, birth_date=None)

    assert rendered(row) == {
        "resourceType": "Patient",
        "id": "pat-1",
        "meta": {"profile": [f"{SD}/fr-core-patient"]},
        "active": True,
        "managingOrganization": {"reference": "Organization/ej-1"},
    }


FULL = PATIENT._replace(
    id=2,
    birth_family="MARTIN",
    first_given="Anne",
    birth_given_names="Anne Claire",
    used_family="LE GALL",
    used_given="Anne",
    prefix="MME",
    gender="F",
    birth_date="1969-05-12",
    birth_date_corrected=False,
    birth_insee="35238",
    birth_city="Rennes",
    birth_country="FRA",
    multiple_birth=1,
    deceased=True,
    deceased_at=at("2026-01-02 03:04:05"),
    death_city="Rennes",
    identity_status="PROV",
    identity_method="SM",
    identity_collected_on="2025-11-02",
    identity_validated_on="2025-11-03",
    identity_validation_mode="CN",
    marital_status="M",
    nationality="FR",
    address_line="12 rue de Brest",
    postal_code="35000",
    city="Rennes",
    country="FRA",
    phone_home="+33299000001",
    phone_mobile="+33612345678",
    phone_work="+33299000002",
    email="anne@example.org",
)


def test_a_patient_with_everything() -> None:
    old = IPP._replace(use_code="old", value="8000000001", assigned_on="2001-01-01", ended_on="2010-12-31")

    assert rendered(FULL, (IPP, old), (CONTACT,)) == {
        "resourceType": "Patient",
        "id": "pat-2",
        "meta": {"profile": [f"{SD}/fr-core-patient"]},
        "extension": [
            {
                "url": RELIABILITY,
                "extension": [
                    status("PROV"),
                    {
                        "url": "methodCollection",
                        "valueCoding": {
                            "system": f"{CORE}/CodeSystem/fr-core-cs-method-collection",
                            "code": "SM",
                        },
                    },
                    {"url": "dateCollection", "valueDate": "2025-11-02"},
                    {"url": "validationDate", "valueDate": "2025-11-03"},
                    {
                        "url": "validationMode",
                        "valueCoding": {
                            "system": f"{CORE}/CodeSystem/fr-core-cs-mode-validation-identity",
                            "code": "CN",
                        },
                    },
                ],
            },
            {
                "url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace",
                "valueAddress": {"extension": insee("35238"), "city": "Rennes", "country": "FRA"},
            },
            {
                "url": f"{SD}/fr-core-patient-nationality",
                "extension": [{"url": "code", "valueCodeableConcept": concept("urn:iso:std:iso:3166", "FR")}],
            },
            {"url": f"{SD}/fr-core-patient-birthdate-update-indicator", "valueBoolean": False},
            {"url": f"{SD}/fr-core-patient-death-place", "valueAddress": {"city": "Rennes"}},
        ],
        "identifier": [
            {"use": "usual", "type": PI, "system": f"{SID}/ipp", "value": "8000012345"},
            {
                "use": "old",
                "type": PI,
                "system": f"{SID}/ipp",
                "value": "8000000001",
                "period": {"start": "2001-01-01", "end": "2010-12-31"},
            },
        ],
        "active": True,
        "name": [
            {
                "extension": [{"url": GIVEN_NAMES, "valueString": "Anne Claire"}],
                "use": "official",
                "family": "MARTIN",
                "given": ["Anne", "Claire"],
                "prefix": ["MME"],
            },
            {"use": "usual", "family": "LE GALL", "given": ["Anne"]},
        ],
        "telecom": [
            {"system": "phone", "value": "+33299000001", "use": "home"},
            {"system": "phone", "value": "+33612345678", "use": "mobile"},
            {"system": "phone", "value": "+33299000002", "use": "work"},
            {"system": "email", "value": "anne@example.org", "use": "home"},
        ],
        "gender": "female",
        "birthDate": "1969-05-12",
        "deceasedDateTime": "2026-01-02T03:04:05+01:00",
        "address": [
            {
                "use": "home",
                "line": ["12 rue de Brest"],
                "city": "Rennes",
                "postalCode": "35000",
                "country": "FRA",
            }
        ],
        "maritalStatus": concept(f"{HL7}/v3-MaritalStatus", "M"),
        "multipleBirthInteger": 1,
        "contact": [
            {
                "relationship": [
                    {
                        "extension": [
                            {
                                "url": f"{SD}/fr-core-patient-contact-relationship-category",
                                "valueCode": "role",
                            }
                        ],
                        **concept(f"{NOS}/TRE_R260-HL7RoleClass/FHIR/TRE-R260-HL7RoleClass", "ECON"),
                    }
                ],
                "name": {"family": "LE GALL", "given": ["Yann"]},
                "telecom": [{"system": "phone", "value": "+33299000000"}],
            }
        ],
        "managingOrganization": {"reference": "Organization/ej-1"},
    }


@pytest.mark.parametrize(("precision", "printed"), [("D", "1974-12-25"), ("M", "1974-12"), ("Y", "1974")])
def test_a_birth_date_is_as_precise_as_it_is_known(precision: str, printed: str) -> None:
    assert rendered(PATIENT._replace(birth_date_precision=precision))["birthDate"] == printed


def _death(row: PatientRow) -> dict[str, Any]:
    return {key: value for key, value in rendered(row).items() if key.startswith("deceased")}


def test_a_death_without_a_date() -> None:
    assert _death(PATIENT) == {}
    assert _death(PATIENT._replace(deceased=False)) == {"deceasedBoolean": False}
    assert _death(PATIENT._replace(deceased=True)) == {"deceasedBoolean": True}


def test_the_date_of_a_death_wins() -> None:
    row = PATIENT._replace(deceased=False, deceased_at=at("2026-07-02 03:04:05"))

    assert _death(row) == {"deceasedDateTime": "2026-07-02T03:04:05+02:00"}


@pytest.mark.parametrize(("precision", "printed"), [("D", "2026-07-02"), ("M", "2026-07"), ("Y", "2026")])
def test_a_date_of_death_is_printed_as_far_as_it_is_known(precision: str, printed: str) -> None:
    row = PATIENT._replace(deceased=False, deceased_on="2026-07-02", deceased_on_precision=precision)

    assert _death(row) == {"deceasedDateTime": printed}


def test_the_instant_of_a_death_wins_over_its_date() -> None:
    row = PATIENT._replace(deceased_on="2026-07-01", deceased_at=at("2026-07-02 03:04:05"))

    assert _death(row) == {"deceasedDateTime": "2026-07-02T03:04:05+02:00"}


def test_a_lunar_date_of_birth_stands_beside_the_date() -> None:
    row = PATIENT._replace(lunar_birth_date="00/13/1974", birth_date_precision="Y")

    lunar = {"url": f"{CORE}/StructureDefinition/fr-core-lunar-date", "valueString": "00/13/1974"}
    assert rendered(row)["extension"] == [lunar]
    assert rendered(row)["birthDate"] == "1974"


def test_a_merged_patient_points_at_the_one_that_stays() -> None:
    assert rendered(PATIENT._replace(active=False, merged_into_id=9))["link"] == [
        {"other": {"reference": "Patient/pat-9"}, "type": "replaced-by"}
    ]


@pytest.mark.parametrize(
    ("code", "system"),
    [
        ("PACS", f"{CORE}/CodeSystem/fr-core-cs-marital-status"),
        ("UNK", f"{HL7}/v3-NullFlavor"),
        ("W", f"{HL7}/v3-MaritalStatus"),
    ],
)
def test_a_marital_status_has_the_system_that_holds_it(code: str, system: str) -> None:
    assert rendered(PATIENT._replace(marital_status=code))["maritalStatus"] == concept(system, code)


@pytest.mark.parametrize(
    ("role", "relation", "systems"),
    [
        ("QUAL", None, ["TRE_R260-HL7RoleClass/FHIR/TRE-R260-HL7RoleClass"]),
        ("TUTEUR", None, ["TRE_R217-ProtectionJuridique/FHIR/TRE-R217-ProtectionJuridique"]),
        (None, "MTH", ["TRE_R216-HL7RoleCode/FHIR/TRE-R216-HL7RoleCode"]),
        (
            "ECON",
            "SPS",
            [
                "TRE_R260-HL7RoleClass/FHIR/TRE-R260-HL7RoleClass",
                "TRE_R216-HL7RoleCode/FHIR/TRE-R216-HL7RoleCode",
            ],
        ),
        ("U", None, [f"{HL7}/v2-0131"]),
    ],
)
def test_a_contact_has_its_role_and_its_relation(
    role: str | None, relation: str | None, systems: list[str]
) -> None:
    (contact,) = rendered(PATIENT, (), (CONTACT._replace(role_code=role, relation_code=relation),))["contact"]

    found = [
        coding["system"] for relationship in contact["relationship"] for coding in relationship["coding"]
    ]
    assert found == [system if system.startswith("http") else f"{NOS}/{system}" for system in systems]


def test_a_contact_of_whom_only_the_address_is_known() -> None:
    row = CONTACT._replace(
        role_code=None,
        family=None,
        given=None,
        phone=None,
        address_line="1 rue X",
        postal_code="35000",
        city="Rennes",
    )

    assert rendered(PATIENT, (), (row,))["contact"] == [
        {"address": {"line": ["1 rue X"], "city": "Rennes", "postalCode": "35000"}}
    ]
