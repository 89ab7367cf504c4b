"""Look-up tables for the codes of patients: the renderer's constants, inverted."""

from typing import Final

from fhirexport_server.domain import codes
from fhirexport_server.fhir import patient_codes as code
from fhirexport_server.fhir.codings import hl7_system
from fhirexport_server.fhir.reading.datatypes.code_tables import inverse
from fhirexport_server.fhir.reading.resources.structure.structure_tables import profile_of

PATIENT, PATIENT_INS = map(profile_of, (code.PATIENT, code.PATIENT_INS))
IDENTIFIER_KIND: Final = inverse(code.IDENTIFIER_TYPE)
# If the type does not tell the kind (PAM's single INS has none in FHIR), the system does.
KIND_OF_SYSTEM: Final = {system: kind for kind, system in codes.PATIENT_IDENTIFIER_SYSTEM.items()}
# The OID arc of the systems of national identifiers: no other number may have a system below it.
NATIONAL_ARC: Final = "urn:oid:1.2.250.1.213.1.4."

STATUS: Final = inverse(code.IDENTITY_STATUS | code.ATTRIBUTE)
ATTRIBUTES: Final = frozenset(code.ATTRIBUTE)
METHOD: Final = inverse(code.IDENTITY_METHOD)
VALIDATION_MODE: Final = inverse(code.VALIDATION_MODE)
MARITAL_STATUS: Final = inverse(code.MARITAL_STATUS)
# FR Core refuses `other`, which is kept as unknown.
GENDER: Final = {fhir: value for value, fhir in codes.GENDER.items()} | {"other": "U"}
# Codes of R4's list of relationships (v2-0131) that mean the same as FR Core's.
_CONTACT_R4: Final = {(hl7_system("v2-0131"), "C"): "ECON", (hl7_system("v2-0131"), "N"): "NOK"}
CONTACT: Final = {
    pair: ("role", role) for pair, role in (_CONTACT_R4 | inverse(code.CONTACT_ROLE)).items()
} | {pair: ("relationType", relation) for pair, relation in inverse(code.CONTACT_RELATION).items()}
EXTENSIONS: Final = frozenset(
    (
        code.RELIABILITY,
        code.BIRTH_PLACE,
        code.NATIONALITY,
        code.BIRTH_DATE_CORRECTED,
        code.DEATH_PLACE,
        code.LUNAR_BIRTH_DATE,
    )
)
