"""FHIR constants of patients: profiles, identifier types, and the codes of columns.

Source: FR Core 2.2.0, Patient and PatientINS profiles and the value sets that they bind.
"""

from typing import Final

from fhirexport_server.domain import codes
from fhirexport_server.fhir.codings import (
    codings,
    concept,
    concepts,
    fr_definition,
    fr_system,
    hl7_system,
    meta,
    nos_system,
)
from fhirexport_server.fhir.model import Extension

PATIENT: Final = meta("fr-core-patient")
PATIENT_INS: Final = meta("fr-core-patient-ins")

_V2_0203: Final = hl7_system("v2-0203")
_FR_0203: Final = fr_system("v2-0203")
# The profile's patterns include the displays: without them, the identifier is in no slice.
IDENTIFIER_TYPE: Final = {
    "IPP": concept(_V2_0203, "PI", "Patient internal identifier"),
    "RRI": concept(_V2_0203, "RRI", "Regional registry ID"),
    "INS-C": concept(_FR_0203, "INS-C", "Identifiant National de Santé Calculé"),
    "NDP": concept(_FR_0203, "NDP", "Identifiant du patient au Dossier Pharmaceutique"),
    **{kind: concept(_FR_0203, kind) for kind in codes.INS_KIND},
}

RELIABILITY: Final = fr_definition("fr-core-identity-reliability")
_STATUS: Final = codings(fr_system("v2-0445"), (*codes.IDENTITY_STATUS, "HOMA", "FICT", "DOUT"))
IDENTITY_STATUS: Final = {
    code: Extension(url="identityStatus", value_coding=_STATUS[code]) for code in codes.IDENTITY_STATUS
}
# An attribute is not a status: it has an extension of its own.
ATTRIBUTE: Final = {
    code: Extension(url=RELIABILITY, extension=[Extension(url="identityStatus", value_coding=_STATUS[code])])
    for code in ("HOMA", "FICT", "DOUT")
}
IDENTITY_METHOD: Final = codings(fr_system("method-collection"), codes.IDENTITY_METHOD)
VALIDATION_MODE: Final = codings(fr_system("mode-validation-identity"), codes.IDENTITY_VALIDATION_MODE)
# fr-core-vs-mode-validation-identity-ins, which only PatientINS requires; it may also be absent.
VALIDATION_MODE_INS: Final = (None, "PA", "CN", "AN", "LE")

BIRTH_PLACE: Final = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"
NATIONALITY: Final = fr_definition("fr-core-patient-nationality")
COUNTRY_SYSTEM: Final = "urn:iso:std:iso:3166"
BIRTH_DATE_CORRECTED: Final = fr_definition("fr-core-patient-birthdate-update-indicator")
DEATH_PLACE: Final = fr_definition("fr-core-patient-death-place")
LUNAR_BIRTH_DATE: Final = fr_definition("fr-core-lunar-date")
BIRTH_GIVEN_NAMES: Final = fr_definition("fr-core-patient-birth-list-given-name")

_OTHER_MARITAL_STATUS: Final = {
    "PACS": concept(fr_system("marital-status"), "PACS"),
    "UNK": concept(hl7_system("v3-NullFlavor"), "UNK"),
}
MARITAL_STATUS: Final = concepts(hl7_system("v3-MaritalStatus"), codes.MARITAL_STATUS) | _OTHER_MARITAL_STATUS

# How many characters of YYYY-MM-DD are known.
DATE_LENGTH: Final = {"D": len("YYYY-MM-DD"), "M": len("YYYY-MM"), "Y": len("YYYY")}

_CATEGORY: Final = fr_definition("fr-core-patient-contact-relationship-category")
_ROLE: Final = Extension(url=_CATEGORY, value_code="role")
_RELATION: Final = Extension(url=_CATEGORY, value_code="relationType")
_ROLE_SYSTEM: Final = {
    nos_system("TRE_R260-HL7RoleClass"): codes.CONTACT_ROLE_CLASS,
    nos_system("TRE_R217-ProtectionJuridique"): codes.CONTACT_ROLE_LEGAL,
    hl7_system("v2-0131"): codes.CONTACT_ROLE_V2,
}
CONTACT_ROLE: Final = {
    code: concept(system, code, category=_ROLE) for system, roles in _ROLE_SYSTEM.items() for code in roles
}
_RELATION_SYSTEM: Final = nos_system("TRE_R216-HL7RoleCode")
CONTACT_RELATION: Final = {
    code: concept(_RELATION_SYSTEM, code, category=_RELATION) for code in codes.CONTACT_RELATION
}
