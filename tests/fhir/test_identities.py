"""How a patient's identity is rendered: its profile, identifiers, names and reliability."""

from typing import Any

import pytest
from fhir.decoding import concept, content
from fhir.samples import COMMUNE, CONTEXT, CORE, HL7, INS, IPP, PATIENT, QUALIFIED, SID
from fhirexport_server.domain import codes
from fhirexport_server.domain.rows import PatientIdentifierRow, PatientRow
from fhirexport_server.fhir.rendering.patients import patient

SD = f"{CORE}/StructureDefinition"
PI = concept(f"{HL7}/v2-0203", "PI", "Patient internal identifier")
RELIABILITY = f"{SD}/fr-core-identity-reliability"
GIVEN_NAMES = f"{SD}/fr-core-patient-birth-list-given-name"


def rendered(row: PatientRow, identifiers: tuple[PatientIdentifierRow, ...] = ()) -> dict[str, Any]:
    return content(patient(row, identifiers, (), CONTEXT))


def _status(code: str) -> dict[str, Any]:
    return {
        "url": "identityStatus",
        "valueCoding": {"system": f"{CORE}/CodeSystem/fr-core-cs-v2-0445", "code": code},
    }


def test_a_qualified_identity_conforms_to_patient_ins() -> None:
    assert rendered(QUALIFIED, (INS, IPP)) == {
        "resourceType": "Patient",
        "id": "pat-3",
        "meta": {"profile": [f"{SD}/fr-core-patient-ins"]},
        "extension": [
            {"url": RELIABILITY, "extension": [_status("VALI")]},
            {
                "url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace",
                "valueAddress": {
                    "extension": [
                        {
                            "url": f"{SD}/fr-core-address-insee-code",
                            "valueCoding": {"system": COMMUNE, "code": "63220"},
                        }
                    ]
                },
            },
        ],
        "identifier": [
            {
                "use": "official",
                "type": concept(f"{CORE}/CodeSystem/fr-core-cs-v2-0203", "INS-NIR"),
                "system": "urn:oid:1.2.250.1.213.1.4.8",
                "value": "269056322083573",
            },
            {"use": "usual", "type": PI, "system": f"{SID}/ipp", "value": "8000012345"},
        ],
        "active": True,
        "name": [
            {
                "extension": [{"url": GIVEN_NAMES, "valueString": "ANNE MARIE"}],
                "use": "official",
                "family": "DUBOIS",
                "given": ["ANNE"],
            }
        ],
        "gender": "female",
        "birthDate": "1969-05-03",
        "managingOrganization": {"reference": "Organization/ej-1"},
    }


OLD_INS = INS._replace(kind="INS-NIA", use_code="old", system="urn:oid:1.2.250.1.213.1.4.9")
UNQUALIFIED = {
    "not validated": (QUALIFIED._replace(identity_status="PROV"), (INS, IPP)),
    "of no status": (QUALIFIED._replace(identity_status=None), (INS, IPP)),
    "validated in a way that PatientINS refuses": (
        QUALIFIED._replace(identity_validation_mode="TC"),
        (INS, IPP),
    ),
    "without a birth name": (
        QUALIFIED._replace(birth_family=None, first_given=None, birth_given_names=None),
        (INS, IPP),
    ),
    "without the list of given names": (QUALIFIED._replace(birth_given_names=None), (INS, IPP)),
    "without a gender": (QUALIFIED._replace(gender=None), (INS, IPP)),
    "without a birth date": (QUALIFIED._replace(birth_date=None), (INS, IPP)),
    "without a birth place": (QUALIFIED._replace(birth_insee=None), (INS, IPP)),
    "whose matricule is old": (QUALIFIED, (OLD_INS, IPP)),
    "with two matricules": (QUALIFIED, (INS, INS._replace(seq=3, value="1"), IPP)),
}


@pytest.mark.parametrize(("row", "identifiers"), UNQUALIFIED.values(), ids=UNQUALIFIED.keys())
def test_a_matricule_does_not_travel_with_an_identity(
    row: PatientRow, identifiers: tuple[PatientIdentifierRow, ...]
) -> None:
    found = rendered(row, identifiers)

    assert found["meta"] == {"profile": [f"{SD}/fr-core-patient"]}
    assert [identifier["type"] for identifier in found["identifier"]] == [PI]


def test_an_old_matricule_travels_with_a_qualified_identity() -> None:
    found = rendered(QUALIFIED, (INS, IPP, OLD_INS))

    assert [identifier["use"] for identifier in found["identifier"]] == ["official", "usual", "old"]


@pytest.mark.parametrize(
    ("kind", "use"), [(kind, use) for kind, uses in codes.PATIENT_IDENTIFIER_USE.items() for use in uses]
)
def test_every_kind_of_identifier_has_its_type(kind: str, use: str) -> None:
    system = codes.PATIENT_IDENTIFIER_SYSTEM.get(kind, f"{SID}/{kind.lower()}")
    row = IPP._replace(kind=kind, use_code=use, system=system)
    # Old matricules beside a present one, so that the identity is qualified.
    others = () if use == "official" else (INS,)

    found = rendered(QUALIFIED, (row, *others))["identifier"][0]

    assert (found["use"], found["system"]) == (use, system)
    assert found["type"]["coding"][0]["code"] == {"IPP": "PI"}.get(kind, kind)


def test_attributes_of_an_identity_are_extensions_of_their_own() -> None:
    row = PATIENT._replace(identity_status="PROV", is_homonym=True, is_fictitious=True, is_doubtful=True)

    assert rendered(row)["extension"] == [
        {"url": RELIABILITY, "extension": [_status(code)]} for code in ("PROV", "HOMA", "FICT", "DOUT")
    ]


def test_given_names_that_do_not_begin_with_the_first_one_are_not_taken_apart() -> None:
    row = PATIENT._replace(first_given="Pierre", birth_given_names="Jean Pierre")

    assert rendered(row)["name"] == [
        {
            "extension": [{"url": GIVEN_NAMES, "valueString": "Jean Pierre"}],
            "use": "official",
            "family": "DURAND",
            "given": ["Pierre"],
        }
    ]


def test_a_prefix_goes_with_the_first_name_there_is() -> None:
    unknown = PATIENT._replace(birth_family=None, first_given=None, prefix="M")

    assert rendered(unknown._replace(used_family="X"))["name"] == [
        {"use": "usual", "family": "X", "prefix": ["M"]}
    ]
    assert rendered(unknown)["name"] == [{"prefix": ["M"]}]
