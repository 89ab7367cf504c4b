"""Reads the class of an Encounter. This service has four: AMB, EMER, IMP and VR, as in PV1-2.

R4 binds `class` to v3-ActEncounterCode (extensible). Every code of that list is mapped to the one of the
four that it is a kind of; so are the codes of HL7's v2-0004, which many senders use.
Sources: FHIR R4, v3-ActEncounterCode; HL7 v2-to-FHIR 1.0.0, PV1-2.
"""

from typing import Final

from fhirexport_server.fhir.codings import hl7_system
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.resources.encounters import encounter_tables as tables

_KINDS: Final = {
    # Acute and not acute are kinds of inpatient (v3-ActCode).
    "ACUTE": "IMP",
    "NONAC": "IMP",
    # Short stay and observation: the patient has a bed. In France, it is a stay (PV1-2 = I) of a day, or in
    # an observation unit (UHCD).
    "SS": "IMP",
    "OBSENC": "IMP",
    # A pre-admission (PAM, A05) announces a stay in hospital.
    "PRENC": "IMP",
    # At home, or wherever help comes: the patient has no bed in the hospital.
    "HH": "AMB",
    "FLD": "AMB",
}
_V2: Final = {"E": "EMER", "I": "IMP", "O": "AMB", "R": "AMB", "P": "IMP", "B": "IMP"}
# Other names of v3-ActCode: its URL in FHIR STU3, and its OID.
_SAME_SYSTEM: Final = ("http://hl7.org/fhir/v3/ActCode", "urn:oid:2.16.840.1.113883.5.4")
_V3: Final = {code: code for code in tables.CLASS_CODES} | _KINDS
_CLASSES: Final = {
    (system, code): kind for system in (tables.CLASS_SYSTEM, *_SAME_SYSTEM) for code, kind in _V3.items()
} | {(hl7_system("v2-0004"), code): kind for code, kind in _V2.items()}
_RULE: Final = f"must have a code of {tables.CLASS_SYSTEM} that R4 lists (v3-ActEncounterCode)"


def class_code(element: Element, *, needed: bool = True) -> str | None:
    """Read `class`, as one of the four.

    Args:
        element: The element with the property.
        needed: Whether an unknown class is an error; otherwise it is left out.
    """
    value = element.peek("class")
    if not isinstance(value, dict):
        element.skip("class")
        element.error("class", "is required" if value is None else "must be an object that is not empty")
        return None
    pair = value.get("system"), value.get("code")
    code = _CLASSES.get(pair) if all(isinstance(part, str) for part in pair) else None  # type: ignore[arg-type]  # both are strings
    if code is None:
        element.skip("class")
        if needed:
            element.error("class", _RULE)
        else:
            element.warning("class", f"is not kept: it has no code of {tables.CLASS_SYSTEM} that R4 lists")
        return None
    child = element.child("class")
    if child is not None:
        child.skip("system", "code", "display", "version", "userSelected")
    if pair != (tables.CLASS_SYSTEM, code):
        element.warning("class", f"is kept as {code}: this service has AMB, EMER, IMP and VR")
    return code
