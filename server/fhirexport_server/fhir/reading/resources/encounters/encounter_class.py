"""Reading the class of an Encounter, which is one of four here: AMB, EMER, IMP and VR, as PV1-2 has them.

R4 binds `class` to v3-ActEncounterCode, extensible: every code of that list is shown as the one of the four
that it is a kind of, and so is HL7's v2-0004, which many senders have at hand.
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
    # Short stay and observation: the patient has a bed; in France, a stay (PV1-2 = I) of a day or in an
    # observation unit (UHCD).
    "SS": "IMP",
    "OBSENC": "IMP",
    # What is admitted in advance is a stay in hospital: PAM's pre-admission (A05).
    "PRENC": "IMP",
    # At home, and wherever help is brought: the patient comes to no bed of the hospital.
    "HH": "AMB",
    "FLD": "AMB",
}
_V2: Final = {"E": "EMER", "I": "IMP", "O": "AMB", "R": "AMB", "P": "IMP", "B": "IMP"}
# v3-ActCode by the URL that FHIR STU3 had for it, and by its OID.
_SAME_SYSTEM: Final = ("http://hl7.org/fhir/v3/ActCode", "urn:oid:2.16.840.1.113883.5.4")
_V3: Final = {code: code for code in tables.CLASS_CODES} | _KINDS
_CLASSES: Final = {
    (system, code): kind for system in (tables.CLASS_SYSTEM, *_SAME_SYSTEM) for code, kind in _V3.items()
} | {(hl7_system("v2-0004"), code): kind for code, kind in _V2.items()}
_RULE: Final = f"must have a code of {tables.CLASS_SYSTEM} that R4 lists (v3-ActEncounterCode)"


def class_code(element: Element, *, needed: bool = True) -> str | None:
    """Read `class`: FHIR's code of one of the four.

    Args:
        element: What has the property.
        needed: Whether nothing else can tell the class; if not, one that is not known is left out.
    """
    value = element.peek("class")
    if not isinstance(value, dict):
        element.skip("class")
        element.error("class", "is required" if value is None else "must be an object that is not empty")
        return None
    pair = value.get("system"), value.get("code")
    shown = _CLASSES.get(pair) if all(isinstance(part, str) for part in pair) else None  # type: ignore[arg-type]  # both are strings
    if shown is None:
        element.skip("class")
        if needed:
            element.error("class", _RULE)
        else:
            element.warning("class", f"is not kept: it has no code of {tables.CLASS_SYSTEM} that R4 lists")
        return None
    child = element.child("class")
    if child is not None:
        child.skip("system", "code", "display", "version", "userSelected")
    if pair != (tables.CLASS_SYSTEM, shown):
        element.warning("class", f"is kept as {shown}: this service has AMB, EMER, IMP and VR")
    return shown
