"""FHIR constants of venues and movements: profile, identifier types, and the codes of columns.

Source: FR Core 2.2.0, Encounter; FHIR R4; IHE PAM National Extension France 2.11.1 for the codes.
"""

from typing import Final

from msgspec import Raw

from fhirexport_server.domain import codes
from fhirexport_server.fhir.codings import concept, concepts, fr_definition, fr_system, hl7_system, meta
from fhirexport_server.fhir.encoder import encoded
from fhirexport_server.fhir.model import CodeableConcept, Coding, Extension
from fhirexport_server.fhir.structure_codes import PHYSICAL, PHYSICAL_SYSTEM

ENCOUNTER: Final = meta("fr-core-encounter")

_IDENTIFIER: Final = fr_system("identifier-type")
VISIT_NUMBER: Final = concept(_IDENTIFIER, "VN")
MOVEMENT_NUMBER: Final = concept(_IDENTIFIER, "MN")
ACCOUNT_NUMBER: Final = concept(hl7_system("v2-0203"), "AN")

CLASS: Final = {
    code: encoded(Coding(system=hl7_system("v3-ActCode"), code=code)) for code in codes.PATIENT_CLASS.values()
}
ADMISSION_TYPE: Final = concepts(hl7_system("v2-0007"), codes.ADMISSION_TYPE_V2) | concepts(
    fr_system("type-admission"), codes.ADMISSION_TYPE_FR
)
ACTIVITY_TYPE: Final = concepts(fr_system("type-activite"), codes.ACTIVITY_TYPE)
SERVICE_DISCIPLINE_SYSTEM: Final = fr_system("discipline-prestation")
# 90 and 91 are French (PAM, table 0023); no code system with a URL has them.
_ADMIT_SOURCE_FR: Final = {code: encoded(CodeableConcept(text=code)) for code in ("90", "91")}
ADMIT_SOURCE: Final = concepts(hl7_system("v2-0023"), codes.ADMIT_SOURCE) | _ADMIT_SOURCE_FR
DISCHARGE_DISPOSITION: Final = concepts(fr_system("circonstances-sortie"), codes.DISCHARGE_DISPOSITION)

ATTENDING: Final = (concept(hl7_system("v3-ParticipationType"), "ATND"),)
RPPS_TYPE: Final = concept(fr_system("v2-0203"), "RPPS")
RPPS_SYSTEM: Final = "https://rpps.esante.gouv.fr"

# The physical type of each kind of place.
PHYSICAL_TYPE: Final = {kind: concept(PHYSICAL_SYSTEM, code) for kind, (code, _) in PHYSICAL.items()}

# The status of a place, by the status of the movement that names it; a planned movement is not here.
LOCATION_STATUS: Final = {"in-progress": "active", "onleave": "reserved", "finished": "completed"}

EXPECTED_DISCHARGE: Final = fr_definition("fr-core-estimated-discharge-date")
# The profile requires a period; this one says that it is unknown.
UNKNOWN_PERIOD: Final[Raw] = encoded(
    {
        "extension": [
            Extension(url="http://hl7.org/fhir/StructureDefinition/data-absent-reason", value_code="unknown")
        ]
    }
)

# The service's own code systems, below the base URL, for what R4 has no element for. The code of a unit
# is the id of its Organization.

TRIGGERS: Final = {code: code for code in codes.TRIGGER_EVENT}
NATURES: Final = {code: code for code in codes.NATURE}
TRIGGER: Final = "movement-event"
NATURE: Final = "movement-nature"
CARE_UNIT: Final = "care-unit"
ACCOMMODATION_UNIT: Final = "accommodation-unit"
