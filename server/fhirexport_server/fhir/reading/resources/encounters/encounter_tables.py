"""Look-up tables for the codes of Encounters: the renderer's constants, inverted."""

from typing import Final

from msgspec import json

from fhirexport_server.domain import codes
from fhirexport_server.fhir import venue_codes as code
from fhirexport_server.fhir.codings import hl7_system
from fhirexport_server.fhir.reading.datatypes.code_tables import coding_of, inverse
from fhirexport_server.fhir.reading.resources.structure.structure_tables import profile_of

VISIT, MOVEMENT, ACCOUNT = "VISIT", "MOVEMENT", "ACCOUNT"

ENCOUNTER: Final = profile_of(code.ENCOUNTER)
EXTENSIONS: Final = frozenset((code.EXPECTED_DISCHARGE,))
DATA_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
NUMBER_TYPE: Final = {
    coding_of(code.VISIT_NUMBER): VISIT,
    coding_of(code.MOVEMENT_NUMBER): MOVEMENT,
    coding_of(code.ACCOUNT_NUMBER): ACCOUNT,
    # HL7's own code for a visit number, which senders outside France use.
    (hl7_system("v2-0203"), "VN"): VISIT,
}
_STATUSES: Final = "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown"
STATUS: Final = {status: status for status in _STATUSES.split()}
_STOP_STATUSES: Final = "planned active reserved completed"
STOP_STATUS: Final = {status: status for status in _STOP_STATUSES.split()}

CLASS_SYSTEM: Final[str] = coding_of(next(iter(code.CLASS.values())))[0]
CLASS_CODES: Final[tuple[str, ...]] = tuple(code.CLASS)
# PV1-2 by class; O and R share one, which stands for O.
PATIENT_CLASS: Final = {fhir: value for value, fhir in reversed(codes.PATIENT_CLASS.items())}
ACTIVITY_TYPE: Final = {pair: ("activity_type", value) for pair, value in inverse(code.ACTIVITY_TYPE).items()}
VENUE_TYPE: Final = ACTIVITY_TYPE | {
    pair: ("admission_type", value) for pair, value in inverse(code.ADMISSION_TYPE).items()
}
_ADMIT_SOURCE_CODED: Final = {
    value: constant for value, constant in code.ADMIT_SOURCE.items() if "coding" in json.decode(constant)
}
ADMIT_SOURCE: Final = inverse(_ADMIT_SOURCE_CODED)
ADMIT_SOURCE_TEXT: Final = frozenset(code.ADMIT_SOURCE.keys() - _ADMIT_SOURCE_CODED.keys())
DISCHARGE_DISPOSITION: Final = inverse(code.DISCHARGE_DISPOSITION)
PARTICIPATION: Final = {coding_of(code.ATTENDING): "ATND"}
# The kind of place of a physical type, for references that do not tell the kind.
LEVEL: Final = inverse({kind: code.PHYSICAL_TYPE[kind] for kind in ("UH", "ROOM", "BED", *codes.PLACE_KIND)})
