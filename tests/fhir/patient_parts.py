"""Renders patients for tests, and has the parts that several of them expect."""

from typing import Any

from fhir.decoding import concept, content
from fhir.samples import COMMUNE, CONTEXT, CORE, HL7
from fhirexport_server.domain.rows import PatientContactRow, PatientIdentifierRow, PatientRow
from fhirexport_server.fhir.rendering.patients import patient

SD = f"{CORE}/StructureDefinition"
PI = concept(f"{HL7}/v2-0203", "PI", "Patient internal identifier")
RELIABILITY = f"{SD}/fr-core-identity-reliability"
GIVEN_NAMES = f"{SD}/fr-core-patient-birth-list-given-name"
NOS = "https://mos.esante.gouv.fr/NOS"


def rendered(
    row: PatientRow,
    identifiers: tuple[PatientIdentifierRow, ...] = (),
    contacts: tuple[PatientContactRow, ...] = (),
) -> dict[str, Any]:
    return content(patient(row, identifiers, contacts, CONTEXT))


def status(code: str) -> dict[str, Any]:
    return {
        "url": "identityStatus",
        "valueCoding": {"system": f"{CORE}/CodeSystem/fr-core-cs-v2-0445", "code": code},
    }


def insee(code: str) -> list[dict[str, Any]]:
    return [{"url": f"{SD}/fr-core-address-insee-code", "valueCoding": {"system": COMMUNE, "code": code}}]
